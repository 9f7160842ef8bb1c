"""Many LoRA trials at once over one base model, beside the fastest ways to train one at a time.

Stella's shape (or MiniLM's) with random weights, over reviews of real lengths, on a GPU; all in one run on one card:

    python benchmarks/packed.py --data salminen.csv [--shape stella] [--parts pack wide peers shared] [--output FILE]

A pack is timed from its cold start, compilation and recordings within, over whole epochs, and then in its steady state:
one of the recipe's rank on attention, and one with the room of the default search, rank 64 on all linear layers. They
come first, while the process has compiled nothing. The peers are one trial by peft: the published recipe; padded to 512
tokens and unpadded, in float32 under autocast and in bfloat16, and with the layers compiled; and four processes that
share the card, each with the fastest of these. A steady rate is the median of three runs. The ratios are to the fastest
peer. Every number is printed and written as soon as it is there.
"""

import argparse
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from pack_rate import ATTENTION, pack_rate
from peers import BATCH, PEERS, Peer, Timing, peer_rates, shared_rates
from report import Report
from shapes import SHAPES, backbone, longest, reviews

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.matrix_rate import matrix_rate
from reviewtune.adapters.packed.room import MOST_TOKENS
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.loading import compute_dtype, default_device
from reviewtune.families.qlora import QloraParams
from reviewtune.families.space import resolve
from reviewtune.quiet import be_quiet
from reviewtune.tuning.packed import _widest

PARTS = ["pack", "wide", "peers", "shared"]


def main() -> None:
    """Print the rates and their ratios to the best peer."""
    options = parse()
    be_quiet()
    if options.shape != "tiny" and not torch.cuda.is_available():
        print("benchmarks/packed.py needs a CUDA GPU, but for --shape tiny: nothing measured")
        return
    tokens, fake = reviews(options.data, options.rows, longest(options.shape), options.tokenizer)
    device = default_device()
    card = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    libraries = {library: version(library) for library in ("torch", "transformers", "peft")}
    length, peak = float(tokens.lengths.mean()), matrix_rate(device) / 1e12
    print(f"{options.shape}, {card}, {len(tokens)} reviews of {length:.0f} tokens, batch {BATCH}", flush=True)
    report = Report(
        options.output, options.minutes, shape=options.shape, device=card, versions=libraries, reviews=len(tokens),
        tokens=length, matrix_tflops=peak,
    )  # fmt: skip
    measure_packs(report, options, tokens, fake)
    measure_peers(report, options, tokens, fake)
    report.headline()
    if report.failures:
        sys.exit("not every part ran: see above")


def measure_peers(report: Report, options: argparse.Namespace, tokens: Tokens, fake: np.ndarray) -> None:
    """One trial at a time in each way, and the fastest way several times at once."""
    timing = Timing(options.runs, options.seconds)
    wanted = [peer for peer in PEERS if any(word in peer.name for word in options.match)]
    for peer in wanted if "peers" in options.parts else []:
        report.measure(
            peer.name, lambda p=peer: report.peer(p.name, peer_rates(p, options.shape, tokens, fake, timing))
        )
    if "shared" in options.parts:
        peer = fastest(report)
        name = f"{options.processes} processes, each {peer.name}"
        report.measure(
            name,
            lambda: report.peer(
                name, shared_rates(peer, options.shape, tokens, fake, timing, processes=options.processes)
            ),
        )


def fastest(report: Report) -> Peer:
    """Of the peers that were measured; without any, the one that has been fastest so far."""
    rates = {peer["name"]: peer["reviews_per_second"] for peer in report.found["peers"]}
    return max(PEERS, key=lambda peer: rates.get(peer.name, 0.0)) if rates else PEERS[-1]


def measure_packs(report: Report, options: argparse.Namespace, tokens: Tokens, fake: np.ndarray) -> None:
    """Packs of each number of slots at the recipe's rank, and one with the default search's room."""
    rank, target = _widest(*resolve(QloraParams, {}))
    rooms = [(slots, ATTENTION, "pack") for slots in options.slots]
    rooms.append((options.slots[0], PackRoom(0, rank, target, MOST_TOKENS), "wide"))
    for slots, room, part in rooms:
        if part not in options.parts:
            continue
        name = f"pack of {slots}, rank {room.rank}, {room.target}"

        def work(slots: int = slots, room: PackRoom = room, name: str = name) -> None:
            base = backbone(options.shape, compute_dtype(default_device()))
            # Compiled code of an earlier run would make the start warm.
            with (
                tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache,
                patch.dict(os.environ, {"TORCHINDUCTOR_CACHE_DIR": cache}),
            ):
                rate = pack_rate(
                    base, tokens, fake, slots=slots, batch=BATCH, room=room,
                    epochs=options.epochs, runs=options.runs, seconds=2 * options.seconds,
                )  # fmt: skip
            report.pack(name, rate)

        report.measure(name, work)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample", help="reviews whose lengths are used")
    parser.add_argument("--rows", type=int, default=4_000, help="reviews of an epoch, drawn from the data")
    parser.add_argument("--tokenizer", default="minilm", help="an encoder, or a folder with its tokenizer")
    parser.add_argument("--shape", choices=SHAPES, default="stella")
    parser.add_argument("--parts", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--match", nargs="+", default=[""], help="only peers whose name has one of these words")
    parser.add_argument(
        "--slots", type=int, nargs="+", default=[16], help="of packs; the first one's is timed wide too"
    )
    parser.add_argument("--epochs", type=int, default=2, help="that a pack is timed over from its cold start")
    parser.add_argument("--processes", type=int, default=4, help="that share the card")
    parser.add_argument("--runs", type=int, default=3, help="whose median counts")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a peer's run; a pack's takes twice as long")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which no further part is begun")
    parser.add_argument("--output", type=Path, help="JSON file for the numbers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
