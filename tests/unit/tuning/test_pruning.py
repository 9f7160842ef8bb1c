from pathlib import Path
from typing import Any

from reviewtune.storage.mirror import size_of
from reviewtune.tuning.pruning import prune
from reviewtune.tuning.records import EpochRecord, TrialRecord


def trial(name: str, f1: float | None, status: Any = "finished") -> TrialRecord:
    epochs = [] if f1 is None else [EpochRecord(epoch=1, f1=f1, accuracy=f1, roc_auc=f1, fit_seconds=1)]
    return TrialRecord(trial_id=name, number=1, params={}, status=status, epochs=epochs)


def test_the_best_and_what_goes_on_stay(tmp_path: Path) -> None:
    records = [
        trial("a", 0.5),
        trial("b", 0.9),
        trial("c", 0.8, "stopped"),
        trial("d", 0.99, "failed"),
        trial("e", 0.1, "paused"),
        trial("f", None, "lost"),
        trial("g", 0.7, "running"),
        trial("h", 0.4),
    ]
    for record in records:
        (tmp_path / record.trial_id).mkdir()
        (tmp_path / record.trial_id / "weights").write_bytes(b"1234")
    (tmp_path / "b-to-5").mkdir()
    pruned = prune(tmp_path, records, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "b-to-5", "c", "e", "f", "g"]
    assert (pruned.trials, pruned.size) == (3, 12)
    assert pruned.line(2) == "models of 3 trials removed, 0 MB; those of the 2 best trials are kept (--keep-trials)"
    assert prune(tmp_path, records, keep=2).trials == 0


def test_size_counts_every_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"123")
    (tmp_path / "d").write_bytes(b"12")
    assert size_of(tmp_path) == 5
    assert size_of(tmp_path / "missing") == 0
