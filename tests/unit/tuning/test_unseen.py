"""What is trained without a source, and what becomes of what that says; trainings are done by a stand-in, no Ray."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.families.base import Setting
from reviewtune.leaderboard.entry import Entry, Provenance
from reviewtune.tuning import unseen
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.left_out import leave_out
from reviewtune.tuning.predictions import UNSEEN_PREDICTIONS_FILE
from reviewtune.tuning.records import TrialRecord, TrialStore
from reviewtune.tuning.training import Training
from reviewtune.tuning.unseen import said_together, said_without, unseen_in, with_unseen

SOURCES = np.array(["hotels", "shops"] * 6 + ["sites"] * 3 + ["tests"], dtype=object)
FAKE = np.array([True, True, False, False] * 3 + [False] * 4)
DEVELOPMENT = np.arange(14, -1, -1)
"""All rows but the last, which is of the test split, in an order of their own."""


class Inputs:
    development = DEVELOPMENT
    fake, sources = FAKE, SOURCES

    def ids_at(self, positions: np.ndarray) -> list[str]:
        return [f"r{position}" for position in positions]

    def units_at(self, positions: np.ndarray) -> np.ndarray:
        return positions


class Halved:
    """Stands for a calibration: 0.5 at a score of 0, 1 at 1 and above."""

    def apply(self, scores: Any) -> Any:
        return np.clip(0.5 + scores / 2, 0, 1)

    def log_odds(self, scores: Any) -> Any:
        return 2 * scores


INFO: Any = SimpleNamespace(
    calibration=Halved(), fake_probability=Halved().apply, threshold=0.7, trial_id="t1", prevalence=None
)
SAID = {
    "hotels": np.where(FAKE[DEVELOPMENT[SOURCES[DEVELOPMENT] == "hotels"]], 0.9, -0.9),
    "shops": np.linspace(-0.8, 0.8, 6),
    "sites": np.array([0.9, 0.1, -0.3]),
}


def entry_of(family: str = "svm", **changes: Any) -> Entry:
    about = {"data": "d", "data_sha256": "d", "split_sha256": "s", "code": "c", "versions": {}, "seed": 1}
    return Entry(
        study_id="s",
        family=family,
        encoder=None,
        status="finished",
        trial_id="t1",
        artifact="artifact",
        params=changes.pop("params", {}),
        num_trials=2,
        provenance=Provenance(**about, hardware="CPU", created="2026-01-01T00:00:00+00:00"),
        **changes,
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(unseen, "read_info", lambda _: INFO)
    for name in ("svm", "tfidf", "ensemble"):
        (tmp_path / name).mkdir()
    left_out = leave_out(SOURCES[DEVELOPMENT], DEVELOPMENT, FAKE[DEVELOPMENT], seed=7, most=10)
    config = SimpleNamespace(results_dir=tmp_path)
    return SimpleNamespace(config=config, folder=tmp_path, inputs=Inputs(), left_out=left_out)


def test_an_entry_gains_scores_that_can_be_made_again_from_what_is_kept(study: Any) -> None:
    entry = with_unseen(study, entry_of(), SAID)
    path = study.folder / "svm" / UNSEEN_PREDICTIONS_FILE
    kept = pq.read_table(path).to_pydict()
    assert "r15" not in kept["id"]
    assert sorted(kept["id"]) == sorted(f"r{number}" for number in range(15))
    by_id = dict(zip(kept["id"], zip(kept["source"], kept["fake"], strict=True), strict=True))
    assert all(by_id[f"r{row}"] == (SOURCES[row], FAKE[row]) for row in range(15))
    assert kept["predicted"] == [probability > 0.7 for probability in kept["fake_probability"]]
    assert entry.unseen == unseen_in(path)
    hotels, shops, sites = entry.unseen.sources
    rows = DEVELOPMENT[SOURCES[DEVELOPMENT] == "shops"]
    expected = elsewhere_scores(FAKE[rows], 0.5 + SAID["shops"] / 2, SAID["shops"] > 0.4, rows)
    assert shops.model_dump(exclude={"source"}) == expected.model_dump()
    assert [own.source for own in entry.unseen.sources] == ["hotels", "shops", "sites"]
    assert (hotels.f1, hotels.num_reviews, hotels.num_fake) == (1.0, 6, 3)
    assert (sites.f1, sites.recall, sites.fpr) == (None, None, pytest.approx(1 / 3))
    assert entry.unseen.f1 == pytest.approx((1 + shops.f1) / 2)
    assert entry.unseen.roc_auc == pytest.approx((1 + shops.roc_auc) / 2)
    assert (entry.unseen.worst.source, entry.unseen.worst.f1) == ("shops", shops.f1)


def test_where_nothing_was_said_an_entry_stays_as_it_is(study: Any) -> None:
    entry = with_unseen(study, entry_of(), SAID)
    assert with_unseen(study, entry, {}) == entry


def test_sources_of_one_class_alone_have_no_mean(study: Any) -> None:
    told = with_unseen(study, entry_of(), {"sites": SAID["sites"]}).unseen
    assert (told.f1, told.roc_auc, told.worst, len(told.sources)) == (None, None, None, 1)


def test_an_ensemble_says_what_its_members_say_by_its_weights(study: Any) -> None:
    members = {"svm": entry_of("svm"), "tfidf": entry_of("tfidf"), "rules": entry_of("rules")}
    with_unseen(study, members["svm"], SAID)
    with_unseen(study, members["tfidf"], {name: -own for name, own in SAID.items() if name != "sites"})
    ensemble = entry_of("ensemble", params={"svm": 0.5, "tfidf": 0.25, "intercept": 0.125})
    said = said_together(study, ensemble, members)
    assert list(said) == ["hotels", "shops"]
    np.testing.assert_allclose(said["hotels"], 2 * SAID["hotels"] * (0.5 - 0.25) + 0.125)
    gained = with_unseen(study, ensemble, said)
    assert [own.source for own in gained.unseen.sources] == ["hotels", "shops"]


def test_an_ensemble_of_what_another_trial_said_says_nothing(study: Any) -> None:
    with_unseen(study, entry_of("svm"), SAID)
    members = {"svm": entry_of("svm").model_copy(update={"trial_id": "t2"})}
    assert said_together(study, entry_of("ensemble", params={"svm": 0.5, "intercept": 0}), members) == {}


@pytest.fixture
def run(study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains what it is asked for but without `sites`, which fails; `asked` and `said` tell of it."""
    run = SimpleNamespace(
        name="svm",
        study=study,
        setting=Setting(evaluations_per_epoch=2),
        models=tmp_path / "models",
        results_dir=tmp_path,
        finalists=TrialStore(tmp_path / "finalists"),
        asked=[],
        told=[],
        fate="failed",
    )
    run.progress = SimpleNamespace(say=run.told.append)

    def train(_: Any, executors: Any, wanted: list[Training], state: str) -> list[TrialRecord | None]:
        assert state == "unseen"
        return [trained(training) for training in wanted]

    def trained(training: Training) -> TrialRecord:
        known = next((record for record in run.finalists.read() if record.trains(training) and record.is_done), None)
        if known:
            return known
        run.asked.append(training)
        source, number = training.fold.removeprefix("without "), len(run.asked)
        if source != "sites":
            HeldOut({1: SAID[source] - 5, 2: SAID[source]}).write(run.models / f"m{number}")
            (run.models / f"m{number}" / "best").mkdir()
        record = TrialRecord(
            trial_id=f"m{number}",
            number=number,
            status=run.fate if source == "sites" else "finished",
            error="no room" if source == "sites" else None,
            **vars(training),
        )
        run.finalists.write(record)
        return record

    monkeypatch.setattr(unseen, "train", train)
    return run


