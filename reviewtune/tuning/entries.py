"""The leaderboard entry of a family's part of a study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.artifact import now
from reviewtune.artifact_info import read_info
from reviewtune.contents import is_whole
from reviewtune.errors import ArtifactError
from reviewtune.evaluation.objective import OBJECTIVES
from reviewtune.evaluation.selection import standard_error
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, Cost, Entry, Provenance, TrialSummary, entry_path, read_entry
from reviewtune.leaderboard.scores import Selection, TestScores, ValidationScores
from reviewtune.schema import F1, JUDGED
from reviewtune.storage.mirror import fetch, size_of
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE
from reviewtune.tuning.provenance import code_version, hardware, library_versions
from reviewtune.tuning.records import TrialRecord, default_first, sum_of_known
from reviewtune.tuning.session import Cluster


def unscored_entry(run: FamilyRun, records: list[TrialRecord]) -> Entry:
    """The entry before its selected trial is assessed, or of a family none of whose trials has a score."""
    errors = [record.error for record in records if record.error]
    failed = not any(record.can_win for record in records)
    default = next((record.best for record in records if record.is_default and record.best), None)
    return Entry(
        study_id=run.study.study_id,
        family=run.name,
        encoder=run.encoder.title if run.encoder else None,
        status="failed" if failed else "finished",
        error=(errors[-1] if errors else "no trial ran") if failed else None,
        params=run.plan.defaults,
        objective=run.study.config.objective,
        max_fpr=run.study.config.max_fpr,
        prevalence=run.study.config.prevalence,
        num_trials=len(records),
        num_failed_trials=sum(record.status in ("failed", "lost") for record in records),
        default_validation_f1=default.f1 if default else None,
        trials=[_summary(record) for record in default_first(records)],
        provenance=provenance_of(run.study, run.cluster),
    )


def provenance_of(study: Study, cluster: Cluster) -> Provenance:
    """What one needs to get an entry of this study again."""
    inputs = study.inputs
    return Provenance(
        data=inputs.reviews.name,
        data_sha256=inputs.reviews.sha256,
        split_sha256=inputs.split.sha256,
        code=code_version(),
        versions=library_versions(),
        seed=study.config.seed,
        num_sources=len(set(inputs.sources.tolist())),
        hardware=hardware(cluster.gpus),
        created=now(),
    )


def scored_entry(
    entry: Entry, chosen: Chosen, records: list[TrialRecord], *, test: TestScores, speed: float, run: FamilyRun
) -> Entry:
    """The entry with what its chosen configuration scored.

    Args:
        entry: Without scores.
        chosen: The configuration.
        records: All trials of the search.
        test: Its scores on the test split.
        speed: Reviews a second from text to probability.
        run: The family.
    """
    selected, best = chosen.record, chosen.record.best
    assert best is not None
    trainings = [*records, *run.finalists.read()]
    scored: dict[str, Any] = {
        "trial_id": selected.trial_id,
        "params": selected.params,
        "validation": validation_of({**best.model_dump(), JUDGED: best.score}, entry.objective),
        "selection": chosen.selection,
        "gain": chosen.gain,
        "test": test,
        "cost": Cost(
            fit_seconds=chosen.fit_seconds,
            study_seconds=sum(record.fit_seconds for record in trainings),
            study_joules=sum_of_known(record.gpu_joules for record in trainings if record.epochs),
            device=selected.device,
            peak_memory_bytes=selected.peak_memory_bytes,
            reviews_per_second=speed,
            disk_bytes=size_of(run.folder),
        ),
        "artifact": run.artifact,
        "trained_share": run.trained_share,
    }
    return entry.model_copy(update=scored)


def validation_of(measured: Mapping[str, float], objective: str) -> ValidationScores:
    """What an entry says of the rows that chose it, or its ensemble's weights.

    Args:
        measured: There, as `evaluation.metrics.validation_scores` gives it.
        objective: What it was judged by.
    """
    scores = {name: measured[name] for name in ("f1", "accuracy", "roc_auc")}
    value = None if objective == F1 else OBJECTIVES[objective].sign * measured[JUDGED]
    return ValidationScores(**scores, value=value)


def selection_of(f1: NDArray[np.float64], judged: NDArray[np.float64], objective: str, **more: Any) -> Selection:
    """What an entry says of the folds that chose it.

    Args:
        f1: (F,) of what was held out by each fold.
        judged: (F,) the objective there, made such that higher is better.
        objective: Its name.
        more: The other fields.
    """
    value, error = float(judged.mean()), standard_error(judged)
    told = {} if objective == F1 else {"value": OBJECTIVES[objective].sign * value, "value_error": error}
    return Selection(f1=float(f1.mean()), standard_error=standard_error(f1), folds=len(f1), **told, **more)


def assessed_before(study: Study, name: str, trial_id: str) -> Entry | None:
    """The entry of an earlier run, where it is of the same trial, for which the test split was opened then.

    None where a file that an assessment leaves is missing or a file of its artifact damaged, or it is of other reviews
    or another operating point: it is then done again.
    """
    results_dir = study.config.results_dir
    path = entry_path(results_dir, study.study_id, name)
    files = (path, path.with_name(PREDICTIONS_FILE), path.with_name(VALIDATION_PREDICTIONS_FILE))
    if not all(file.is_file() for file in files):
        return None
    known = read_entry(path)
    about, inputs, config = known.provenance, study.inputs, study.config
    made_from = (known.trial_id, about.data_sha256, about.split_sha256, known.max_fpr, known.prevalence)
    wanted = (trial_id, inputs.reviews.sha256, inputs.split.sha256, config.max_fpr, config.prevalence)
    assessed = known.test is not None and made_from == wanted
    return known if assessed and _is_of(results_dir / study.artifact(name), known) else None


def _is_of(folder: Path, entry: Entry) -> bool:
    """Whether a folder is the artifact that an entry tells of, with all its files as they were written.

    It may be a later one's: an assessment writes the artifact long before the entry, and may have been cut off between.
    """
    try:
        info = read_info(fetch(folder))
    except ArtifactError:
        return False
    mine, theirs = ((one.trial_id, one.max_fpr, one.prevalence) for one in (info, entry))
    scored = {chosen.f1 for chosen in (entry.selection, entry.validation) if chosen}
    return mine == theirs and info.validation_f1 in scored and is_whole(folder) is not False


def known_entry(run: FamilyRun, chosen: Chosen, entry: Entry) -> Entry | None:
    """The entry of an earlier run with the trials that there are now, where the same was chosen by the same folds."""
    known = assessed_before(run.study, run.name, chosen.record.trial_id)
    if known and chosen.selection and known.selection != chosen.selection:
        return None
    kept = ("trials", "num_trials", "num_failed_trials", "default_validation_f1")
    return known and known.model_copy(update={name: getattr(entry, name) for name in kept})


def _summary(record: TrialRecord) -> TrialSummary:
    return TrialSummary(
        trial_id=record.trial_id,
        status=record.status,
        f1=record.best.f1 if record.best else None,
        fit_seconds=record.fit_seconds,
    )
