"""Where a training stands, as files beside its adapter: what it needs to go on as if it had never stopped."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from reviewtune.adapters.optimizer import load_optimizer, save_optimizer
from reviewtune.adapters.training import Trainer
from reviewtune.errors import StudyError

PROGRESS_FILE = "progress.json"
OPTIMIZER_FILE = "optimizer.safetensors"
RANDOM_FILE = "random.safetensors"


def save_progress(trainer: Trainer, folder: Path) -> None:
    """Write the optimizer, the learning rate's schedule, whose steps tell the position, and the random state."""
    save_optimizer(trainer.optimizer, folder / OPTIMIZER_FILE)
    save_file(trainer.random.state(), folder / RANDOM_FILE)
    progress = {"lr_schedule": trainer.lr_schedule.state_dict()}
    (folder / PROGRESS_FILE).write_text(json.dumps(progress) + "\n")


def load_progress(trainer: Trainer, folder: Path) -> None:
    """Put a fresh trainer, its adapter loaded, where `save_progress` left another.

    Raises:
        StudyError: A file is missing, damaged or of other params.
    """
    try:
        progress = json.loads((folder / PROGRESS_FILE).read_text())
        load_optimizer(trainer.optimizer, folder / OPTIMIZER_FILE)
        trainer.lr_schedule.load_state_dict(progress["lr_schedule"])
        trainer.random.load(load_file(folder / RANDOM_FILE))
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise StudyError(
            f"the training state in {folder} is damaged ({reason}): delete it, the trial begins anew"
        ) from error
    rates = trainer.lr_schedule.get_last_lr()
    for group, rate in zip(trainer.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
