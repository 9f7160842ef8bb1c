"""Encoding on a GPU: compiled layers, batches of any size, the embeddings of a CPU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]

TEXTS = ["great tent", "a " * 50, "", "the rusty hinge broke twice and my neighbour was very sadly", "great tent"]


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    products = (left * right).sum(1)
    return np.asarray(products / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1))


@pytest.mark.parametrize("kind", ["bert", "t5", "modernbert", "stella"])
def test_compiled_layers_embed_as_a_cpu_does(
    kind: str, tiny_base: Callable[[str], Path], stella_base: Callable[..., Path]
) -> None:
    encoder = resolve_encoder(str(stella_base() if kind == "stella" else tiny_base(kind)))
    exact = TextEncoder(encoder, torch.device("cpu"), in_half=False).embed(TEXTS * 7)
    begins, compiled = (TextEncoder(encoder, compile_after=tokens) for tokens in (10**9, 0))
    for count in (5, 1, 35):
        for text_encoder in (begins, compiled):
            vectors = text_encoder.embed((TEXTS * 7)[:count])
            assert cosines(vectors, exact[:count]).min() > 0.999
