"""What trials train on first, and how that is numbered, by a family that notes what it is given."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from reviewtune.data.share import nested_share
from reviewtune.families.base import Leg, Rows, Setting
from reviewtune.tuning.first_rung import legs_of
from reviewtune.tuning.training import search_fold

FAKE = np.arange(120) % 3 == 0
ROWS = Rows([f"text {number}" for number in range(120)], FAKE)


class Noting:
    """Notes the rows and the setting of each fit."""

    def __init__(self, inputs: str, legs: int = 1) -> None:
        self.inputs, self.legs = inputs, legs
        self.given: list[tuple[list[str], Setting]] = []

    def fit(self, params: Any, train: Rows, setting: Setting) -> Iterator[Leg]:
        self.given.append((train.inputs, setting))
        for number in range(1, self.legs + 1):
            model: Any = f"{params} after {number} on {len(train)}"
            yield Leg(number, self.legs, model, {"train_loss": float(len(train))})


def legs(family: Any, share: float | None, seed: int = 5) -> list[Leg]:
    return list(legs_of(family, "p", ROWS, search_fold(100, 20, seed, share), Setting(seed=seed)))


def test_without_a_share_the_fit_is_that_of_the_family() -> None:
    family = Noting("texts", legs=2)
    found = legs(family, None)
    assert [(leg.number, leg.total, leg.epoch, leg.share) for leg in found] == [(1, 2, 1, None), (2, 2, 2, None)]
    assert family.given == [(ROWS.inputs[:100], Setting(seed=5))]


@pytest.mark.parametrize("inputs", ["texts", "embeddings"])
def test_what_is_fitted_once_is_fitted_on_the_share_first(inputs: str) -> None:
    family = Noting(inputs)
    found = legs(family, 0.2)
    assert [(leg.number, leg.total, leg.epoch, leg.last) for leg in found] == [(1, 2, 0.2, False), (2, 2, 1, True)]
    assert [leg.model for leg in found] == ["p after 1 on 20", "p after 1 on 100"]
    first, second = (rows for rows, _ in family.given)
    assert first == [ROWS.inputs[row] for row in nested_share(FAKE[:100], 0.2, seed=5)]
    assert second == ROWS.inputs[:100]


def test_nothing_is_fitted_on_all_rows_before_the_share_was_judged() -> None:
    family: Any = Noting("texts")
    next(legs_of(family, "p", ROWS, search_fold(100, 20, 5, 0.2), Setting()))
    assert len(family.given) == 1


def test_the_share_is_the_same_for_all_trials_of_a_seed() -> None:
    families = [Noting("texts") for _ in range(3)]
    for family, seed in zip(families, (5, 5, 6), strict=True):
        legs(family, 0.2, seed)
    once, again, other = (family.given[0][0] for family in families)
    assert once == again != other


def test_of_what_trains_in_epochs_the_share_has_one_leg_of_all_its_epochs() -> None:
    found = legs(Noting("embeddings", legs=3), 0.2)
    assert [(leg.number, leg.total, leg.epoch) for leg in found] == [(1, 4, 0.2), (2, 4, 1), (3, 4, 2), (4, 4, 3)]
    assert found[0].model == "p after 3 on 20"  # type: ignore[comparison-overlap]
    assert found[0].metrics == {"train_loss": 20}


def test_a_family_of_tokens_has_the_share_in_its_own_course() -> None:
    family = Noting("tokens")
    legs(family, 0.2)
    assert family.given == [(ROWS.inputs[:100], Setting(seed=5, first_rung=0.2))]
