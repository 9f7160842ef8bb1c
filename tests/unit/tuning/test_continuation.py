"""A trial that goes on is the trial that it would have been, and nothing of the old one is touched."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from reviewtune.data.tokens import from_lists
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.tuning.continuation import begin_from, train_on
from reviewtune.tuning.keeping import BEST, LAST
from reviewtune.tuning.records import EARLIER, epoch_record, legs_with
from reviewtune.tuning.training import SEARCH, search_fold
from reviewtune.tuning.trial import Assignment, run_trial

PARAMS = {"learning_rate": 5e-3, "batch_size": 8, "rank": 4, "epochs": 3, "dropout": 0.1, "head_dropout": 0.1}


def make_rows(count: int, seed: int) -> Rows:
    generator = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    lists = [np.r_[2, generator.integers(4 + 12 * label, 28 + 12 * label, 7), 3] for label in fake]
    return Rows(from_lists(lists), fake)


ROWS, FOLD = make_rows(72, seed=0), search_fold(48, 24, seed=0)
TRAIN, VALIDATION = ROWS.take(FOLD.train), ROWS.take(FOLD.held_out)


@pytest.fixture
def assignment(tiny_bert: Path, tmp_path: Path) -> Assignment:
    return Assignment("qlora", PARAMS, ROWS, {SEARCH: FOLD}, Setting(base_model=str(tiny_bert)), tmp_path)


@pytest.fixture
def old(assignment: Assignment) -> list[dict[str, Any]]:
    """The reports of a finished trial `old` of three epochs."""
    reports: list[dict[str, Any]] = []
    run_trial({}, assignment, trial_id="old", report=reports.append)
    return reports


def continued(assignment: Assignment, epochs: int = 5) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    begin_from(assignment.models_dir, "old", "new")
    train_on(assignment, "new", epochs, reports.append)
    return reports


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_three_epochs_and_two_more_are_what_resuming_by_hand_gives(assignment: Assignment, old: Any) -> None:
    state = assignment.models_dir / "old" / LAST
    setting = Setting(base_model=assignment.setting.base_model, resume_from=state)
    by_hand = list(QloraFamily().fit(QloraParams(**{**PARAMS, "epochs": 5}), TRAIN, setting))
    folder = assignment.models_dir / "by-hand"
    folder.mkdir()
    by_hand[-1].model.save(folder)  # type: ignore[attr-defined]
    reports = continued(assignment)
    assert [epoch.number for epoch in by_hand] == [4, 5]
    expected, found = (
        load_file(path / "adapter_model.safetensors") for path in (folder, assignment.models_dir / "new" / LAST)
    )
    before = load_file(state / "adapter_model.safetensors")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not any(torch.equal(expected[name], before[name]) for name in expected)
    assert [report["train_loss"] for report in reports[1:]] == [epoch.metrics["train_loss"] for epoch in by_hand]


def test_the_last_epoch_is_reported_again_and_the_new_ones_after_it(assignment: Assignment, old: Any) -> None:
    reports = continued(assignment)
    assert [report["epoch"] for report in reports] == [3, 4, 5]
    assert {name: value for name, value in reports[0].items() if name != EARLIER} == old[-1]
    assert legs_with([], reports[0]) == [epoch_record(report) for report in old]
    assert [report["last"] for report in reports[1:]] == [False, True]
    assert reports[-1]["fit_seconds"] > old[-1]["fit_seconds"]
    assert reports[-1]["best_judged"] == max(report["f1"] for report in [*old, *reports])


def test_a_trial_that_is_scored_within_epochs_goes_on_to_the_same_end(
    assignment: Assignment, old: Any, tmp_path: Path
) -> None:
    whole = continued(assignment, epochs=4)
    setting = replace(assignment.setting, evaluations_per_epoch=2)
    halves = replace(assignment, setting=setting, models_dir=tmp_path / "halves")
    run_trial({}, halves, trial_id="old", report=lambda report: None)
    reports = continued(halves, epochs=4)
    assert [report["epoch"] for report in reports] == [3, 3.5, 4]
    assert reports[-1]["f1"] == whole[-1]["f1"]
    ends = [load_file(each.models_dir / "new" / LAST / "adapter_model.safetensors") for each in (assignment, halves)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_nothing_of_the_old_trial_changes(assignment: Assignment, old: Any) -> None:
    before = files_of(assignment.models_dir / "old")
    continued(assignment)
    assert files_of(assignment.models_dir / "old") == before
    assert (assignment.models_dir / "new" / BEST).is_dir()


def test_an_interrupted_continuation_goes_on_where_it_stopped(assignment: Assignment, old: Any) -> None:
    class StoppedError(Exception):
        pass

    def stop(report: dict[str, Any]) -> None:
        if report["epoch"] == 4:
            raise StoppedError

    whole = continued(assignment)
    weights = load_file(assignment.models_dir / "new" / LAST / "adapter_model.safetensors")
    begin_from(assignment.models_dir, "old", "other")
    with pytest.raises(StoppedError):
        train_on(assignment, "other", 5, stop)
    begin_from(assignment.models_dir, "old", "other")
    reports: list[dict[str, Any]] = []
    train_on(assignment, "other", 5, reports.append)
    assert [report["epoch"] for report in reports] == [4, 5]
    assert reports[-1]["train_loss"] == whole[-1]["train_loss"]
    again = load_file(assignment.models_dir / "other" / LAST / "adapter_model.safetensors")
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_a_copy_that_was_cut_off_begins_anew(assignment: Assignment, old: Any) -> None:
    (assignment.models_dir / ".new.a1.partial" / LAST).mkdir(parents=True)
    assert [report["epoch"] for report in continued(assignment)] == [3, 4, 5]
