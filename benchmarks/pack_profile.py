"""Where the time of a pack's step goes: seconds of a GPU's kernels by what they do, over some steps in steady state.

    python benchmarks/pack_profile.py --data salminen.csv --shape stella [--room wide] [--steps 40] [--output FILE]

The frozen layers' products are the work that a pack is for; all else is what it costs beside them.
"""

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path

from pack_rate import ATTENTION, full_pack, step, trained, wait
from shapes import SHAPES, backbone, longest, reviews
from torch.profiler import ProfilerActivity, profile

from reviewtune.adapters.packed.budget import PackRoom
from reviewtune.adapters.packed.matrix_rate import matrix_rate
from reviewtune.adapters.packed.room import MOST_TOKENS
from reviewtune.encoders.loading import compute_dtype, default_device
from reviewtune.quiet import be_quiet

KINDS = {
    "grouped products of the adapters": r"group|GroupProblem|ptr_array|PtrArray",
    "attention": r"forward_kernel|backward_kernel",
    "frozen products": r"nvjet|gemm|cutlass|xmma|cublas|splitK",
    "compiled element by element": r"^triton_",
    "copies": r"Memcpy|Memset|copy",
}
"""What a kernel does, by the first of these found in its name."""
OTHER = "other"
ROOMS = {"attention": ATTENTION, "wide": PackRoom(16, 64, "all-linear", MOST_TOKENS)}


def kind_of(kernel: str) -> str:
    """What a kernel does."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, kernel)), OTHER)


def main() -> None:
    """Print seconds and shares by kind, the slowest kernels, and the rate while nothing was recorded."""
    options = _options()
    be_quiet()
    device = default_device()
    tokens, fake = reviews(options.data, options.rows, longest(options.shape), options.tokenizer)
    pack = full_pack(backbone(options.shape, compute_dtype(device)), tokens, fake, ROOMS[options.room], options.batch)
    for _ in range(options.warm):
        step(pack)
    wait()
    trained(pack)
    start = time.perf_counter()
    for _ in range(options.steps):
        step(pack)
    wait()
    seconds = time.perf_counter() - start
    rate = trained(pack) / seconds
    activities = [ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU]
    start = time.perf_counter()
    with profile(activities=activities) as recorded:
        for _ in range(options.steps):
            step(pack)
        wait()
    whole = time.perf_counter() - start
    by_kernel: Counter[str] = Counter()
    for event in recorded.key_averages():
        own_time = event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
        by_kernel[event.key] += own_time / 1e6
    by_kind: Counter[str] = Counter()
    for kernel, own in by_kernel.items():
        by_kind[kind_of(kernel)] += own
    found = {
        "steps": options.steps,
        "tokens_per_second": rate,
        "useful_tflops": 4 * pack.frozen_weights * rate / 1e12,
        "matrix_tflops": matrix_rate(device) / 1e12,
        "seconds": seconds,
        "seconds_recorded": whole,
        "by_kind": dict(by_kind.most_common()),
        "kernels": [[kind_of(kernel), own, kernel[:160]] for kernel, own in by_kernel.most_common(options.kernels)],
    }
    print(json.dumps(found, indent=1))
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--shape", choices=list(SHAPES), default="tiny")
    parser.add_argument("--room", choices=list(ROOMS), default="attention")
    parser.add_argument("--tokenizer", default="minilm", help="a known encoder's name, or a folder")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--warm", type=int, default=150, help="steps before, in which sizes are compiled and recorded")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--kernels", type=int, default=25, help="that are listed")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
