"""What a family's trials leave on disk: models and states that something can still be made of, and no others."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from reviewtune.tuning.records import TrialRecord, best_first


@dataclass(frozen=True)
class Pruned:
    """What went.

    Attributes:
        trials: How many trials' models.
        size: Bytes.
    """

    trials: int
    size: int

    def line(self, keep: int) -> str:
        """For people."""
        kept = "the best trial is" if keep == 1 else f"the {keep} best trials are"
        gone = f"of {self.trials} trial{'s' * (self.trials != 1)} removed, {self.size / 1e6:,.0f} MB"
        return f"models {gone}; those of {kept} kept (--keep-trials)"


def prune(models_dir: Path, records: list[TrialRecord], keep: int, chosen: str | None = None) -> Pruned:
    """Remove the models of trials that are done and not among the best.

    Args:
        models_dir: A folder a trial, by its id.
        records: Of all trials.
        keep: How many of the best stay, each with the state to continue from.
        chosen: Id of a trial that stays too.
    """
    done = [record for record in records if record.is_done]
    best = {chosen, *(record.trial_id for record in best_first(done)[:keep])}
    folders = [models_dir / record.trial_id for record in done if record.trial_id not in best]
    there = [folder for folder in folders if folder.is_dir()]
    pruned = Pruned(len(there), sum(map(size_of, there)))
    for folder in there:
        shutil.rmtree(folder, ignore_errors=True)
    return pruned


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, however deep; 0 where there is none."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
