from collections.abc import Sequence

import numpy as np
import pytest

from reviewtune.errors import DataError
from reviewtune.evaluation.robustness import VariantScores, robustness

FAKE = np.array([True, True, True, False, False])
PLAIN = ["9", "8", "4", "3", "1"]


def tenths(texts: Sequence[str]) -> list[float]:
    return [int(text) / 10 for text in texts]


def test_each_variant_is_scored_by_hand() -> None:
    variants = {"plain": PLAIN, "alike": ["9", "2", "2", "7", "1"], "none": ["1"] * 5}
    assert robustness(tenths, variants, FAKE, 0.5) == {
        "plain": VariantScores(num_reviews=5, f1=2 * 2 / (2 * 2 + 0 + 1), recall=2 / 3, fpr=0.0),
        "alike": VariantScores(num_reviews=5, f1=2 * 1 / (2 * 1 + 1 + 2), recall=1 / 3, fpr=1 / 2),
        "none": VariantScores(num_reviews=5, f1=0.0, recall=0.0, fpr=0.0),
    }


def test_a_review_is_fake_above_the_threshold() -> None:
    assert robustness(tenths, {"x": PLAIN}, FAKE, 0.8)["x"].recall == 1 / 3
    assert robustness(tenths, {"x": PLAIN}, FAKE, 0.3)["x"] == VariantScores(num_reviews=5, f1=1.0, recall=1.0, fpr=0.0)


def test_a_blank_text_is_never_shown_and_never_called_fake() -> None:
    scores = robustness(tenths, {"x": ["", "9", " \n", "", "9"], "y": [""] * 5}, FAKE, 0.0)
    assert scores["x"] == VariantScores(num_reviews=5, f1=2 / (2 + 1 + 2), recall=1 / 3, fpr=1 / 2)
    assert scores["y"].recall == 0


def test_the_order_of_the_names_is_kept() -> None:
    assert list(robustness(tenths, {"b": PLAIN, "a": PLAIN}, FAKE, 0.5)) == ["b", "a"]


@pytest.mark.parametrize("values", [[0.5] * 4, [[0.5]] * 5, [0.5, 0.5, 0.5, 0.5, np.nan], [2, 0, 0, 0, 0], [-0.1] * 5])
def test_what_is_no_probability_is_refused(values: list[float]) -> None:
    with pytest.raises(DataError, match=r"for the 5 texts of x: they must be probabilities in \[0, 1\]"):
        robustness(lambda texts: values, {"x": PLAIN}, FAKE, 0.5)


def test_a_variant_of_other_texts_is_refused() -> None:
    with pytest.raises(DataError, match="the variant x has 4 texts for 5 labels"):
        robustness(tenths, {"x": PLAIN[:4]}, FAKE, 0.5)


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError):
        robustness(tenths, {"x": PLAIN}, np.ones(5, dtype=bool), 0.5)
