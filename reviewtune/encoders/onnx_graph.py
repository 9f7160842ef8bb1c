"""A classifier as one graph, from token ids to the fake probability, and its ONNX file.

Shape letters: `B` reviews, `L` tokens of the longest, `D` width of the pooled states, `S` support vectors, `K` knots.
"""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from reviewtune.encoders.classifier import masked_mean

INPUTS = ("input_ids", "attention_mask")
OUTPUT = "fake_probability"

CPU = torch.device("cpu")
Numbers = NDArray[np.float64] | Sequence[float]


class ReviewGraph(nn.Module):
    """Token ids to probabilities.

    Args:
        backbone: The encoder.
        head: (B, D) pooled states to (B,) scores.
        calibration: (B,) scores to (B,) log-odds.
        projection: Of the pooled states, where the encoder has one.
    """

    def __init__(
        self, backbone: nn.Module, head: nn.Module, calibration: nn.Module, projection: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.calibration, self.projection = backbone, head, calibration, projection

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B,) fake probabilities of (B, L) token ids, whose mask is 1 at real tokens."""
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = masked_mean(hidden, attention_mask)
        if self.projection is not None:
            pooled = self.projection(pooled)
        probability: Tensor = self.calibration(self.head(pooled)).sigmoid()
        return probability


class LinearHead(nn.Module):
    """(B,) weighted sums of (B, D) states."""

    weight: Tensor

    def __init__(self, weight: Numbers, bias: float) -> None:
        super().__init__()
        self.register_buffer("weight", _tensor(weight))
        self.bias = float(bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B,) scores."""
        return pooled @ self.weight + self.bias


class RbfHead(nn.Module):
    """(B,) decisions of an RBF SVM over standardised (B, D) states.

    Args:
        support: (S, D) support vectors.
        dual: (S,) their coefficients.
        bias: Added to the sum.
        gamma: Of the kernel.
        mean, scale: (D,) by which states are standardised.
    """

    support: Tensor
    dual: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(
        self, support: Numbers, dual: Numbers, *, bias: float, gamma: float, mean: Numbers, scale: Numbers
    ) -> None:
        super().__init__()
        for name, values in {"support": support, "dual": dual, "mean": mean, "scale": scale}.items():
            self.register_buffer(name, _tensor(values))
        self.bias, self.gamma = float(bias), float(gamma)

    def forward(self, pooled: Tensor) -> Tensor:
        """(B,) scores."""
        states = (pooled - self.mean) / self.scale
        squares = states.square().sum(1, keepdim=True) + self.support.square().sum(1)
        distances = (squares - 2 * states @ self.support.T).clamp(min=0)
        return (-self.gamma * distances).exp() @ self.dual + self.bias


class BetaCurve(nn.Module):
    """Log-odds by `evaluation.beta_calibration`; with `above` and `below` 1, the line of a Platt calibration."""

    def __init__(
        self, slope: float, intercept: float, above: float = 1.0, below: float = 1.0, offset: float = 0.0
    ) -> None:
        super().__init__()
        self.slope, self.intercept, self.above, self.below, self.offset = slope, intercept, above, below, offset

    def forward(self, scores: Tensor) -> Tensor:
        """(B,) log-odds."""
        line = self.slope * scores + self.intercept
        if self.above == self.below == 1:
            return line + self.offset
        return self.above * functional.softplus(line) - self.below * functional.softplus(-line) + self.offset


class KnottedCurve(nn.Module):
    """Log-odds on lines between K knots, of the slope `tail` outside: a sum of hinges, which ONNX has."""

    knots: Tensor
    bends: Tensor

    def __init__(self, scores: Numbers, values: Numbers, tail: float, offset: float = 0.0) -> None:
        super().__init__()
        slopes = np.concatenate([[tail], np.diff(values) / np.diff(scores), [tail]])
        self.register_buffer("knots", _tensor(scores))
        self.register_buffer("bends", _tensor(np.diff(slopes)))
        self.tail, self.first, self.begin = tail, float(scores[0]), float(values[0]) + offset

    def forward(self, scores: Tensor) -> Tensor:
        """(B,) log-odds."""
        hinges = (scores.unsqueeze(1) - self.knots).clamp(min=0) @ self.bends
        return self.begin + self.tail * (scores - self.first) + hinges


def write_onnx(graph: ReviewGraph, path: Path, longest: int) -> None:
    """Write a graph as one file, for any number of reviews of up to `longest` tokens, by torch's own exporter."""
    backbone: Any = graph.backbone
    backbone.set_attn_implementation("eager" if backbone.config.model_type == "t5" else "sdpa")
    ids = torch.arange(32).reshape(2, 16) % 8 + 1
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=longest)
    shape = {0: batch, 1: length}
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                graph.eval(), (ids, torch.ones_like(ids)), path,
                input_names=list(INPUTS), output_names=[OUTPUT], dynamic_shapes=dict.fromkeys(INPUTS, shape),
                dynamo=True, external_data=False, verbose=False,
            )  # fmt: skip
    finally:
        exporter.setLevel(before)


def _tensor(values: Numbers) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