def chosen(epoch: float | None) -> Chosen:
    return Chosen(TrialRecord(trial_id="t1", number=1, params={"C": 2}, status="finished"), epoch, [], 1.0)


@pytest.mark.parametrize(("epoch", "until"), [(1.5, 3), (2.0, 4), (None, None)])
def test_the_chosen_configuration_trains_up_to_the_leg_that_was_chosen(
    run: Any, epoch: float | None, until: int | None
) -> None:
    said = said_without(run, None, chosen(epoch))
    assert run.asked == [Training({"C": 2}, f"without {name}", until) for name in ("hotels", "shops", "sites")]
    assert list(said) == ["hotels", "shops"]
    np.testing.assert_array_equal(said["shops"], SAID["shops"])
    assert run.told == ["svm could not be trained without sites, which its unseen F1 lacks: no room"]
    assert not list(run.models.glob("*/best"))


def test_what_was_trained_is_not_trained_again_unless_its_scores_are_gone(run: Any) -> None:
    first = said_without(run, None, chosen(None))
    again = said_without(run, None, chosen(None))
    assert len(run.asked) == 3
    np.testing.assert_array_equal(first["hotels"], again["hotels"])
    for path in (run.models / "m1").iterdir():
        path.unlink()
    np.testing.assert_array_equal(said_without(run, None, chosen(None))["hotels"], first["hotels"])
    assert [training.fold for training in run.asked[3:]] == ["without hotels"]


def test_what_was_lost_is_said_to_be_tried_again(run: Any) -> None:
    run.fate = "lost"
    said_without(run, None, chosen(None))
    assert run.told[0].endswith("lacks: no room; the same command tries again")


def test_one_source_trains_nothing(run: Any) -> None:
    run.study.left_out = leave_out(np.array(["a"] * 4, dtype=object), np.arange(4), FAKE[:4], seed=1, most=10)
    assert said_without(run, None, chosen(None)) == {}
    assert run.asked == []
