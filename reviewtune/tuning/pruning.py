"""What a family's trials leave on disk: models and states that something can still be made of, and no others."""

from dataclasses import dataclass
from pathlib import Path

from reviewtune.storage.mirror import remove
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
    sizes = [remove(models_dir / record.trial_id) for record in done if record.trial_id not in best]
    return Pruned(sum(size > 0 for size in sizes), sum(sizes))
