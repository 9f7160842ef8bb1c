"""A multi-layer perceptron on frozen embeddings.

The default configuration is that of the published study this project generalises (see README): hidden layers of 256 and
128, ReLU, dropout 0.5, a learning rate of 1e-3, batches of 32; but it is updated by AdamW with a weight decay of 0.01,
where the study had Adam. It stays on the CPU: its steps are too small to gain from a GPU.

Shape letters: `N` reviews, `B` batch, `D` embedding width.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from reviewtune.errors import ArtifactError
from reviewtune.families.base import Inputs, Leg, Rows, Setting
from reviewtune.families.space import Choice, Floats, Integers, Params
from reviewtune.stored import damage_explained, read_stored

WEIGHTS_FILE = "mlp.safetensors"
PARAMS_FILE = "mlp.json"

ROWS_AT_ONCE = 4096
"""Reviews standardised or scored together: bounds the memory."""


class MlpParams(Params):
    """Configuration of an MLP trial."""

    width: Annotated[int, Choice([64, 128, 256, 512])] = Field(256, ge=1, le=65_536)
    """Units of the first hidden layer; each further one has half of the one before."""
    depth: Annotated[int, Integers(1, 3)] = Field(2, ge=1, le=16)
    """Hidden layers."""
    dropout: Annotated[float, Floats(0.0, 0.7)] = Field(0.5, ge=0, lt=1)
    """Share of each hidden layer's units that a training step leaves out."""
    learning_rate: Annotated[float, Floats(1e-4, 1e-2, log=True)] = Field(1e-3, gt=0)
    """Of AdamW, the same in every step."""
    weight_decay: Annotated[float, Floats(1e-3, 1.0, log=True)] = Field(1e-2, ge=0)
    """Of AdamW: a step takes this share times the learning rate off each weight."""
    batch_size: Annotated[int, Choice([32, 64, 128, 256])] = Field(32, ge=1)
    """Reviews of an optimizer step."""
    epochs: int = Field(20, ge=1)
    """Most passes over the training reviews. The trial keeps its best epoch, so more does no harm but takes time."""


class _Network(nn.Module):
    """Embeddings to a logit each, standardised first by what `mean` and `scale` hold."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, width_in: int, params: MlpParams) -> None:
        super().__init__()
        widths = [width_in, *(max(1, params.width >> layer) for layer in range(params.depth))]
        self.register_buffer("mean", torch.zeros(width_in))
        self.register_buffer("scale", torch.ones(width_in))
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.output = nn.Linear(widths[-1], 1)

    def forward(
        self, rows: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """(B,) logits of (B, D) embeddings; with a `generator`, units are dropped out by it and no other."""
        values = (rows - self.mean) / self.scale
        for layer in self.hidden:
            values = functional.relu(layer(values))
            if generator is not None and dropout > 0:
                # torch's own dropout draws from the process-wide generator only.
                kept = torch.rand(values.shape, generator=generator) >= dropout
                values = values * kept / (1 - dropout)
        logits: torch.Tensor = self.output(values).squeeze(-1)
        return logits


class MlpModel:
    """A network with the params it was made from."""

    def __init__(self, network: _Network, params: MlpParams) -> None:
        self.network = network
        self.params = params

    @torch.inference_mode()
    def scores(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """(N,) logits of (N, D) embeddings."""
        scores = np.empty(len(inputs))
        for start in range(0, len(inputs), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            scores[part] = self.network(_tensor(inputs, part)).double().numpy()
        return scores

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors and the params as JSON."""
        save_file(self.network.state_dict(), folder / WEIGHTS_FILE)
        (folder / PARAMS_FILE).write_text(self.params.model_dump_json(indent=1) + "\n")


class MlpFamily:
    """A perceptron with hidden layers that halve.

    Examples:
        >>> from reviewtune.testing.easy_rows import easy_rows
        >>> train, test = (easy_rows("embeddings", 80, seed) for seed in (1, 2))
        >>> legs = list(MlpFamily().fit(MlpParams(batch_size=8, epochs=5), train, Setting()))
        >>> [leg.number for leg in legs], legs[-1].last
        ([1, 2, 3, 4, 5], True)
        >>> scores = legs[-1].model.scores(test.inputs)
        >>> bool(((scores > 0) == test.fake).mean() > 0.95)
        True
        >>> legs[-1].model.save(Path())
        >>> bool((MlpFamily().load(Path()).scores(test.inputs) == scores).all())
        True
    """

    name = "mlp"
    inputs: Inputs = "embeddings"
    params = MlpParams
    trains_in_epochs = True

    def fit(self, params: MlpParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit, yielding after every epoch."""
        generator = torch.Generator().manual_seed(setting.seed)
        network = _fresh_network(train.inputs, params, generator)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
        )
        for number in range(1, params.epochs + 1):
            loss = _train_epoch(network, optimizer, train, params, generator)
            model = MlpModel(network, params)
            yield Leg(number=number, total=params.epochs, model=model, metrics={"train_loss": loss})

    def load(self, folder: Path) -> MlpModel:
        """The model in `mlp.safetensors` and `mlp.json`.

        Raises:
            ArtifactError: A file is missing or damaged.
        """
        for name in (WEIGHTS_FILE, PARAMS_FILE):
            if not (folder / name).is_file():
                raise ArtifactError(f"{folder} holds no MLP: {name} is missing; give the folder of an artifact")
        with damage_explained(ArtifactError, f"the MLP in {folder}", "export the artifact again"):
            params = read_stored(folder / PARAMS_FILE, MlpParams)
            weights = load_file(folder / WEIGHTS_FILE)
            if strange := {tensor.dtype for tensor in weights.values()} - {torch.float32}:
                raise ValueError(f"{WEIGHTS_FILE} holds {strange.pop()}, not torch.float32")
            with torch.device("meta"):
                network = _Network(len(weights["mean"]), params)
            network.load_state_dict(weights, assign=True)
        return MlpModel(network, params)


def _fresh_network(inputs: NDArray[np.float32], params: MlpParams, generator: torch.Generator) -> _Network:
    """A network of He-initialised weights (2015, arXiv:1502.01852) that standardises by the statistics of `inputs`."""
    from sklearn.preprocessing import StandardScaler

    # On the meta device no weight is drawn from the process-wide generator.
    with torch.device("meta"):
        network = _Network(inputs.shape[1], params)
    network.to_empty(device="cpu")
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    scaler = StandardScaler()
    for start in range(0, len(inputs), ROWS_AT_ONCE):
        scaler.partial_fit(inputs[start : start + ROWS_AT_ONCE])
    network.mean.copy_(torch.from_numpy(scaler.mean_))
    network.scale.copy_(torch.from_numpy(scaler.scale_))
    return network


def _train_epoch(
    network: _Network, optimizer: torch.optim.Optimizer, train: Rows, params: MlpParams, generator: torch.Generator
) -> float:
    """Mean loss of the training reviews, each taken once, in a new random order."""
    fake = torch.from_numpy(train.fake.astype(np.float32))
    total = 0.0
    order = torch.randperm(len(train), generator=generator).numpy()
    for start in range(0, len(train), params.batch_size):
        batch = order[start : start + params.batch_size]
        logits = network(_tensor(train.inputs, batch), params.dropout, generator)
        loss = functional.binary_cross_entropy_with_logits(logits, fake[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(train)


def _tensor(inputs: NDArray[np.float32], rows: Any) -> torch.Tensor:
    """Some rows of an array that may be read-only, copied: torch has no read-only tensors."""
    return torch.from_numpy(np.array(inputs[rows], dtype=np.float32))
