import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.tuning.keeper import RecordKeeper, Watcher, mark_lost, take_in_legs_ahead
from reviewtune.tuning.keeping import BEST, PROGRESS_FILE
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore, best_of, epoch_record


@pytest.fixture
def store(tmp_path: Path) -> TrialStore:
    return TrialStore(tmp_path / "trials")


def scores(epoch: float, f1: float) -> dict[str, float]:
    return {"epoch": epoch, "f1": f1, "accuracy": f1, "roc_auc": f1, "fit_seconds": 2 * epoch}


def write(store: TrialStore, results_dir: Path, *, kept: float | None) -> None:
    """A trial that was stopped after two epochs, its best model of the epoch `kept`."""
    model = f"models/a/{BEST}"
    if kept is not None:
        (results_dir / model).mkdir(parents=True)
        result = {**scores(kept, 0.8), "leg": 3, "last": False, "best_judged": 0.8, "pack_reviews_per_second": 7.0}
        (results_dir / model / PROGRESS_FILE).write_text(json.dumps(result))
    epochs = [EpochRecord(**scores(epoch, 0.6)) for epoch in (1, 2)]
    store.write(TrialRecord(trial_id="a", number=1, params={}, status="stopped", epochs=epochs, model=model))


def test_a_model_of_a_leg_that_nobody_asked_for_is_told_of_by_its_record(store: TrialStore, tmp_path: Path) -> None:
    write(store, tmp_path, kept=2.5)
    take_in_legs_ahead(store, tmp_path)
    (record,) = store.read()
    assert record.best is not None
    assert (record.best.epoch, record.best.f1, record.best.pack_reviews_per_second) == (2.5, 0.8, 7.0)
    assert [epoch.epoch for epoch in record.epochs] == [1, 2, 2.5]
    take_in_legs_ahead(store, tmp_path)
    assert store.read() == [record]


@pytest.mark.parametrize("kept", [None, 1, 2])
def test_a_record_that_knows_its_model_stays_as_it_is(store: TrialStore, tmp_path: Path, kept: float | None) -> None:
    write(store, tmp_path, kept=kept)
    before = store.read()
    take_in_legs_ahead(store, tmp_path)
    assert store.read() == before


def _trial(trial_id: str, config: dict[str, Any], error_file: Path | None = None) -> Any:
    """What the keeper reads of a Tune trial."""
    return SimpleNamespace(trial_id=trial_id, config=config, error_file=error_file and str(error_file))


def keeper_in(folder: Path, store: TrialStore, **options: Any) -> RecordKeeper:
    watch: Watcher = options.pop("watch", lambda event, record: None)
    return RecordKeeper(store, folder / "models", folder, {"C": 1.0, "fixed": 3}, watch, study_key="k", **options)


def leg(epoch: int, f1: float = 0.5, **more: Any) -> dict[str, Any]:
    return {**scores(epoch, f1), "last": False, **more}


