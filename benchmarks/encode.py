"""Embedding texts: reviewtune's encoder beside sentence-transformers' backends, same weights, same rows, one run.

The rounds of all take turns, and the median counts. ONNX and OpenVINO are measured where they are installed
(`pip install 'optimum-onnx' 'optimum-intel[openvino]' onnxruntime`), their models exported from the same weights.

    python benchmarks/encode.py [--data FILE] [--rows 512] [--threads 2] [--output encode.json]
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from reviewtune.data.reviews import load_reviews
from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.schema import TEXT

ROUNDS = 5
PEERS: dict[str, dict[str, Any]] = {
    "torch": {},
    "torch, bfloat16": {"model_kwargs": {"dtype": "bfloat16"}},
    "onnx": {"backend": "onnx"},
    "openvino": {"backend": "openvino"},
}
"""What sentence-transformers is told, by the name of the way."""
Embed = Callable[[list[str]], NDArray[np.float32]]


def peer(source: str, max_length: int, options: dict[str, Any], device: str) -> Embed | None:
    """`encode` of one of its backends; None, with a line, where that is not installed."""
    try:
        model = SentenceTransformer(source, device=device, **options)
    except Exception as error:  # noqa: BLE001 - what is missing is told by each backend in its own way
        print(f"{options} is left out: {str(error).splitlines()[0]}", file=sys.stderr)
        return None
    model.max_seq_length = max_length
    return lambda texts: model.encode(texts, batch_size=32, normalize_embeddings=True).astype(np.float32)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Print reviews a second of each, the ratio to ours, and the lowest cosine to sentence-transformers' float32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    texts = load_reviews(told.data).table[TEXT].to_pylist()[: told.rows]
    encoder = resolve_encoder("minilm")
    ours = TextEncoder(encoder)
    ways: dict[str, Embed] = {"reviewtune": lambda texts: unit(ours.embed(texts))}
    with tempfile.TemporaryDirectory() as place:
        # The backends write their models beside the weights.
        source = shutil.copytree(encoder.source, Path(place) / "model")
        for name, options in PEERS.items():
            if made := peer(str(source), encoder.max_length, options, str(ours.device)):
                ways[f"sentence-transformers, {name}"] = made
        if ours.device.type == "cpu":
            exact = TextEncoder(encoder, in_half=False)
            ways["reviewtune, float32"] = lambda texts: unit(exact.embed(texts))
        found = measured(ways, texts)
    for row in found:
        print(json.dumps(row))
    if told.output:
        told.output.write_text(json.dumps(found, indent=1) + "\n")


def measured(ways: dict[str, Embed], texts: list[str]) -> list[dict[str, Any]]:
    """A row for each way."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    vectors = {name: embed(texts) for name, embed in ways.items()}
    for _ in range(ROUNDS):
        for name, embed in ways.items():
            start = time.perf_counter()
            embed(texts)
            seconds[name].append(time.perf_counter() - start)
    own = statistics.median(seconds["reviewtune"])
    exact = vectors["sentence-transformers, torch"]
    return [
        {
            "way": name,
            "reviews_per_second": len(texts) / statistics.median(taken),
            "times_slower_than_reviewtune": statistics.median(taken) / own,
            "lowest_cosine": float((vectors[name] * exact).sum(1).min()),
        }
        for name, taken in seconds.items()
    ]


if __name__ == "__main__":
    main()
