"""What a pack shows of itself while it runs: gauges for Prometheus and the Ray dashboard, and a few words."""

from typing import Any

from reviewtune.adapters.packed.matrix_rate import matrix_rate
from reviewtune.adapters.packed.pack import AdapterPack


class PackGauges:
    """Busy slots, reviews and tokens a second, and the share of the card's measured matrix rate.

    Args:
        rank: Of the worker.
        pack: Whose.
    """

    def __init__(self, rank: int, pack: AdapterPack) -> None:
        from ray.util.metrics import Gauge

        self.pack = pack
        self._peak = matrix_rate(pack.device)
        self._values: dict[str, float] = {}
        names = {
            "reviewtune_busy_slots": "Slots of a pack that train.",
            "reviewtune_reviews_per_second": "Training reviews a second, all slots together.",
            "reviewtune_tokens_per_second": "Training tokens a second, all slots together.",
            "reviewtune_peak_share": "Share of the card's matrix rate that the frozen weights' products take.",
        }
        self._gauges = {name: Gauge(name, description=text, tag_keys=("worker",)) for name, text in names.items()}
        for gauge in self._gauges.values():
            gauge.set_default_tags({"worker": str(rank)})

    def note(self, seconds: float, tokens: int, busy: int) -> None:
        """Set the gauges after `seconds` in which `busy` slots trained on `tokens`."""
        rate = tokens / max(seconds, 1e-9)
        # Forward, and backward to the activations, each two operations a weight; frozen weights need no gradient.
        share = 4 * self.pack.frozen_weights * rate / self._peak if self._peak else 0.0
        self._values = {
            "reviewtune_busy_slots": float(busy),
            "reviewtune_reviews_per_second": rate / float(self.pack.lengths.mean()),
            "reviewtune_tokens_per_second": rate,
            "reviewtune_peak_share": share,
        }
        for name, value in self._values.items():
            self._gauges[name].set(value)

    def line(self) -> dict[str, Any]:
        """What a trial's result says of its pack."""
        return {"pack_" + name.removeprefix("reviewtune_"): value for name, value in self._values.items()}
