"""Which entry is meant by `--continue`, and whether its selected trial can go on."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from reviewtune.config import StudyConfig
from reviewtune.errors import StudyError, UsageError
from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.entry import Entry
from reviewtune.storage.mirror import is_there
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.keeping import LAST
from reviewtune.tuning.records import TrialRecord, TrialStore, epochs_text


@dataclass(frozen=True)
class Continuation:
    """A selected trial that is to train for more epochs.

    Attributes:
        config: Of its study, with the resources of this run.
        entry: That it was selected for.
        trial: Its record.
        epochs: That it shall have done in all.
        folder: `<results>/studies/<study>/<family>`.
    """

    config: StudyConfig
    entry: Entry
    trial: TrialRecord
    epochs: int
    folder: Path

    @property
    def done(self) -> float:
        """Epochs that the trial has done."""
        return self.trial.epochs[-1].epoch

    @property
    def trial_id(self) -> str:
        """Of the new trial; the same continuation always has the same, so that it can be resumed."""
        return self.trial.trial_id if self.has_ended else f"{self.trial.trial_id}-to-{self.epochs}"

    @property
    def has_ended(self) -> bool:
        """Whether this very continuation has been run, and won."""
        return self.done == self.epochs and self.trial.trial_id.endswith(f"-to-{self.epochs}")

    def line(self) -> str:
        """For people: what goes on."""
        if self.has_ended:
            return f"{self.entry.name}: its trial {self.trial_id} has gone on to {self.epochs} epochs already"
        return (
            f"{self.entry.name}: its trial {self.trial.trial_id} goes on from epoch {epochs_text(self.done)} to "
            f"{self.epochs} as {self.trial_id}"
        )


def find_continuation(config: StudyConfig) -> Continuation:
    """The continuation that `--continue ENTRY --epochs N` asks for.

    Args:
        config: With `continue_entry` and `epochs`. Of the rest only the results directory, the resources, the
            operating point and the reviews from elsewhere count: the reviews, the split and the params are those of the
            entry's study.

    Raises:
        ArtifactError: There is no results directory.
        UsageError: No entry is called so, it keeps no checkpoint, or it has done as many epochs already.
        StudyError: Its study's files are missing or damaged.
    """
    assert config.continue_entry
    assert config.epochs
    results_dir = config.results_dir.expanduser().resolve()
    entry = _find(results_dir, config.continue_entry)
    folder = _folder(results_dir, entry)
    trial = next((trial for trial in TrialStore(folder / "trials").read() if trial.trial_id == entry.trial_id), None)
    if trial is None or not trial.epochs:
        raise StudyError(f"{entry.name} lacks the record of its trial {entry.trial_id}: run its study once more")
    found = Continuation(_settings(config, folder.parent), entry, trial, config.epochs, folder)
    if config.epochs <= found.done and not found.has_ended:
        done, least = epochs_text(found.done), int(found.done) + 1
        raise UsageError(f"--epochs {config.epochs}: {entry.name} has done {done} already; give at least {least}")
    return found


def _find(results_dir: Path, wanted: str) -> Entry:
    """The entry of that name: the name of its artifact's folder, `study/family`, or a study that has only one."""
    entries = collect(results_dir).entries
    able = [entry for entry in entries if _can_go_on(results_dir, entry)]
    names = ", ".join(entry.name for entry in able) or "none; a qlora trial that ends with a score keeps one"
    matching = [entry for entry in entries if Path(wanted).name == entry.name or wanted == _path(entry)]
    if not matching:
        matching = [entry for entry in able if entry.study_id == wanted]
    if not matching:
        listed = ", ".join(entry.name for entry in entries) or "none"
        raise UsageError(f"--continue {wanted}: {results_dir} has no such entry; there are: {listed}")
    if len(matching) > 1:
        raise UsageError(f"--continue {wanted} could be {' or '.join(entry.name for entry in matching)}: give one")
    (entry,) = matching
    if entry not in able:
        raise UsageError(
            f"--continue {wanted}: {entry.name} keeps no checkpoint to go on from; these entries have one: {names}"
        )
    return entry


def _can_go_on(results_dir: Path, entry: Entry) -> bool:
    return entry.trial_id is not None and is_there(_folder(results_dir, entry) / "models" / entry.trial_id / LAST)


def _folder(results_dir: Path, entry: Entry) -> Path:
    return results_dir / "studies" / _path(entry)


def _path(entry: Entry) -> str:
    return f"{entry.study_id}/{entry.family}"


def _settings(config: StudyConfig, study_folder: Path) -> StudyConfig:
    """What the study was told, with the resources and the results directory that this run was given."""
    path = study_folder / "config.json"
    try:
        saved = StudyConfig.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = reason_of(error)
        raise StudyError(f"{path} cannot be read ({reason}): run its study once more") from None
    here = {
        # A trial that goes on starts where another ended, which no fold can follow: the validation split compares.
        "finalists": 0,
        "results_dir": config.results_dir.expanduser().resolve(),
        "address": config.address,
        "transfer": config.transfer,
        "tracker": config.tracker,
        "max_fpr": saved.max_fpr if config.max_fpr is None else config.max_fpr,
        "prevalence": saved.prevalence if config.prevalence is None else config.prevalence,
        "cpus_per_trial": config.cpus_per_trial or saved.cpus_per_trial,
        "gpus_per_trial": saved.gpus_per_trial if config.gpus_per_trial is None else config.gpus_per_trial,
    }
    return saved.model_copy(update=here)
