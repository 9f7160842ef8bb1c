"""The search of one family: a Sobol wave, then Optuna's TPE, through Ray Tune; its history is in `studies.db`."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from filelock import FileLock
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.study import Study, create_study
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

from reviewtune.storage.mirror import publish
from reviewtune.storage.place import bucket_of
from reviewtune.tuning.first_wave import ANSWERS, FirstWave
from reviewtune.tuning.names import RunNames
from reviewtune.tuning.records import BEST_JUDGED

STUDIES_FILE = "studies.db"
NAME = "name"
"""User attribute of an Optuna trial: what it is called elsewhere."""


def make_search(
    folder: Path,
    *,
    study_name: str,
    distributions: dict[str, BaseDistribution],
    first: list[dict[str, Any]],
    concurrent: int,
    seed: int,
    names: RunNames,
    ended: Mapping[str, float] | None = None,
) -> "NamedSearch":
    """A search that goes on where the study of that name stands.

    Args:
        folder: Where `studies.db` lies; optuna-dashboard opens it.
        study_name: Optuna's name for the study, `<study id>/<family>`.
        distributions: The search space; not empty.
        first: Searched values of the trials to begin with.
        concurrent: Trials at a time. As many are drawn from a Sobol sequence, at least those that TPE needs to start.
        names: What its trials are called.
        seed: Of the samplers. A resumed study goes on in its Sobol sequence; TPE draws from another stream than before.
        ended: What trials of earlier runs were worth that have ended, by what they are called.
    """
    # Whoever comes first makes the file and its tables.
    with FileLock(folder / f".{STUDIES_FILE}.lock"):
        storage = _storage(folder / STUDIES_FILE)
        study = create_study(study_name=study_name, storage=storage, direction="maximize", load_if_exists=True)
        _close_orphans(study, ended or {})
    begun = len(study.get_trials(deepcopy=False))
    sampler = FirstWave(
        distributions,
        trials=max(concurrent, ANSWERS),
        later=TPESampler(seed=seed + 1000 * begun, n_startup_trials=0, constant_liar=True),
        seed=seed,
    )
    return NamedSearch(
        distributions,
        metric=BEST_JUDGED,
        mode="max",
        sampler=sampler,
        study_name=study_name,
        storage=storage,
        points_to_evaluate=first or None,
        names=names,
    )


class NamedSearch(OptunaSearch):  # type: ignore[misc]
    """Optuna through Ray Tune, with each trial's name among its user attributes, where optuna-dashboard shows it.

    Attributes:
        names: Of its trials; those that it draws get their numbers there.
    """

    def __init__(self, *args: Any, names: RunNames, **options: Any) -> None:
        super().__init__(*args, **options)
        self.names = names

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """Searched values for a trial of that id. See `ray.tune.search.Searcher.suggest`."""
        params: dict[str, Any] | None = super().suggest(trial_id)
        if params is not None:
            drawn = self._ot_trials[trial_id]
            self.names.numbers[trial_id] = drawn.number
            drawn.set_user_attr(NAME, self.names(SimpleNamespace(trial_id=trial_id, config=params)))
        return params


def keep_history(folder: Path) -> None:
    """Put a copy of the `studies.db` in a folder into its bucket, if it is of one, whoever writes to it meanwhile."""
    if bucket_of(folder) is None:
        return
    path = folder / STUDIES_FILE
    with TemporaryDirectory() as place:
        copy = Path(place) / STUDIES_FILE
        with closing(sqlite3.connect(path, timeout=60)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        publish(copy, path)


def _storage(path: Path) -> RDBStorage:
    """Optuna's storage in a file, which is opened by its path: in a URL some of its letters would mean something."""
    connect = partial(sqlite3.connect, str(path), timeout=60, check_same_thread=False)
    return RDBStorage(f"sqlite:///{STUDIES_FILE}", engine_kwargs={"creator": connect})


def _close_orphans(study: Study, ended: Mapping[str, float]) -> None:
    """End the trials that an interrupted run left running or waiting, so that nobody waits for them or runs them.

    Those that had ended are told of, all others fail.
    """
    for _ in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.ask()
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if (value := ended.get(trial.user_attrs.get(NAME, ""))) is None:
            study.tell(trial.number, state=TrialState.FAIL)
        else:
            study.tell(trial.number, value)
