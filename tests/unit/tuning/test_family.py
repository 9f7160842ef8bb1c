import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.families.base import Setting
from reviewtune.families.registry import get_family
from reviewtune.families.space import Params
from reviewtune.tuning import family
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.keeping import BEST, PROGRESS_FILE
from reviewtune.tuning.left_out import LeftOut
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from reviewtune.tuning.scheduler import AshaButDefault


def test_a_leg_ahead_is_taken_in_also_where_the_study_was_cut_off_after_its_last_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {"f1": 0.6, "accuracy": 0.6, "roc_auc": 0.6, "fit_seconds": 1.0}
    model = f"models/a/{BEST}"
    (tmp_path / model).mkdir(parents=True)
    (tmp_path / model / PROGRESS_FILE).write_text(json.dumps({**scores, "f1": 0.8, "epoch": 1.5}))
    store = TrialStore(tmp_path / "trials")
    epochs = [EpochRecord(epoch=1, **scores)]
    store.write(TrialRecord(trial_id="a", number=1, params={}, status="stopped", epochs=epochs, model=model))
    selected: list[TrialRecord] = []

    def known_entry(_: Any, chosen: Chosen, entry: Any) -> Any:
        selected.append(chosen.record)
        return entry

    monkeypatch.setattr(family, "unscored_entry", lambda *_: SimpleNamespace(test=None))
    monkeypatch.setattr(family, "known_entry", known_entry)
    monkeypatch.setattr(family, "with_robustness", lambda study, cluster, entry, progress: entry)
    progress = SimpleNamespace(end=lambda *_: None)
    run: Any = SimpleNamespace(
        name="qlora",
        plan=SimpleNamespace(num_trials=1),
        study=SimpleNamespace(config=StudyConfig(), num_folds=1, left_out=LeftOut()),
        cluster=None,
        trials=store,
        models=tmp_path / "models",
        results_dir=tmp_path,
        progress=progress,
        setting=Setting(),
        among=None,
    )
    family.tune_family(run)
    (record,) = selected
    assert record.best is not None
    assert (record.best.epoch, record.best.f1) == (1.5, 0.8)


def record(trial_id: str, status: str, *, f1: float | None = 0.5, number: int = 1, **more: Any) -> TrialRecord:
    epochs = [] if f1 is None else [EpochRecord(epoch=1, f1=f1, accuracy=f1, roc_auc=f1, fit_seconds=1)]
    values: dict[str, Any] = {"params": {"C": number}, "epochs": epochs, **more}
    return TrialRecord(trial_id=trial_id, number=number, status=status, **values)  # type: ignore[arg-type]


def family_run(folder: Path, num_trials: int) -> Any:
    """A family at work on nothing; `told` is what its progress hears."""
    told: list[Any] = []
    progress = SimpleNamespace(
        begin=lambda name, state, records, slots=None: told.append((name, state, len(records))), say=told.append
    )
    store = TrialStore(folder / "trials")
    return SimpleNamespace(
        name="svm",
        plan=SimpleNamespace(num_trials=num_trials),
        trials=store,
        progress=progress,
        resources=SimpleNamespace(concurrent=1, growth=None),
        told=told,
        results_dir=folder,
        seconds_left=None,
    )


def ends(run: Any, monkeypatch: pytest.MonkeyPatch, *rounds: list[TrialRecord]) -> list[int]:
    """Let each round of trials end so; how many records each of them was begun with."""
    begun: list[int] = []

    def run_round(_: Any, executor: Any, records: list[TrialRecord]) -> None:
        begun.append(len(records))
        for ended in rounds[len(begun) - 1]:
            run.trials.write(ended)

    monkeypatch.setattr(family, "run_round", run_round)
    monkeypatch.setattr(family, "_round", lambda run, records: records)
    executors: Any = SimpleNamespace(get=lambda: None, end=lambda: run.told.append("ended"))
    family._search_on(run, executors)
    return begun


