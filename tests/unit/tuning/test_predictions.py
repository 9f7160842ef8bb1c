from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from reviewtune.errors import StudyError
from reviewtune.tuning.predictions import keep_predictions, kept_scores, scores_on_test

FAKE = np.array([True, False, True, False])
SCORES = np.array([2.0, -1.0, 0.2, 0.4])
IDS = ["a", "b", "c", "d"]
UNITS = np.arange(4)


class Halved:
    """Stands for a calibration: 0.5 at a score of 0, 1 at 1 and above."""

    def apply(self, scores: Any) -> Any:
        return np.clip(0.5 + scores / 2, 0, 1)


INFO: Any = SimpleNamespace(
    calibration=Halved(), fake_probability=Halved().apply, threshold=0.7, trial_id="t1", prevalence=None
)


def test_each_review_has_its_score_its_probability_and_its_label(tmp_path: Path) -> None:
    keep_predictions(tmp_path / "p.parquet", IDS, FAKE, SCORES, INFO, units=UNITS)
    table = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert (table["id"], table["fake"], table["score"]) == (IDS, FAKE.tolist(), SCORES.tolist())
    assert table["fake_probability"] == pytest.approx([1.0, 0.0, 0.6, 0.7])
    assert table["predicted"] == [True, False, False, False]


def test_the_scores_come_back_for_the_same_reviews_and_trial(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    keep_predictions(path, IDS, FAKE, SCORES, INFO, units=UNITS)
    assert kept_scores(path, IDS, "t1").tolist() == SCORES.tolist()
    with pytest.raises(StudyError, match=r"p\.parquet is of another trial"):
        kept_scores(path, IDS, "t2")
    assert kept_scores(path, ["d", "b"], "t1").tolist() == [0.4, -1.0]
    with pytest.raises(StudyError, match=r"p\.parquet is of other reviews"):
        kept_scores(path, ["a", "e"], "t1")


def test_a_file_of_an_earlier_version_that_names_no_trial_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    keep_predictions(path, IDS, FAKE, SCORES, INFO, units=UNITS)
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    assert kept_scores(path, IDS, "any").tolist() == SCORES.tolist()


@pytest.mark.parametrize("damage", ["missing", "no Parquet", "no scores", "infinite"])
def test_scores_that_cannot_be_used_are_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "p.parquet"
    keep_predictions(
        path, IDS, FAKE, np.array([1.0, np.inf, 0, 0]) if damage == "infinite" else SCORES, INFO, units=UNITS
    )
    if damage == "missing":
        path.unlink()
    if damage == "no Parquet":
        path.write_bytes(b"x")
    if damage == "no scores":
        pq.write_table(pq.read_table(path).drop_columns("score"), path)
    told = "holds a score that is not finite" if damage == "infinite" else "keeps no scores"
    with pytest.raises(StudyError, match=rf"p\.parquet {told}$"):
        kept_scores(path, IDS, "t1")


def test_the_test_split_is_scored_by_calibration_and_threshold() -> None:
    test = scores_on_test(FAKE, SCORES, INFO, UNITS)
    assert (test.precision, test.recall, test.f1, test.accuracy) == pytest.approx((1, 0.5, 2 / 3, 0.75))
    assert test.roc_auc == 0.75
    assert test.brier == pytest.approx((0 + 0 + 0.4**2 + 0.7**2) / 4)
    assert test.f1_low < test.f1 < test.f1_high
    assert (test.num_units, test.f1_rough) == (4, True)
    assert (test.tpr_at_fpr_01, test.tpr_at_fpr_001) == (0.5, 0.5)
    # Two genuine reviews tell nothing of the one in a hundred that scores highest.
    assert (test.tpr_at_fpr_01_low, test.tpr_at_fpr_001_low) == (0, 0)
    assert test.tpr_at_fpr_01_high == test.tpr_at_fpr_001_high > 0.9
    assert scores_on_test(FAKE, SCORES, INFO, UNITS) == test
    assert (test.precision_at_prevalence, test.f1_at_prevalence) == (None, None)


def test_another_share_of_fakes_changes_labels_and_says_what_they_are_worth_there() -> None:
    """Calibration is judged on the split as it is; where one review in ten is fake, one accusation in ten is right."""
    info: Any = SimpleNamespace(**{**vars(INFO), "prevalence": 0.1, "fake_probability": lambda scores: scores + 0.35})
    plain = scores_on_test(FAKE, SCORES, INFO, UNITS)
    other = scores_on_test(FAKE, SCORES, info, UNITS)
    assert (other.brier, other.log_loss, other.roc_auc) == (plain.brier, plain.log_loss, plain.roc_auc)
    assert (other.recall, other.false_positives) == (0.5, 1)
    assert other.precision_at_prevalence == pytest.approx(0.05 / (0.05 + 0.45))
    assert other.f1_at_prevalence == pytest.approx(2 * 0.05 / (0.05 + 0.45 + 0.1))
