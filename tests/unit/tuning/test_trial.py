import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reviewtune.errors import StudyError
from reviewtune.families.base import Leg, Rows, Setting
from reviewtune.families.space import Params
from reviewtune.tuning import trial
from reviewtune.tuning.held_out import HELD_OUT_FILE, HeldOut
from reviewtune.tuning.keeping import BEST, LAST, PROGRESS_FILE
from reviewtune.tuning.records import legs_with
from reviewtune.tuning.training import EVERYTHING, SEARCH, Fold, Training, search_fold
from reviewtune.tuning.trial import Assignment, run_trial

FAKE = np.tile([True, False], 60)
F1_OF = {1: 0.6667, 2: 0.8, 3: 1.0}
"""By how many thirds of the fakes outscore everything else; with one it pays to call the rest fake too."""


class CountingParams(Params):
    found: str = "123"
    """How many thirds of the fakes each leg finds, a digit each; `x` for scores that are no numbers."""


class CountingModel:
    def __init__(self, found: str, number: int) -> None:
        self.found, self.number = found, number

    def scores(self, inputs: Any) -> Any:
        if self.found == "x":
            return np.full(len(inputs), np.nan)
        scores = np.full(len(FAKE), -1.0)
        scores[np.flatnonzero(FAKE)[: int(self.found) * 20]] = 1.0
        return scores

    def save(self, folder: Path) -> None:
        (folder / "model.txt").write_text(self.found)

    def save_state(self, folder: Path) -> None:
        self.save(folder)
        (folder / "leg.txt").write_text(str(self.number))


