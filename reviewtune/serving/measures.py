"""What the server counts, in Prometheus' text form."""

from collections.abc import Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from reviewtune.serving.messages import Judged

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNFAMILIAR = 0.05
"""Of reviews from where the training reviews came this share is below this value of `familiar`."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


UNFAMILIAR_REVIEWS = (
    f"Reviews less familiar than {UNFAMILIAR}: of those that are like the training reviews, that share."
)


def is_unfamiliar(judged: Judged) -> bool:
    """Whether a review is less familiar than most: one of them says nothing, a growing share of them much."""
    return judged.familiar is not None and judged.familiar < UNFAMILIAR


class Measured(Protocol):
    """Who counts."""

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        ...

    def batch(self, size: int) -> None:
        """Count a pass over so many texts."""
        ...

    def reviews(self, judged: Sequence[Judged]) -> None:
        """Count what was said of reviews."""
        ...


class Measures:
    """Counts of one server, from its start."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        own = self._registry
        self._requests = Counter(
            "reviewtune_requests", "Requests that were answered.", ["path", "status"], registry=own
        )
        self._seconds = Histogram(
            "reviewtune_request_seconds", "From a request's headers to its answer.", ["path"], buckets=SECONDS,
            registry=own,
        )  # fmt: skip
        self._batch = Histogram("reviewtune_batch_texts", "Texts of a pass.", buckets=BATCHES, registry=own)
        self._reviews = Counter("reviewtune_reviews", "Reviews that were judged.", ["label"], registry=own)
        self._unfamiliar = Counter("reviewtune_unfamiliar_reviews", UNFAMILIAR_REVIEWS, registry=own)
        self._waiting = Gauge("reviewtune_waiting_texts", "Texts whose pass has not begun.", registry=own)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, size: int) -> None:
        """Count a pass over so many texts."""
        self._batch.observe(size)

    def reviews(self, judged: Sequence[Judged]) -> None:
        """Count what was said of reviews."""
        for each in judged:
            self._reviews.labels(each.label or "none").inc()
            if is_unfamiliar(each):
                self._unfamiliar.inc()

    def text(self, waiting: int) -> bytes:
        """All counts, and how many texts wait now."""
        self._waiting.set(waiting)
        return generate_latest(self._registry)
