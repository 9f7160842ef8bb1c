"""Embedding texts: reviewtune's encoder beside sentence-transformers' backends, same weights, same rows, one run.

The rounds of all take turns, and the median counts. The peers run in a process of their own, by another interpreter if
one is given: what exports to ONNX and OpenVINO (`pip install 'sentence-transformers[onnx,openvino]'`) may need other
versions than reviewtune does. A backend that is not installed there is left out, with a line. On a GPU ours is measured
compiled and as it begins.

    python benchmarks/encode.py [--data FILE] [--rows 512] [--threads 2] [--peers PYTHON] [--output encode.json]
    python benchmarks/encode.py --data salminen.csv --rows 2000 --base-model FOLDER    # on a GPU
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reviewtune.data.reviews import load_reviews
from reviewtune.encoders.encode import TextEncoder, tokenize
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.schema import TEXT

BACKENDS: dict[str, dict[str, Any]] = {
    "torch": {},
    "torch, bfloat16": {"model_kwargs": {"dtype": "bfloat16"}},
}
"""What sentence-transformers is told, by the name of the way."""
ON_A_CPU = {"onnx": {"backend": "onnx"}, "openvino": {"backend": "openvino"}}
"""Ways that it has on a CPU beside them."""
PEERS = """
import json, sys, time
import numpy as np, torch
from sentence_transformers import SentenceTransformer
folder, threads, max_length, device = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)
texts, models = json.load(open(f"{folder}/texts.json")), {}
for name, options in json.loads(sys.argv[5]).items():
    try:
        models[name] = SentenceTransformer(f"{folder}/model", device=device, **options)
        models[name].max_seq_length = max_length
    except Exception as error:
        print(f"{name} is left out: {str(error).splitlines()[0]}", file=sys.stderr)
print(json.dumps(list(models)), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    name, batch = json.loads(line)
    vectors = models[name].encode(texts, batch_size=batch, normalize_embeddings=True)
    seconds = time.perf_counter() - start
    np.save(f"{folder}/vectors.npy", np.asarray(vectors, dtype=np.float32))
    print(seconds, flush=True)
"""
Timed = Callable[[], tuple[float, NDArray[np.float32]]]
"""Seconds of embedding all texts, and the vectors, each of length 1."""


def own(encoder: TextEncoder, texts: list[str]) -> Timed:
    """Of ours."""

    def timed() -> tuple[float, NDArray[np.float32]]:
        start = time.perf_counter()
        vectors = encoder.embed(texts)
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return time.perf_counter() - start, vectors

    return timed


def others(process: "subprocess.Popen[str]", name: str, batch: int, folder: Path) -> Timed:
    """Of a backend of the process, so many reviews at a time."""
    asked, told = process.stdin, process.stdout
    assert asked is not None
    assert told is not None

    def timed() -> tuple[float, NDArray[np.float32]]:
        print(json.dumps([name, batch]), file=asked, flush=True)
        seconds = float(told.readline())
        return seconds, np.load(folder / "vectors.npy")

    return timed


def main() -> None:
    """Print reviews a second of each, the ratio to ours, and the lowest cosine to sentence-transformers' float32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--base-model", default="minilm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--peers", default=sys.executable, help="the interpreter that has sentence-transformers")
    parser.add_argument("--output", type=Path)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    texts = load_reviews(told.data).table[TEXT].to_pylist()[: told.rows]
    encoder = resolve_encoder(told.base_model)
    ours = TextEncoder(encoder, compile_after=0)
    on_cpu = ours.device.type == "cpu"
    ways = {"reviewtune": own(ours, texts)}
    if on_cpu:
        ways["reviewtune, float32"] = own(TextEncoder(encoder, in_half=False), texts)
    else:
        ways["reviewtune, not compiled"] = own(TextEncoder(encoder), texts)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # In the classes of transformers itself; the backends write their models beside the weights.
        if encoder.name == "minilm":
            shutil.copytree(encoder.source, folder / "model")
        else:
            load_backbone(encoder, device=torch.device("cpu")).save_pretrained(folder / "model")
            ours.tokenizer.save_pretrained(folder / "model")
        (folder / "texts.json").write_text(json.dumps(texts))
        backends = {**BACKENDS, **ON_A_CPU} if on_cpu else BACKENDS
        asked = [place, str(told.threads), str(encoder.max_length), str(ours.device), json.dumps(backends)]
        command = [told.peers, "-c", PEERS, *asked]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            batches = [32] if on_cpu else [32, 128]
            for name in json.loads(process.stdout.readline()):
                for batch in batches:
                    title = f"sentence-transformers, {name}" + (f", batch {batch}" if len(batches) > 1 else "")
                    ways[title] = others(process, name, batch, folder)
            tokens = len(tokenize(ours.tokenizer, texts, encoder.max_length).ids)
            found = measured(ways, len(texts), tokens, told.rounds)
            assert process.stdin is not None
            process.stdin.close()
    for row in found:
        print(json.dumps(row))
    if told.output:
        told.output.write_text(json.dumps(found, indent=1) + "\n")


def measured(ways: dict[str, Timed], reviews: int, tokens: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each way, over so many reviews and their tokens; the first call of each warms it up and counts not."""
    vectors = {}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(1 + rounds):
        for name, timed in ways.items():
            taken, vectors[name] = timed()
            print(f"round {number}, {name}: {taken:.2f} s", file=sys.stderr, flush=True)
            if number:
                seconds[name].append(taken)
    ours = statistics.median(seconds["reviewtune"])
    exact = next(own for name, own in vectors.items() if name.startswith("sentence-transformers, torch"))
    return [
        {
            "way": name,
            "reviews_per_second": reviews / statistics.median(taken),
            "tokens_per_second": tokens / statistics.median(taken),
            "times_slower_than_reviewtune": statistics.median(taken) / ours,
            "lowest_cosine": float((vectors[name] * exact).sum(1).min()),
        }
        for name, taken in seconds.items()
    ]


if __name__ == "__main__":
    main()