def test_a_trial_has_its_record_from_its_start_to_its_end(store: TrialStore, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    keeper = keeper_in(tmp_path, store, watch=lambda event, record: told.append((event, record.status)), ended=4)
    trial = _trial("a", {"C": 2.0})
    keeper.on_trial_start(trial=trial)
    assert [record.status for record in store.read()] == ["running"]
    (tmp_path / "models" / "a" / BEST).mkdir(parents=True)
    keeper.on_trial_result(trial=trial, result=leg(1))
    keeper.on_trial_result(trial=trial, result=leg(1, 0.6))
    keeper.on_trial_result(trial=trial, result=leg(2, last=True, device="H100", peak_memory_bytes=7))
    keeper.on_trial_complete(trial=trial)
    (record,) = store.read()
    assert (record.status, record.number, record.params, record.is_default) == (
        "finished",
        5,
        {"C": 2.0, "fixed": 3},
        False,
    )
    assert [(epoch.epoch, epoch.f1) for epoch in record.epochs] == [(1, 0.6), (2, 0.5)]
    assert (record.device, record.peak_memory_bytes, record.model) == ("H100", 7, f"models/a/{BEST}")
    assert record.study_key == "k"
    legs = [("leg", "running")] * 2 + [("leg", "finished")]
    assert told == [("started", "running")] * 2 + legs + [("ended", "finished")]


@pytest.mark.parametrize(("after", "status"), [({"last": True}, "finished"), ({"done": True}, "stopped")])
def test_a_trial_has_its_end_before_the_search_is_told(
    store: TrialStore, tmp_path: Path, after: dict[str, bool], status: str
) -> None:
    keeper, trial = keeper_in(tmp_path, store, ended=2), _trial("a", {"C": 2.0})
    keeper.on_trial_start(trial=trial)
    keeper.on_trial_result(trial=trial, result=leg(1, 0.7, **after))
    mark_lost(store)
    (record,) = store.read()
    assert (record.status, record.number) == (status, 3), "the driver may be killed now"
    keeper.pause()
    assert store.read() == [record]
    keeper.running["a"] = record
    keeper.fail(trial, "ray.exceptions.ActorDiedError: gone")
    assert store.read() == [record]


def test_legs_whose_reports_a_worker_took_along_are_in_the_record(store: TrialStore, tmp_path: Path) -> None:
    keeper, trial = keeper_in(tmp_path, store), _trial("a", {})
    keeper.on_trial_start(trial=trial)
    for epoch in (1, 2):
        keeper.on_trial_result(trial=trial, result=leg(epoch, 0.1 * epoch))
    earlier = tuple(epoch_record(leg(epoch, 0.1 * epoch)).model_dump() for epoch in (1, 2, 3, 4))
    keeper.on_trial_result(trial=trial, result=leg(5, 0.5, earlier=earlier))
    (record,) = store.read()
    assert [(epoch.epoch, round(epoch.f1, 2)) for epoch in record.epochs] == [(n, n / 10) for n in range(1, 6)]


def test_a_trial_that_was_stopped_before_its_last_leg_says_so(store: TrialStore, tmp_path: Path) -> None:
    keeper, trial = keeper_in(tmp_path, store), _trial("a", {})
    keeper.on_trial_start(trial=trial)
    keeper.on_trial_result(trial=trial, result=leg(1))
    keeper.on_trial_complete(trial=trial)
    (record,) = store.read()
    assert (record.status, record.is_default) == ("stopped", True)


@pytest.mark.parametrize(
    ("text", "status", "done"),
    [
        ("reviewtune.errors.StudyError: the scores are not finite\n", "failed", True),
        ("ValueError: C must be positive\n", "failed", True),
        ("reviewtune.errors.MachineError: the pack workers have ended\n", "lost", False),
        ("ray.exceptions.ActorDiedError: The actor died\n", "lost", False),
        ("OSError: [Errno 28] No space left on device\n", "lost", False),
        ("torch.OutOfMemoryError: CUDA out of memory\n", "lost", False),
        (None, "lost", False),
    ],
)
def test_what_the_machine_did_is_no_fault_of_the_trial(
    store: TrialStore, tmp_path: Path, text: str | None, status: str, done: bool
) -> None:
    if text:
        (tmp_path / "error.txt").write_text(text)
    keeper, trial = keeper_in(tmp_path, store), _trial("a", {}, tmp_path / "error.txt")
    keeper.on_trial_start(trial=trial)
    keeper.on_trial_result(trial=trial, result=leg(1, 0.9))
    keeper.on_trial_error(trial=trial)
    (record,) = store.read()
    assert (record.status, record.is_done, record.can_win, record.number) == (status, done, False, int(done))
    assert best_of([record]) is None


def test_the_trial_of_the_same_params_goes_on_where_a_lost_one_stood(store: TrialStore, tmp_path: Path) -> None:
    first, trial = keeper_in(tmp_path, store), _trial("a", {"C": 0.1})
    first.on_trial_start(trial=trial)
    (tmp_path / "models" / "a" / BEST).mkdir(parents=True)
    first.on_trial_result(trial=trial, result=leg(1, 0.7))
    mark_lost(store)
    (lost,) = store.read()
    assert (lost.status, lost.error) == ("lost", "the study ended before it did")
    keeper = keeper_in(tmp_path, store, left_open=[lost])
    for other in (_trial("b", {"C": 0.2}), _trial("c", {"C": 0.1}), _trial("d", {"C": 0.1})):
        keeper.on_trial_start(trial=other)
    assert {record.trial_id: len(record.epochs) for record in store.read()} == {"b": 0, "c": 1, "d": 0}
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["c"]


def test_trials_that_the_time_budget_cuts_off_are_paused_and_may_win(store: TrialStore, tmp_path: Path) -> None:
    keeper, trial = keeper_in(tmp_path, store), _trial("a", {})
    keeper.on_trial_start(trial=trial)
    keeper.on_trial_result(trial=trial, result=leg(1))
    keeper.pause()
    (record,) = store.read()
    assert (record.status, record.is_done, record.can_win) == ("paused", False, True)
    mark_lost(store)
    assert store.read() == [record]


def test_a_trial_that_was_stopped_on_a_share_of_the_rows_is_one_of_the_study_with_that_score(
    store: TrialStore, tmp_path: Path
) -> None:
    keeper = keeper_in(tmp_path, store)
    trial = _trial("a", {"C": 2.0})
    keeper.on_trial_start(trial=trial)
    keeper.on_trial_result(trial=trial, result={**scores(0.1, 0.7), "leg": 1, "last": False, "share": 0.1})
    keeper.on_trial_complete(trial=trial)
    (record,) = store.read()
    assert (record.status, record.number, record.is_done, record.error) == ("stopped", 1, True, None)
    assert [(epoch.epoch, epoch.f1, epoch.share) for epoch in record.epochs] == [(0.1, 0.7, 0.1)]


def test_a_trial_that_was_lost_after_a_share_of_the_rows_goes_on_under_its_record(
    store: TrialStore, tmp_path: Path
) -> None:
    keeper = keeper_in(tmp_path, store)
    keeper.on_trial_start(trial=_trial("a", {"C": 2.0}))
    rung = {**scores(0.1, 0.7), "leg": 1, "last": False, "share": 0.1}
    keeper.on_trial_result(trial=_trial("a", {"C": 2.0}), result=rung)
    mark_lost(store)
    assert [record.status for record in store.read()] == ["lost"]
    again = keeper_in(tmp_path, store, left_open=store.read())
    trial = _trial("b", {"C": 2.0})
    again.on_trial_start(trial=trial)
    for result in (rung, {**scores(1, 0.6), "leg": 2, "last": True}):
        again.on_trial_result(trial=trial, result=result)
    again.on_trial_complete(trial=trial)
    (record,) = store.read()
    assert (record.trial_id, record.status) == ("b", "finished")
    assert [(epoch.epoch, epoch.share) for epoch in record.epochs] == [(0.1, 0.1), (1, None)]
    assert record.best is not None
    assert record.best.f1 == 0.6


def test_a_training_that_began_anew_and_has_ended_takes_the_place_of_what_it_left(
    store: TrialStore, tmp_path: Path
) -> None:
    """Trainings that run as tasks are told of when they have ended, with what they have written."""
    lost = TrialRecord(trial_id="lost", number=0, params={"C": 2.0, "fixed": 3}, status="lost")
    store.write(lost)
    for name in ("lost", "own"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "held_out.parquet").write_text(name)
    keeper_in(tmp_path, store, left_open=[lost]).on_trial_start(trial=_trial("own", {"C": 2.0}))
    assert [record.trial_id for record in store.read()] == ["own"]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["own"]
    assert (tmp_path / "models" / "own" / "held_out.parquet").read_text() == "own"
