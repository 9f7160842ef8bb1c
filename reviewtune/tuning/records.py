"""One file a trial, from its start to its end, failed ones too: what a study resumes from and selects among."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from reviewtune.data.store import content_key
from reviewtune.errors import StudyError
from reviewtune.files import write_text
from reviewtune.schema import JUDGED
from reviewtune.storage.mirror import remove
from reviewtune.tuning.training import SEARCH, Training


class EpochRecord(BaseModel):
    """What a trial measured after a leg."""

    model_config = ConfigDict(frozen=True, extra="allow")

    epoch: float
    """Epochs that are done: a fraction in mid-epoch."""
    leg: int = 0
    """Its number, from 1; 0 of earlier versions."""
    f1: float
    accuracy: float
    roc_auc: float
    judged: float | None = None
    """What compares trials: the study's objective, made such that higher is better; None of earlier versions: `f1`."""
    fit_seconds: float
    """Wall time of the fit up to here, evaluation left out; in a pack, the trial's share of it by its tokens."""
    gpu_joules: float | None = None
    """Energy of the GPU up to here, evaluation left out, the trial's share of it by its tokens; None: not measured."""
    pack_reviews_per_second: float | None = None
    """Of its whole pack, lately."""
    share: float | None = None
    """Of the training rows, that it had seen, where that was less than an epoch's first leg: the first rung."""

    @property
    def score(self) -> float:
        """What compares trials."""
        return self.f1 if self.judged is None else self.judged


EPOCH = "epoch"
"""In what a trial reports: epochs that it has done, a fraction after a leg in mid-epoch."""
PROGRESS = "progress"
"""Share of its own epochs that a trial has done, in percent. Trials of two and of five epochs meet at a rung where
their learning-rate schedules stand at the same point: by the epoch the short ones would win, their rate being lower."""
BEST_JUDGED = "best_judged"
"""What a trial is judged by: the highest score of its legs so far, by the study's objective."""
GPU_JOULES = "gpu_joules"
"""In what a trial reports, where its GPU's energy is measured."""
SHARE = "share"
"""In what a trial reports of its first rung alone: the share of the training rows that it has seen."""
EARLIER = "earlier"
"""In what a trial reports first when it goes on, and in what it keeps to go on from: the records of the legs before."""
EPOCH_METRICS = (
    "epoch", "leg", "f1", "accuracy", "roc_auc", JUDGED, "fit_seconds", "train_loss", GPU_JOULES,
    "pack_reviews_per_second", SHARE,
)  # fmt: skip


def epoch_record(result: dict[str, Any]) -> EpochRecord:
    """What a record keeps of a trial's result."""
    return EpochRecord(**{name: result[name] for name in EPOCH_METRICS if name in result})


def legs_with(known: list[EpochRecord], result: dict[str, Any]) -> list[EpochRecord]:
    """The legs of a trial once it has reported one; a leg that is reported again replaces its first report.

    One that no rows judge leaves no record.

    Args:
        known: Its legs so far.
        result: What it reports: with what it has measured `EARLIER`, where reports were lost on their way.
    """
    if "f1" not in result:
        return known
    leg = epoch_record(result)
    earlier = {each.epoch: each for each in map(EpochRecord.model_validate, result.get(EARLIER, ()))}
    before = {**earlier, **{each.epoch: each for each in known}}
    return [*(before[epoch] for epoch in sorted(before) if epoch < leg.epoch), leg]


def epochs_text(epochs: float) -> str:
    """So many epochs, for people: `2`, or `0.33` in mid-epoch."""
    return f"{round(epochs, 2):g}"


TrialStatus = Literal["running", "finished", "stopped", "paused", "failed", "lost"]


