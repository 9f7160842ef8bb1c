from pathlib import Path
from typing import Any

import pytest

from reviewtune.errors import StudyError
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore, best_first, best_of, default_first


def record(trial_id: str, number: int, *f1s: float, **fields: Any) -> TrialRecord:
    epochs = [
        EpochRecord(epoch=epoch, f1=f1, accuracy=f1, roc_auc=f1, fit_seconds=epoch * 2.0)
        for epoch, f1 in enumerate(f1s, 1)
    ]
    return TrialRecord(
        **{"trial_id": trial_id, "number": number, "params": {}, "status": "finished", **fields, "epochs": epochs}
    )


def test_records_come_back_in_the_order_in_which_the_trials_ended(tmp_path: Path) -> None:
    store = TrialStore(tmp_path / "trials")
    written = [record("b", 1, 0.5), record("a", 3, 0.6, 0.7), record("c", 2, status="failed", error="out of memory")]
    for each in written:
        store.write(each)
    assert store.read() == [written[0], written[2], written[1]]
    assert not list(tmp_path.rglob("*.partial"))


def test_a_study_that_has_not_begun_has_no_records(tmp_path: Path) -> None:
    assert TrialStore(tmp_path / "trials").read() == []


@pytest.mark.parametrize("damage", ["", "{", '{"trial_id": "a"}', "\x00\x01"])
def test_a_damaged_record_is_named_in_one_line(tmp_path: Path, damage: str) -> None:
    store = TrialStore(tmp_path)
    store.write(record("a", 1, 0.5))
    (tmp_path / "a.json").write_text(damage)
    with pytest.raises(StudyError, match=r"a\.json is damaged .*: delete it") as raised:
        store.read()
    assert "\n" not in str(raised.value)


def test_the_best_epoch_is_the_earliest_of_the_highest() -> None:
    best = record("a", 1, 0.5, 0.8, 0.8, 0.7).best
    assert best is not None
    assert (best.epoch, best.fit_seconds) == (2, 4.0)
    assert record("a", 1).best is None


def test_the_cost_of_a_trial_counts_the_epochs_after_its_best() -> None:
    assert record("a", 1, 0.9, 0.5).fit_seconds == 4.0
    assert record("a", 1).fit_seconds == 0.0


def test_the_incumbent_is_the_earliest_of_the_best_and_never_one_without_a_score() -> None:
    failed = record("x", 1, status="failed", error="no")
    assert best_of([failed]) is None
    chosen = best_of([failed, record("a", 3, 0.8), record("b", 2, 0.1, 0.8), record("c", 4, 0.7)])
    assert chosen is not None
    assert chosen.trial_id == "b"


def test_of_equal_trials_the_one_that_orders_the_reviews_better_is_chosen_whatever_ends_first() -> None:
    low, high = record("low", 1, 0.8), record("high", 2, 0.8)
    high = high.model_copy(update={"epochs": [high.epochs[0].model_copy(update={"roc_auc": 0.9})]})
    assert best_of([low, high]) == high
    assert best_of([high, low]) == high


def test_the_default_configuration_comes_first_whenever_it_ended() -> None:
    records = [record("a", 1, 0.8), record("default", 2, 0.5, is_default=True), record("b", 3, 0.7)]
    assert [each.trial_id for each in default_first(records)] == ["default", "a", "b"]


def test_a_record_that_says_nothing_of_it_is_of_a_cpu_and_of_no_default() -> None:
    record = TrialRecord(trial_id="a", number=0, params={}, status="running")
    assert (record.device, record.peak_memory_bytes, record.is_default, record.epochs) == ("cpu", 0, False, [])
    assert (record.error, record.model, record.study_key) == (None, None, None)


def on_share(trial_id: str, number: int, first: float, *f1s: float, **fields: Any) -> TrialRecord:
    """A trial that had `first` after a tenth of the rows, then these after its epochs."""
    own = record(trial_id, number, *f1s, **fields)
    rung = EpochRecord(epoch=0.1, f1=first, accuracy=first, roc_auc=first, fit_seconds=0.5, share=0.1)
    return own.model_copy(update={"epochs": [rung, *own.epochs]})


def test_what_a_trial_had_after_a_share_of_the_rows_is_its_best_only_as_long_as_there_is_nothing_else() -> None:
    best = [on_share("a", 1, 0.9, *f1s).best for f1s in ((), (0.5, 0.6))]
    assert [epoch and (epoch.epoch, epoch.f1) for epoch in best] == [(0.1, 0.9), (2, 0.6)]


def test_a_trial_that_ended_on_a_share_of_the_rows_is_not_selected_over_one_that_went_on() -> None:
    stopped = [on_share("a", 1, 0.9, status="stopped"), on_share("b", 2, 0.95, status="stopped")]
    whole = [on_share("c", 3, 0.8, 0.5), record("d", 4, 0.6)]
    assert [each.trial_id for each in best_first([*stopped, *whole])] == ["d", "c"]
    assert [each.trial_id for each in best_first(stopped)] == ["b", "a"]
    failed = record("e", 5, 0.99, status="failed")
    assert [each.trial_id for each in best_first([*stopped, failed])] == ["b", "a"]
    assert all(each.is_done and each.can_win for each in stopped)


def test_a_record_keeps_what_a_share_of_the_rows_was(tmp_path: Path) -> None:
    store = TrialStore(tmp_path)
    store.write(on_share("a", 1, 0.9, 0.5))
    (read,) = store.read()
    assert [epoch.share for epoch in read.epochs] == [0.1, None]
