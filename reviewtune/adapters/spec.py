"""What an adapter's training needs to know of its trial: the fields of `families.qlora.QloraParams`, by their names."""

from typing import Protocol


class LoraSpec(Protocol):
    """What an adapter computes by, trained or in training; `QloraParams` says what each field means."""

    @property
    def rank(self) -> int: ...  # noqa: D102
    @property
    def alpha(self) -> int: ...  # noqa: D102
    @property
    def rslora(self) -> bool: ...  # noqa: D102
    @property
    def dropout(self) -> float: ...  # noqa: D102
    @property
    def head_dropout(self) -> float: ...  # noqa: D102


class AdapterSpec(LoraSpec, Protocol):
    """Configuration of one adapter and its training."""

    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def learning_rate(self) -> float: ...  # noqa: D102
    @property
    def lr_schedule(self) -> str: ...  # noqa: D102
    @property
    def warmup_ratio(self) -> float: ...  # noqa: D102
    @property
    def weight_decay(self) -> float: ...  # noqa: D102
    @property
    def optimizer(self) -> str: ...  # noqa: D102
    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def epochs(self) -> int: ...  # noqa: D102


def scaling(spec: LoraSpec) -> float:
    """What the adapter's product is multiplied by: alpha / rank, or alpha / sqrt(rank) (Kalajdzievski 2023)."""
    return float(spec.alpha / (spec.rank**0.5 if spec.rslora else spec.rank))
