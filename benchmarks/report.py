"""What packed.py has measured: printed and written after each part, with the ratios to the fastest peer."""

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pack_rate import PackRate

from reviewtune.files import write_text


class Report:
    """The numbers so far.

    Args:
        output: JSON file for them; None: they are printed alone.
        minutes: After which no further part is begun.
        found: What is known before anything is measured; `reviews` of an epoch and `matrix_tflops` of the card.

    Attributes:
        failures: Parts that could not be measured.
    """

    def __init__(self, output: Path | None, minutes: float, **found: Any) -> None:
        self.output, self.minutes, self.end = output, minutes, time.monotonic() + 60 * minutes
        self.found: dict[str, Any] = {**found, "packs": [], "peers": []}
        self.failures = 0

    def measure(self, name: str, work: Callable[[], None]) -> None:
        """Do one part, on a card that the parts before it have left; a part that fails leaves the others."""
        if time.monotonic() > self.end:
            print(f"  {name}: not begun, {self.minutes:g} minutes are over", flush=True)
            return
        # A compiled layer and an optimizer refer to themselves: those of the part before would count in the peak.
        torch._dynamo.reset()  # noqa: SLF001  what a part compiles is part of what is timed
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            work()
        except Exception as error:  # noqa: BLE001  the other parts are worth having
            self.failures += 1
            print(f"  {name}: failed, {type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
        if self.output:
            write_text(self.output, json.dumps({**self.found, "times_best_peer": self.times()}, indent=1) + "\n")

    def peer(self, name: str, rates: list[float]) -> None:
        """Note and print a peer's runs."""
        rate = float(np.median(rates))
        self.found["peers"].append({"name": name, "reviews_per_second": rate, "runs": rates})
        print(f"  {name:60} {rate:8.0f} reviews/s   ({', '.join(f'{run:.0f}' for run in rates)})", flush=True)

    def pack(self, name: str, rate: PackRate) -> None:
        """Note and print a pack's epochs and runs."""
        peak = self.found["matrix_tflops"]
        memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        self.found["packs"].append({"name": name, "peak_bytes": memory, **asdict(rate)})
        print(f"  {name}, {rate.slots} slots in this memory")
        for number, epoch in enumerate(rate.epochs, start=1):
            cold = ", cold start and all" if number == 1 else ""
            print(
                f"    epoch {number}, {self.found['reviews']} reviews a slot{cold}: {epoch.seconds:.0f} s, "
                f"{epoch.reviews_per_second:.0f} reviews/s, {epoch.tokens_per_second / 1e3:.0f} thousand tokens/s"
            )
        share = f" ({rate.useful_tflops / peak:.0%} of {peak:.0f}), {memory / 2**30:.1f} GiB" if memory else ""
        print(
            f"    steady: {rate.reviews_per_second:.0f} reviews/s ({', '.join(f'{run:.0f}' for run in rate.runs)}), "
            f"{rate.tokens_per_second / 1e3:.0f} thousand tokens/s, {rate.useful_tflops:.0f} TFLOP/s{share}",
            flush=True,
        )

    def times(self) -> dict[str, dict[str, float]]:
        """How many times the fastest peer each pack is, by epoch and in its steady state; empty without any peer."""
        if not self.found["peers"]:
            return {}
        best = self._best()["reviews_per_second"]
        return {
            pack["name"]: {
                **{
                    f"epoch {number}": epoch["reviews_per_second"] / best
                    for number, epoch in enumerate(pack["epochs"], start=1)
                },
                "steady": pack["reviews_per_second"] / best,
            }
            for pack in self.found["packs"]
        }

    def headline(self) -> None:
        """Print the ratios: what may be quoted."""
        for name, times in self.times().items():
            best, said = self._best(), ", ".join(f"{when} {ratio:.1f}" for when, ratio in times.items())
            print(f"{name}: {said} times the best peer, {best['name']}, {best['reviews_per_second']:.0f} reviews/s")

    def _best(self) -> dict[str, Any]:
        return max(self.found["peers"], key=lambda peer: peer["reviews_per_second"])
