"""Requests a second and how long they take, by how many clients ask at once: `reviewtune serve` beside a plain server.

The peer is what one would write in ten lines: a transformers pipeline over the same base model, MiniLM, behind FastAPI.
Each client sends its next request when it has its answer; all ask for reviews of the sample, in the same order. Both
servers are asked in turn, `--rounds` times: their ratio is that of the medians. On a machine that does other work the
CPU time of a request, threads that wait in a loop included, says more than its seconds.

    python benchmarks/serving.py [--artifact results/artifacts/NAME] [--clients 1 16 64] [--seconds 5] [--rounds 3]
        [--output serving.json]
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from transformers import BertForSequenceClassification

from reviewtune.data.sample import generate
from reviewtune.encoders.loading import load_backbone, load_tokenizer
from reviewtune.encoders.registry import resolve_encoder

Load = dict[str, float]
WARM_SECONDS = 1.0
HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
PEER = """
import sys, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

class Review(BaseModel):
    text: str

app, classify = FastAPI(), pipeline("text-classification", model=sys.argv[1], truncation=True)

@app.post("/predict")
def predict(review: Review):
    return classify(review.text)

uvicorn.run(app, port=int(sys.argv[2]), log_level="critical")
"""


def plain_model(folder: Path) -> Path:
    """MiniLM with a fresh head, as transformers holds a classifier: what it says does not matter."""
    encoder = resolve_encoder("minilm")
    backbone: Any = load_backbone(encoder, device=torch.device("cpu"))
    model = BertForSequenceClassification(backbone.config)
    model.bert.load_state_dict(backbone.state_dict(), strict=False)
    model.save_pretrained(folder)
    load_tokenizer(encoder).save_pretrained(folder)
    return folder


def make_artifact(folder: Path) -> Path:
    """Logistic regression on MiniLM, of the sample."""
    words = ["tune", "--data", "sample", "--families", "logreg", "--num-trials", "1", "--finalists", "0"]
    subprocess.run([sys.executable, "-m", "reviewtune", *words, "--results-dir", str(folder)], check=True)
    return next((folder / "artifacts").iterdir())


@contextmanager
def server(words: list[str], port: int) -> Iterator[psutil.Process]:
    """A server in a process of its own, once it answers."""
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 300
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    sys.exit(f"{' '.join(words)[:80]} does not answer")
                time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


async def client(port: int, texts: list[str], number: "count[int]", until: list[float], took: list[float]) -> None:
    """Ask, one request after the other, over one connection; note what those took that ended after the warm-up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (begun := time.perf_counter()) < until[1]:
        body = json.dumps({"text": texts[next(number) % len(texts)]}).encode()
        writer.write(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        if (ended := time.perf_counter()) >= until[0]:
            took.append(ended - begun)
    writer.close()


async def load_of(port: int, texts: list[str], clients: int, seconds: float, process: psutil.Process) -> Load:
    """What so many clients get in so many seconds."""
    begun = time.perf_counter() + WARM_SECONDS
    took: list[float] = []
    number = count()
    before = process.cpu_times()
    await asyncio.gather(*(client(port, texts, number, [begun, begun + seconds], took) for _ in range(clients)))
    after, milliseconds = process.cpu_times(), 1000 * np.array(took)
    return {
        "requests_per_second": len(took) / (time.perf_counter() - begun),
        "p50_ms": float(np.quantile(milliseconds, 0.5)),
        "p99_ms": float(np.quantile(milliseconds, 0.99)),
        "cpu_ms": 1000 * (after.user + after.system - before.user - before.system) / next(number),
    }


def free_port() -> int:
    """A port that nothing has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def main() -> None:
    """Measure both servers and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifact", type=Path, help="on MiniLM; default: one of the sample is made")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    told = parser.parse_args()
    texts, ports = generate()["text"].to_pylist(), (free_port(), free_port())
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        peer = ["-c", PEER, str(plain_model(Path(place) / "plain")), str(ports[0])]
        artifact = str(told.artifact or make_artifact(Path(place) / "results"))
        own = ["-m", "reviewtune", "serve", "--artifact", artifact, "--port", str(ports[1])]
        with server(peer, ports[0]) as plain, server(own, ports[1]) as ours:
            both = {"plain pipeline": (ports[0], plain), "reviewtune serve": (ports[1], ours)}
            for clients in told.clients:
                runs: dict[str, list[Load]] = {name: [] for name in both}
                for _ in range(told.rounds):
                    for name, (port, process) in both.items():
                        runs[name].append(asyncio.run(load_of(port, texts, clients, told.seconds, process)))
                medians = {
                    name: {key: float(np.median([each[key] for each in loads])) for key in loads[0]}
                    for name, loads in runs.items()
                }
                for name, each in medians.items():
                    found.append({"name": name, "clients": clients, **each, "runs": runs[name]})
                    print(
                        f"{name:17} {clients:4} clients {each['requests_per_second']:8.1f} requests/s, "
                        f"p50 {each['p50_ms']:7.1f} ms, p99 {each['p99_ms']:7.1f} ms, CPU {each['cpu_ms']:6.1f} ms",
                        flush=True,
                    )
                own_load, plain_load = medians["reviewtune serve"], medians["plain pipeline"]
                rate = own_load["requests_per_second"] / plain_load["requests_per_second"]
                cpu = own_load["cpu_ms"] / plain_load["cpu_ms"]
                print(f"{clients} clients: {rate:.2f} times the requests, {cpu:.2f} times the CPU time of each")
    if told.output:
        told.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