def test_what_was_lost_is_tried_again_as_long_as_others_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = family_run(tmp_path, 3)
    first = [record("a", "finished"), record("b", "lost", number=0), record("c", "lost", number=0)]
    second = [record("b", "failed", number=2), record("c", "lost", number=0)]
    third = [record("c", "stopped", number=3)]
    assert ends(run, monkeypatch, first, second, third) == [0, 3, 3]
    begun = [told for told in run.told if "preparing" in told]
    assert begun == [("svm", "preparing", 0), ("svm", "preparing", 3), ("svm", "preparing", 3)]
    assert run.told.count("ended") == 2


def test_a_search_none_of_whose_trials_ends_is_not_begun_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = family_run(tmp_path, 2)
    assert ends(run, monkeypatch, [record("a", "lost", number=0)]) == [0]


def test_a_search_whose_time_is_up_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = family_run(tmp_path, 3)
    assert ends(run, monkeypatch, [record("a", "finished"), record("b", "paused", number=0)]) == [0]


def test_nor_does_one_whose_time_was_up_between_two_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = family_run(tmp_path, 3)
    run.seconds_left = 0.0
    assert ends(run, monkeypatch, [record("a", "finished")]) == [0]


def test_a_search_that_has_ended_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = family_run(tmp_path, 1)
    run.trials.write(record("a", "finished"))
    assert ends(run, monkeypatch) == []
    assert run.told == []


def test_a_trial_that_an_earlier_run_left_running_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = family_run(tmp_path, 1)
    run.trials.write(record("a", "running", number=0))
    assert ends(run, monkeypatch, [record("b", "finished")]) == [1]
    assert {one.trial_id: one.status for one in run.trials.read()} == {"a": "lost", "b": "finished"}


GOES_ON = "; the same command goes on with what has not ended"
LOST = record("b", "lost", f1=None, number=0, error="its worker died")


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([record("a", "finished"), record("b", "stopped", number=2)], []),
        (
            [record("a", "finished"), LOST],
            ["svm: 1 of 2 trials have a score (1 lost, the last one: its worker died)" + GOES_ON],
        ),
        (
            [record("a", "failed", error="first"), record("b", "failed", number=2, error="second")],
            ["svm: 0 of 2 trials have a score (2 failed, the last one: second)"],
        ),
        ([], ["svm: 0 of 2 trials have a score (none ran)"]),
        (
            [record("a", "paused", number=0)],
            ["svm: 1 of 2 trials have a score (1 paused)" + GOES_ON],
        ),
    ],
)
def test_what_is_missing_is_said_with_the_reason(tmp_path: Path, records: list[TrialRecord], told: list[str]) -> None:
    run = family_run(tmp_path, 2)
    family._say_what_is_missing(run, records)
    assert run.told == told


FAMILY = SimpleNamespace(params=Params)
PLAN: Any = SimpleNamespace(defaults={"C": 1.0, "fixed": 3}, distributions={"C": None}, num_trials=4, family=FAMILY)


RUN: Any = SimpleNamespace(plan=PLAN, study=SimpleNamespace(config=StudyConfig()))


def test_the_default_configuration_is_first_and_once() -> None:
    default = record("a", "finished", is_default=True)
    begun = record("b", "lost", f1=None, number=0, params={"C": 5.0, "fixed": 3})
    begun_default = record("c", "lost", f1=None, number=0, params={"C": 1.0, "fixed": 3}, is_default=True)
    assert family._first_of_all(RUN, [], []) == [{"C": 1.0}]
    assert family._first_of_all(RUN, [], [begun]) == [{"C": 1.0}, {"C": 5.0}]
    assert family._first_of_all(RUN, [default], [begun]) == [{"C": 5.0}]
    assert family._first_of_all(RUN, [], [begun, begun_default]) == [{"C": 1.0}, {"C": 5.0}]


@pytest.mark.parametrize(("share", "stops"), [(None, False), (0.1, True)])
def test_a_first_rung_stops_what_is_fitted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float | None, stops: bool
) -> None:
    run = family_run(tmp_path, 3)
    run.plan = SimpleNamespace(num_trials=3, family=get_family("svm"), distributions={}, defaults={})
    run.study = SimpleNamespace(config=StudyConfig(first_rung_rows=share))
    run.setting, run.seconds_left, run.resources = Setting(), None, SimpleNamespace(concurrent=1, growth=None)
    assert isinstance(family._round(run, []).scheduler, AshaButDefault) == stops