class TrialRecord(BaseModel):
    """A trial, as far as it has come."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    trial_id: str
    name: str | None = None
    """What dashboards call it (`tuning.names`); None of an earlier version."""
    number: int
    """Order in which it ended in its study's family, from 1; 0 where it has not."""
    params: dict[str, Any]
    status: TrialStatus
    """`stopped`: ended early by the scheduler; `paused`: by the time budget; `failed`: by a fault of its own; `lost`:
    what it ran on went away or was full."""
    study_key: str | None = None
    """What its study is of (`tuning.identity`); None of an earlier version."""
    fold: str = SEARCH
    """Name of the rows that it trained on and was judged by (`tuning.training`)."""
    until: int | None = None
    """Last leg, where it was not to do its whole course."""
    epochs: list[EpochRecord] = []
    error: str | None = None
    model: str | None = None
    """Folder of the best leg's model, where the family keeps one, relative to the results directory."""
    peak_memory_bytes: int = 0
    """Of the process that trained it; a pack's, with all its slots."""
    device: str = "cpu"
    is_default: bool = False
    """It ran the family's default configuration."""

    def trains(self, training: Training) -> bool:
        """Whether it is a trial of this configuration, in full, on these rows and for so long."""
        mine = self.params, self.fold, self.until
        # Not equality: one of them is as a file keeps it.
        return content_key(*mine) == content_key(training.params, training.fold, training.until)

    @property
    def is_done(self) -> bool:
        """Whether it counts as one of its study's trials; the others are taken up again."""
        return self.status in ("finished", "stopped", "failed")

    @property
    def can_win(self) -> bool:
        """Whether it may be selected: it has a score, and nothing cut it off."""
        return self.best is not None and self.status not in ("failed", "lost")

    @property
    def best(self) -> EpochRecord | None:
        """The leg with the highest score on the validation split, the earliest of equals; None where none ended.

        The first rung's, after a share of the rows, is it only where no other has ended.
        """
        whole = [epoch for epoch in self.epochs if epoch.share is None]
        return max(whole or self.epochs, key=lambda epoch: (epoch.score, -epoch.epoch), default=None)

    @property
    def fit_seconds(self) -> float:
        """Wall time of the whole fit, evaluation left out."""
        return self.epochs[-1].fit_seconds if self.epochs else 0.0

    @property
    def gpu_joules(self) -> float | None:
        """Likewise its GPU's energy; None where it was not measured."""
        return self.epochs[-1].gpu_joules if self.epochs else None


def sum_of_known(joules: Iterable[float | None]) -> float | None:
    """A sum; None where one of them is not known, or there is none.

    Examples:
        >>> sum_of_known([1.5, 2.0]), sum_of_known([1.5, None]), sum_of_known([])
        (3.5, None, None)
    """
    known = list(joules)
    return None if not known or None in known else sum(value for value in known if value is not None)


class TrialStore:
    """The records of one family of a study.

    Args:
        folder: `<results>/studies/<study>/<family>/trials`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> list[TrialRecord]:
        """All records, in the order in which the trials ended, those that have not ended first.

        Raises:
            StudyError: A file is damaged.
        """
        records = []
        for path in self.folder.glob("*.json"):
            try:
                records.append(TrialRecord.model_validate_json(path.read_bytes()))
            except (ValidationError, OSError) as error:
                raise StudyError(
                    f"the trial record {path} is damaged ({_reason(error)}): delete it to run that trial again"
                ) from None
        return sorted(records, key=lambda record: (record.number, record.trial_id))

    def remove(self, record: TrialRecord) -> None:
        """Forget a trial that goes on under another id."""
        remove(self.folder / f"{record.trial_id}.json")

    def write(self, record: TrialRecord, *, shared: bool = True) -> None:
        """Keep a record, in one step; `shared` as for `files.in_one_step`."""
        text = json.dumps(record.model_dump(), indent=1) + "\n"
        write_text(self.folder / f"{record.trial_id}.json", text, shared=shared)


def _reason(error: ValidationError | OSError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def default_first(records: list[TrialRecord]) -> list[TrialRecord]:
    """The records with the default configuration's before all others, which stay in their order.

    It is always the first to start, but trials that run beside it may end before it.
    """
    return sorted(records, key=lambda record: not record.is_default)


def best_of(records: list[TrialRecord]) -> TrialRecord | None:
    """The incumbent: the highest score of any leg; of equals the highest ROC AUC, then the earliest.

    Of trials that failed or were lost none counts.

    Trials that run side by side end in any order, which must not choose among those that a small split finds equal.
    """
    ranked = best_first(records)
    return ranked[0] if ranked else None


def best_first(records: list[TrialRecord]) -> list[TrialRecord]:
    """The trials that may be selected, in the order in which they would be.

    Those that have seen a share of the rows alone are among them only where there are no others.
    """
    scored = [(record, best) for record in records if record.can_win and (best := record.best)]
    whole = [(record, best) for record, best in scored if best.share is None]
    ranked = sorted(whole or scored, key=lambda one: (one[1].score, one[1].roc_auc, -one[0].number), reverse=True)
    return [record for record, _ in ranked]