class CountingFamily:
    name, inputs, params, trains_in_epochs = "counting", "texts", CountingParams, True

    def fit(self, params: CountingParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        per_epoch = setting.evaluations_per_epoch
        done = int((setting.resume_from / "leg.txt").read_text()) if setting.resume_from else 0
        for number, found in enumerate(params.found, 1):
            if number > done:
                model = CountingModel(found, number)
                yield Leg(number, len(params.found), model, {"train_loss": 0.1 * number}, per_epoch)


@pytest.fixture
def assignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    monkeypatch.setattr(trial, "get_family", lambda name: CountingFamily())
    rows = Rows(["text"] * 2 * len(FAKE), np.tile(FAKE, 2))
    search = search_fold(len(FAKE), len(FAKE), seed=0)
    everything = Fold(np.arange(2 * len(FAKE)), np.arange(0), seed=0)
    return Assignment("counting", {}, rows, {SEARCH: search, EVERYTHING: everything}, Setting(), tmp_path)


def reports_of(found: str, assignment: Assignment, **options: Any) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    run_trial({"found": found}, assignment, trial_id="t", report=reports.append, **options)
    return reports


def test_every_epoch_is_reported_with_its_scores_and_the_best_so_far(assignment: Assignment) -> None:
    reports = reports_of("132", assignment)
    assert [round(report["f1"], 4) for report in reports] == [F1_OF[1], F1_OF[3], F1_OF[2]]
    assert [round(report["best_judged"], 4) for report in reports] == [F1_OF[1], F1_OF[3], F1_OF[3]]
    assert [report["epoch"] for report in reports] == [1, 2, 3]
    assert [report["last"] for report in reports] == [False, False, True]
    assert [round(report["progress"]) for report in reports] == [33, 67, 100]
    assert [report["train_loss"] for report in reports] == pytest.approx([0.1, 0.2, 0.3])
    assert reports[0]["fit_seconds"] <= reports[2]["fit_seconds"]
    assert reports[0]["peak_memory_bytes"] > 1_000_000


def test_a_leg_in_mid_epoch_tells_the_fraction_that_is_done(assignment: Assignment) -> None:
    halves = replace(assignment, setting=Setting(evaluations_per_epoch=2))
    reports = reports_of("1323", halves)
    assert [report["epoch"] for report in reports] == [0.5, 1, 1.5, 2]
    assert [report["leg"] for report in reports] == [1, 2, 3, 4]
    assert [report["progress"] for report in reports] == [25, 50, 75, 100]
    assert [report["last"] for report in reports] == [False, False, False, True]
    with pytest.raises(StudyError, match=r"after epoch 1\.5 are not finite"):
        run_trial({"found": "11x1"}, halves, trial_id="other", report=reports.append)


def test_the_best_epochs_model_and_the_last_state_are_kept(assignment: Assignment, tmp_path: Path) -> None:
    reports_of("132", assignment)
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "3"
    assert (tmp_path / "t" / LAST / "leg.txt").read_text() == "3"
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [BEST, LAST]


def test_of_equal_epochs_the_earliest_is_kept(assignment: Assignment, tmp_path: Path) -> None:
    reports_of("22", assignment)
    assert json.loads((tmp_path / "t" / BEST / PROGRESS_FILE).read_text())["epoch"] == 1


def test_a_trial_whose_worker_died_goes_on_after_its_last_epoch(assignment: Assignment, tmp_path: Path) -> None:
    class WorkerDiedError(Exception):
        pass

    def die(result: dict[str, Any]) -> None:
        if result["epoch"] == 2:
            raise WorkerDiedError

    with pytest.raises(WorkerDiedError):
        run_trial({"found": "312"}, assignment, trial_id="t", report=die)
    reports = reports_of("312", assignment)
    assert [report["epoch"] for report in reports] == [2, 3]
    # What was reported before may be lost too, on its way from a worker of Ray Train's.
    assert [epoch.epoch for epoch in legs_with([], reports[0])] == [1, 2]
    assert [epoch.epoch for epoch in legs_with([], reports_of("312", assignment)[0])] == [1, 2, 3]
    assert reports[-1]["best_judged"] == 1.0
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "3"


def test_a_worker_that_does_not_lead_neither_scores_nor_saves(assignment: Assignment, tmp_path: Path) -> None:
    assert reports_of("xx", assignment, leader=False) == [{"epoch": 1}, {"epoch": 2}]
    halves = replace(assignment, setting=Setting(evaluations_per_epoch=2))
    assert reports_of("xx", halves, leader=False) == [{"epoch": 0.5}, {"epoch": 1}]
    assert not (tmp_path / "t").exists()


def test_scores_that_are_no_numbers_fail_the_trial_in_words(assignment: Assignment) -> None:
    with pytest.raises(StudyError, match="after epoch 2 are not finite numbers: lower the learning rate"):
        reports_of("1x", assignment)


def test_a_damaged_state_says_what_to_delete(assignment: Assignment, tmp_path: Path) -> None:
    reports_of("12", assignment)
    (tmp_path / "t" / LAST / PROGRESS_FILE).write_text("{")
    with pytest.raises(StudyError, match=r"trial\.json is damaged .* delete its folder"):
        reports_of("12", assignment)


def test_what_a_crash_left_half_written_is_no_hindrance(assignment: Assignment, tmp_path: Path) -> None:
    reports_of("12", assignment)
    for leftover in (f".{LAST}.a1.partial", f".{BEST}.b2.partial", f".old-{LAST}"):
        (tmp_path / "t" / leftover).mkdir()
    assert [report["epoch"] for report in reports_of("123", assignment)] == [2, 3]
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [BEST, LAST]


@pytest.mark.parametrize("name", [BEST, LAST])
def test_what_a_crash_left_aside_is_put_back(assignment: Assignment, tmp_path: Path, name: str) -> None:
    reports_of("31", assignment)
    (tmp_path / "t" / name).rename(tmp_path / "t" / f".old-{name}")
    assert [report["epoch"] for report in reports_of("312", assignment)] == [2, 3]
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "3"
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [BEST, LAST]


def test_fixed_params_reach_the_fit(assignment: Assignment) -> None:
    fixed = replace(assignment, fixed={"found": "3"})
    reports: list[dict[str, Any]] = []
    run_trial({}, fixed, trial_id="t", report=reports.append)
    assert len(reports) == 1


def test_a_training_of_everything_is_judged_by_nothing_and_ends_where_it_was_told_to(
    assignment: Assignment, tmp_path: Path
) -> None:
    reports: list[dict[str, Any]] = []
    training = Training({"found": "132"}, EVERYTHING, until=2)
    run_trial(training.config, assignment, trial_id="t", report=reports.append)
    assert [(report["leg"], report["last"], report["progress"]) for report in reports] == [
        (1, False, 50),
        (2, True, 100),
    ]
    assert not any("f1" in report for report in reports)
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "3"
    assert (tmp_path / "t" / LAST / "leg.txt").read_text() == "2"


def test_a_folds_training_has_its_own_rows_and_seed_and_keeps_what_it_says_after_each_leg(
    assignment: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = np.r_[np.arange(len(FAKE)), 3]
    fold = Fold(np.array([7, 200]), held_out[:-1], seed=5)
    assignment = replace(assignment, folds={"a fold": fold})
    seen: list[tuple[int, int]] = []
    fit = CountingFamily.fit

    def watched(self: CountingFamily, params: CountingParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        seen.append((len(train), setting.seed))
        return fit(self, params, train, setting)

    monkeypatch.setattr(CountingFamily, "fit", watched)
    run_trial(Training({"found": "12"}, "a fold").config, assignment, trial_id="t", report=lambda _: None)
    assert seen == [(2, 5)]
    said = HeldOut.read(tmp_path / "t").legs
    assert {leg: int((scores > 0).sum()) for leg, scores in said.items()} == {1: 20, 2: 40}
    assert list(HeldOut.read(tmp_path / "t", until=1).legs) == [1]


def test_a_folds_training_that_goes_on_still_knows_what_it_said_before(assignment: Assignment, tmp_path: Path) -> None:
    class WorkerDiedError(Exception):
        pass

    def die(result: dict[str, Any]) -> None:
        if result["leg"] == 2:
            raise WorkerDiedError

    fold = Fold(np.arange(len(FAKE)), np.arange(len(FAKE)), seed=5)
    assignment = replace(assignment, folds={"a fold": fold})
    config = Training({"found": "123"}, "a fold").config
    with pytest.raises(WorkerDiedError):
        run_trial(config, assignment, trial_id="t", report=die)
    run_trial(config, assignment, trial_id="t", report=lambda _: None)
    assert {leg: int((said > 0).sum()) for leg, said in HeldOut.read(tmp_path / "t").legs.items()} == {
        1: 20,
        2: 40,
        3: 60,
    }


def test_what_was_said_that_is_damaged_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / HELD_OUT_FILE).write_bytes(b"PAR1 no more")
    with pytest.raises(StudyError, match=r"held_out\.parquet is damaged .*: delete its folder"):
        HeldOut.read(tmp_path)


@pytest.fixture
def rung(assignment: Assignment) -> Assignment:
    """Half of the rows first, the fit of what they are fitted on being that of their own."""
    search = search_fold(len(FAKE), len(FAKE), seed=0, first_rung=0.5)
    return replace(assignment, folds={**assignment.folds, SEARCH: search})


def test_after_a_share_of_the_rows_a_trial_tells_of_it_and_its_epochs_are_compared_anew(
    rung: Assignment, tmp_path: Path
) -> None:
    reports = reports_of("23", rung)
    assert [(report["leg"], report["epoch"], report.get("share")) for report in reports] == [
        (1, 0.5, 0.5),
        (2, 1, None),
        (3, 2, None),
    ]
    assert [report["progress"] for report in reports] == [25, 50, 100]
    assert [report["last"] for report in reports] == [False, False, True]
    # The share's, of its last leg, is no best of the epochs that follow.
    assert [round(report["best_judged"], 4) for report in reports] == [F1_OF[3], F1_OF[2], F1_OF[3]]
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "3"


class InEpochs(CountingFamily):
    """One whose share is the first of its legs, as the course of a family of tokens has it."""

    inputs = "tokens"

    def fit(self, params: CountingParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        for leg in super().fit(params, train, setting):
            yield replace(leg, share=setting.first_rung)


def test_a_trial_that_goes_on_after_a_share_of_the_rows_still_compares_its_epochs_anew(
    rung: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "get_family", lambda name: InEpochs())

    class WorkerDiedError(Exception):
        pass

    def die(result: dict[str, Any]) -> None:
        raise WorkerDiedError

    with pytest.raises(WorkerDiedError):
        run_trial({"found": "312"}, rung, trial_id="t", report=die)
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "3"
    reports = reports_of("312", rung)
    assert [(report["leg"], report["epoch"], report.get("share")) for report in reports] == [
        (1, 0.5, 0.5),
        (2, 1, None),
        (3, 2, None),
    ]
    assert [epoch.share for epoch in legs_with([], reports[-1])] == [None]
    assert (tmp_path / "t" / BEST / "model.txt").read_text() == "2"
    assert [epoch.share for epoch in legs_with([], reports_of("312", rung)[0])] == [0.5, None, None]


def test_only_a_search_has_a_first_rung(rung: Assignment) -> None:
    reports: list[dict[str, Any]] = []
    run_trial(Training({"found": "12"}, EVERYTHING).config, rung, trial_id="e", report=reports.append)
    assert [(report["leg"], report["epoch"]) for report in reports] == [(1, 1), (2, 2)]
