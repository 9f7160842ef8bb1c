"""What a chosen configuration is worth on a source that it was not trained on: never used for a choice.

It is trained once more without each source, up to the leg that was chosen, and what it then says of that source's
development rows is scored at the entry's own calibration and threshold. The test rows stay closed.
Shape letter: `M` development rows of a source.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.artifact_info import read_info
from reviewtune.errors import StudyError
from reviewtune.evaluation.elsewhere import elsewhere_scores
from reviewtune.evaluation.stacking import Stacking
from reviewtune.leaderboard.entry import Entry
from reviewtune.leaderboard.scores import SourceScores, Unseen
from reviewtune.leaderboard.ties import PREDICTED
from reviewtune.schema import CLUSTER, FAKE, FAKE_PROBABILITY, SOURCE
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.executor import Executors
from reviewtune.tuning.family_progress import UNSEEN
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.left_out import without
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import UNSEEN_PREDICTIONS_FILE, keep_predictions, kept_scores
from reviewtune.tuning.training import Training
from reviewtune.tuning.trainings import remove_models, train

Said = Mapping[str, NDArray[np.float64]]
"""By source, the (M,) uncalibrated scores of its development rows by what was trained without it."""


def said_without(run: FamilyRun, executors: Executors, chosen: Chosen) -> Said:
    """What the chosen configuration says of each source without having seen it; trained where it has not been.

    A source is missing, and one line says why, where that training failed.
    """
    until = None if chosen.epoch is None else round(chosen.epoch * run.setting.evaluations_per_epoch)
    wanted = {source: Training(chosen.record.params, without(source), until) for source in run.study.left_out.folds}
    if not wanted:
        return {}
    _forget_silent(run, list(wanted.values()))
    trained = train(run, executors, list(wanted.values()), state=UNSEEN)
    remove_models(run, filter(None, trained))
    said = {}
    for source, record in zip(wanted, trained, strict=True):
        if record is not None and record.status == "finished":
            legs = HeldOut.read(run.models / record.trial_id).legs
            said[source] = legs[max(legs)]
            continue
        reason = record.error if record and record.error else "it did not run"
        again = "" if record and record.is_done else "; the same command tries again"
        run.progress.say(
            f"{run.name} could not be trained without {source}, which its unseen F1 lacks: {reason}{again}"
        )
    return said


def said_together(study: Study, ensemble: Entry, members: Mapping[str, Entry]) -> Said:
    """What an ensemble says of each source that all of its members have been trained without; nothing is trained.

    Args:
        study: Whose.
        ensemble: Its entry.
        members: Entries that it may weigh, by family.
    """
    stacking = Stacking.from_params(ensemble.params)
    calibrations = {
        name: read_info(study.config.results_dir / str(members[name].artifact)).calibration for name in stacking.weights
    }
    said = {}
    for source in study.left_out.folds:
        ids = study.inputs.ids_at(_positions(study, source))
        try:
            scores = {name: kept_scores(_file(study, name), ids, members[name].trial_id) for name in calibrations}
        except StudyError:
            continue  # A member has not been trained without it, which was said then.
        said[source] = stacking.apply({name: calibrations[name].log_odds(own) for name, own in scores.items()})
    return said


def with_unseen(study: Study, entry: Entry, said: Said) -> Entry:
    """The entry with its scores on what was left out, kept beside it review by review; as it is where nothing was said.

    Args:
        study: Whose.
        entry: With an artifact, whose calibration and threshold judge.
        said: By source.
    """
    if not said:
        return entry
    positions = np.concatenate([_positions(study, source) for source in said])
    path = _file(study, entry.family)
    keep_predictions(
        path,
        study.inputs.ids_at(positions),
        study.inputs.fake[positions],
        np.concatenate(list(said.values())),
        read_info(study.config.results_dir / str(entry.artifact)),
        units=study.inputs.units_at(positions),
        sources=study.inputs.sources[positions].tolist(),
    )
    return entry.model_copy(update={"unseen": unseen_in(path)})


def unseen_in(path: Path) -> Unseen:
    """The scores of the predictions in a file that `with_unseen` wrote.

    Args:
        path: Parquet file with the columns source, fake, fake_probability, predicted and cluster.
    """
    table = pq.read_table(path)
    fake, probability, predicted, units = (
        table[name].to_numpy() for name in (FAKE, FAKE_PROBABILITY, PREDICTED, CLUSTER)
    )
    sources = np.array(table[SOURCE].to_pylist(), dtype=object)
    found = []
    for source in dict.fromkeys(sources.tolist()):
        own = sources == source
        scores = elsewhere_scores(fake[own], probability[own], predicted[own], units[own])
        found.append(SourceScores(source=source, **scores.model_dump()))
    return Unseen.of(found)


def _positions(study: Study, source: str) -> NDArray[np.int64]:
    """Row positions of a source's development rows, in the order of what was said of them."""
    return study.inputs.development[study.left_out.folds[source].held_out]


def _file(study: Study, family: str) -> Path:
    return study.folder / family / UNSEEN_PREDICTIONS_FILE


def _forget_silent(run: FamilyRun, wanted: list[Training]) -> None:
    """Forget trainings whose scores are gone, so that they are done again."""
    for record in run.finalists.read():
        silent = record.status == "finished" and not HeldOut.read(run.models / record.trial_id).legs
        if silent and any(record.trains(training) for training in wanted):
            run.finalists.remove(record)
