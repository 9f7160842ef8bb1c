import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reviewtune.data.own_columns import OwnColumns
from reviewtune.errors import StudyError
from reviewtune.evaluation.slices import Slices
from reviewtune.tuning import closer_look
from reviewtune.tuning.closer_look import LONGEST_TEXT, look_closer, worst_errors
from reviewtune.tuning.predictions import keep_predictions

NUMBER = 200
IDS = [f"{number:03}" for number in range(NUMBER)]
FAKE = np.arange(NUMBER) % 2 == 0
TEXTS = [f"text\n{number} " + "x" * (400 if number == 4 else number) for number in range(NUMBER)]


class Identity:
    """Stands for a calibration of what are probabilities already."""

    def apply(self, scores: Any) -> Any:
        return scores


def halved(scores: Any) -> Any:
    """Stands for a correction to fewer fakes."""
    return scores / 2


INFO: Any = SimpleNamespace(
    calibration=Identity(), fake_probability=halved, threshold=0.25, trial_id="t", prevalence=0.05
)
ENTRY: Any = SimpleNamespace(family="svm", trial_id="t", test=True, artifact="artifacts/svm")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of 200 reviews: the first 100 were held out, the others are the test split, kept in another order."""
    monkeypatch.setattr(closer_look, "read_info", lambda folder: INFO)
    table = pa.table(
        {
            "id": IDS, "text": TEXTS, "source": ["shop"] * NUMBER, "row": range(NUMBER),
            "category": ["Pets" if number % 4 < 2 else "Books" for number in range(NUMBER)],
            "rating": pa.array([None] * NUMBER, pa.float64()),
            "language": pa.array([None] * NUMBER, pa.string()),
        }
    )  # fmt: skip
    inputs = SimpleNamespace(
        reviews=SimpleNamespace(table=table), fake=FAKE, units_at=lambda rows: np.arange(NUMBER)[rows]
    )
    found = SimpleNamespace(
        config=SimpleNamespace(results_dir=tmp_path),
        study_id="s",
        inputs=inputs,
        own_columns=OwnColumns(["nothere.csv"]),
    )
    scores = np.where(FAKE, 0.9, 0.2)
    scores[[4, 105]] = 0.01, 0.99  # a fake that was held out, a genuine review of the test split
    scores[102] = 0.4
    folder = tmp_path / "studies" / "s" / "svm"
    for name, rows in (("validation", range(100)), ("test", [*range(150, 200), *range(100, 150)])):
        kept = list(rows)
        keep_predictions(
            folder / f"{name}_predictions.parquet", [IDS[row] for row in kept], FAKE[kept], scores[kept], INFO,
            units=np.array(kept),
        )  # fmt: skip
    return found


def read(study: Any, name: str) -> list[dict[str, str]]:
    with (study.config.results_dir / "studies" / "s" / "svm" / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_worst_errors_are_kept_with_their_texts(study: Any) -> None:
    look_closer(study, ENTRY)
    worst, other = read(study, "errors.csv")
    assert worst == {
        "id": "105", "source": "shop", "row": "105", "label": "genuine", "fake_probability": "0.99",
        "category": "Pets", "text": "text 105 " + "x" * 105,
    }  # fmt: skip
    assert (other["id"], other["label"], other["fake_probability"]) == ("102", "fake", "0.4")


def test_no_word_of_the_users_is_a_formula_or_steers_a_terminal(study: Any) -> None:
    table = study.inputs.reviews.table
    hostile = pa.array(['=HYPERLINK("//x")\x1b[31m'] * NUMBER)
    for name in ("source", "category", "language"):
        table = table.set_column(table.column_names.index(name), name, hostile)
    study.inputs.reviews.table = table
    look_closer(study, ENTRY)
    first, harmless = read(study, "errors.csv")[0], '\'=HYPERLINK("//x") [31m'
    assert {first[name] for name in ("source", "category", "language")} == {harmless}
    study.own_columns = SimpleNamespace(of=lambda sources, *_: {"=1+1": ["@x"] * len(sources)})
    look_closer(study, ENTRY)
    assert read(study, "errors.csv")[0]["'=1+1"] == "'@x"


def test_the_users_own_columns_stay_with_their_rows(study: Any) -> None:
    def own(sources: list[str], rows: list[int], ids: list[str]) -> dict[str, list[str]]:
        return {"review": [f"=no {row}" for row in rows], "label": ["CG"] * len(ids)}

    study.own_columns = SimpleNamespace(of=own)
    look_closer(study, ENTRY)
    worst = read(study, "errors.csv")[0]
    assert (worst["review"], worst["label"], worst["label (own)"]) == ("'=no 105", "genuine", "CG")
    assert list(worst)[-1] == "text"


def test_blanks_around_the_names_of_own_columns_overwrite_nothing(study: Any) -> None:
    names = ["id", " id", "id ", " fake_probability"]
    study.own_columns = SimpleNamespace(of=lambda sources, rows, ids: {name: [name] * len(ids) for name in names})
    look_closer(study, ENTRY)
    plain = read(study, "errors.csv")[0]
    assert plain["id"] == "105"
    assert float(plain["fake_probability"]) >= 0
    assert {"id (own)", "id (own) (own)", "id (own) (own) (own)", "fake_probability (own)"} <= set(plain)


def test_labels_that_may_be_wrong_are_of_the_rows_that_were_held_out(study: Any) -> None:
    look_closer(study, ENTRY)
    (suspected,) = read(study, "label_issues.csv")
    # By what was calibrated, whatever share of fakes it is corrected to elsewhere.
    assert (suspected["id"], suspected["label"], suspected["fake_probability"]) == ("004", "fake", "0.01")
    assert len(suspected["text"]) == LONGEST_TEXT
    assert suspected["text"].endswith("x…")


def test_the_slices_are_of_the_test_split(study: Any, tmp_path: Path) -> None:
    look_closer(study, ENTRY)
    path = tmp_path / "studies" / "s" / "svm" / "slices.json"
    found = {each.value: each for each in Slices.model_validate(json.loads(path.read_text())).slices}
    assert (found["Pets"].num_reviews, found["Books"].num_reviews) == (50, 50)
    assert (found["Pets"].recall.value, found["Pets"].fpr.value) == (1.0, 1 / 25)
    assert (found["Books"].recall.value, found["Books"].fpr.value) == (24 / 25, 0.0)
    assert {each.kind for each in found.values()} == {"category"}  # no quarter of 100 has 20 of a class


def test_what_is_of_an_earlier_trial_does_not_stay(study: Any, tmp_path: Path) -> None:
    look_closer(study, ENTRY)
    other = SimpleNamespace(**{**vars(ENTRY), "trial_id": "u"})
    with pytest.raises(StudyError, match="is of another trial"):
        look_closer(study, other)
    assert {path.suffix for path in (tmp_path / "studies" / "s" / "svm").iterdir()} == {".parquet"}


def test_predictions_of_other_reviews_are_refused(study: Any) -> None:
    study.inputs.reviews.table = study.inputs.reviews.table.slice(1)
    with pytest.raises(StudyError, match=r"validation_predictions\.parquet is of other reviews"):
        look_closer(study, ENTRY)


def test_an_entry_without_scores_has_nothing_to_look_at(study: Any, tmp_path: Path) -> None:
    look_closer(study, SimpleNamespace(**{**vars(ENTRY), "test": None}))  # type: ignore[arg-type]
    assert not (tmp_path / "studies" / "s" / "svm" / "slices.json").exists()


def test_twenty_errors_at_most_the_most_confident_first() -> None:
    fake = np.arange(60) % 2 == 0
    probability = np.where(fake, np.arange(60), 100 - np.arange(60)) / 100
    found = worst_errors(fake, ~fake, probability)
    assert found.tolist() == list(range(20))
    assert worst_errors(fake, fake, probability).tolist() == []
