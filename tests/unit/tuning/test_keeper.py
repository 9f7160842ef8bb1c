import json
from pathlib import Path

import pytest

from reviewtune.tuning.keeper import take_in_legs_ahead
from reviewtune.tuning.keeping import BEST, PROGRESS_FILE
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore


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
        result = {**scores(kept, 0.8), "leg": 3, "last": False, "best_f1": 0.8, "pack_reviews_per_second": 7.0}
        (results_dir / model / PROGRESS_FILE).write_text(json.dumps(result))
    epochs = [EpochRecord(**scores(epoch, 0.6)) for epoch in (1, 2)]  # type: ignore[arg-type]
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
