"""What every family promises, and nothing of how it does it.

A family is one file: its params with their search space, a `fit` that yields a model after every leg, which is an epoch
or a part of one, and a `load`.
Shape letters: `N` reviews, `D` embedding width, `L` characters of a text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from reviewtune.families.space import Params

Inputs = Literal["texts", "embeddings", "tokens"]
"""What a family reads: `texts` a sequence of str, `embeddings` an (N, D) float32 array, `tokens` a
`data.tokens.Tokens`."""


@dataclass(frozen=True)
class Rows:
    """The reviews of one split in the form that a family reads.

    Attributes:
        inputs: N texts, an (N, D) array or a `Tokens`, as the family's `inputs` says. Read-only.
        fake: (N,) bool, true where the review is fake.
    """

    inputs: Any
    fake: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.fake)

    def take(self, rows: NDArray[np.int64]) -> "Rows":
        """Some of the rows in the order that is asked for; such as follow one another are not copied.

        Args:
            rows: (n,) their numbers, from 0.

        Examples:
            >>> rows = Rows(["Great", "The zip broke", "Perfect"], fake=np.array([True, False, True]))
            >>> taken = rows.take(np.array([2, 1]))
            >>> taken.inputs, taken.fake.tolist()
            (['Perfect', 'The zip broke'], [True, False])
        """
        own = slice(rows[0], rows[-1] + 1) if _follow(rows) else rows
        inputs = self.inputs
        if isinstance(inputs, list):
            return Rows(inputs[own] if isinstance(own, slice) else [inputs[row] for row in own], self.fake[own])
        return Rows(inputs[own] if isinstance(inputs, np.ndarray) else inputs.take(rows), self.fake[own])


def _follow(rows: NDArray[np.int64]) -> bool:
    """Whether they are consecutive numbers."""
    return len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1 and bool((np.diff(rows) == 1).all())


@dataclass(frozen=True)
class Setting:
    """Where and how a fit runs: the same for all trials of a study, no part of the search.

    Attributes:
        seed: Seeds every random choice of the fit.
        fast: Use faster drop-in estimators where installed (scikit-learn-intelex). Their models are not saved: the
            selected configuration is fitted once more without.
        base_model: For `tokens` families: the base model's name or folder.
        quantisation: For `tokens` families: `nf4`, `int8` or `none`.
        evaluations_per_epoch: For `tokens` families: legs that an epoch is cut into.
        first_rung: For `tokens` families: share of the first epoch that is a leg of its own; None: there is none.
        resume_from: A folder written by `Model.save_state`: go on where it stands.
        rank, world_size: This process among those that train one model together (DDP).
    """

    seed: int = 0
    fast: bool = False
    base_model: str = "minilm"
    quantisation: str = "nf4"
    evaluations_per_epoch: int = 1
    first_rung: float | None = None
    resume_from: Path | None = None
    rank: int = 0
    world_size: int = 1


class Model(Protocol):
    """A fitted model of any family."""

    def scores(self, inputs: Any) -> NDArray[np.float64]:
        """(N,) log-odds-like scores of N inputs, above 0 where the fit takes a review for fake.

        Calibration and threshold, fitted on the validation split, make probabilities and labels of them.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write what `Family.load` needs into an existing, empty folder."""
        ...


@runtime_checkable
class Additive(Protocol):
    """A model whose score of a text is a sum over its characters and a constant, so that it explains itself."""

    def text_parts(self, text: str) -> tuple[float, NDArray[np.float64]]:
        """What it says of any text, and (L,) what each of a text's characters adds to it: their sum is its score."""
        ...


@runtime_checkable
class Asking(Protocol):
    """A model that asks one question of a text after the other, and tells which."""

    def text_path(self, text: str) -> tuple[float, list[tuple[str, float]]]:
        """Its score before the first question, and each question with its answer, in words, and the score after it."""
        ...


@dataclass(frozen=True)
class Leg:
    """A part of the training that has just ended: an epoch, or one of equal parts of it.

    Attributes:
        number: 1 for the first.
        total: Legs of this configuration; `number` reaches it unless the trial is stopped.
        model: As it is now. It goes on training when the iteration does: evaluate or save it first.
        metrics: What the fit itself measured, such as `train_loss`.
        per_epoch: Legs of an epoch.
        share: Of the rows, that the first leg has seen, where it comes before those of the epochs; None: none does.
    """

    number: int
    total: int
    model: Model
    metrics: dict[str, float] = field(default_factory=dict)
    per_epoch: int = 1
    share: float | None = None

    @property
    def epoch(self) -> float:
        """Epochs that are done: a fraction where one is under way."""
        if self.share is None:
            return self.number / self.per_epoch
        return self.share if self.number == 1 else (self.number - 1) / self.per_epoch

    @property
    def last(self) -> bool:
        """No further leg follows."""
        return self.number == self.total


class Family(Protocol):
    """A kind of model with its search space."""

    name: str
    inputs: Inputs
    params: type[Params]
    trains_in_epochs: bool
    """True where `fit` yields more than once, so that a scheduler can stop weak trials early."""

    def fit(self, params: Any, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit on `train`, yielding after every leg; a family without epochs yields once.

        The same params, rows and seed give the same model.
        """
        ...

    def load(self, folder: Path) -> Model:
        """The model that `Model.save` wrote. Never reads a pickle.

        Raises:
            ArtifactError: A file is missing or damaged.
        """
        ...


def as_texts(inputs: Any) -> Sequence[str]:
    """The inputs of a `texts` family, typed."""
    return inputs  # type: ignore[no-any-return]
