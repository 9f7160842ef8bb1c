"""A study from its configuration to the leaderboard: prepare, tune family by family, select, assess, rank."""

import json
from contextlib import closing, nullcontext
from functools import partial

from rich.console import Console

from reviewtune.config import StudyConfig
from reviewtune.errors import StudyError
from reviewtune.families.registry import ENSEMBLE
from reviewtune.files import write_text
from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.export import export
from reviewtune.tuning.continuation import continue_entry
from reviewtune.tuning.description import describe
from reviewtune.tuning.ensemble import stack_entries
from reviewtune.tuning.family import tune_family
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.identity import keep_identity
from reviewtune.tuning.lock import study_lock
from reviewtune.tuning.plan import Study, resolve_study
from reviewtune.tuning.progress import Progress, say
from reviewtune.tuning.ranking import entries_of, rank
from reviewtune.tuning.session import ray_session
from reviewtune.tuning.tracking import open_tracking


def tune(config: StudyConfig, console: Console | None = None) -> Board:
    """Run a study, or what is left of it, or train an entry on; rank everything in its results directory.

    Args:
        config: The study. The same configuration resumes it: finished trials and entries are kept.
        console: Where progress goes. Default: standard error.

    Returns:
        The board, which is also written to the results directory.

    Raises:
        ReviewtuneError: Nothing could be tuned; each kind says why.
    """
    console = console or Console(stderr=True)
    board = continue_entry(config, console) if config.continue_entry else _tuned(config, console)
    if config.with_texts:
        export(board, config.results_dir, with_texts=True)
    return board


def _tuned(config: StudyConfig, console: Console) -> Board:
    study = resolve_study(config)
    describe(study, lambda line: say(console, line))
    with study_lock(study.folder, partial(say, console)):
        _run(study, console)
    return collect(study.config.results_dir)


def _run(study: Study, console: Console) -> None:
    """Tune the families of a study that is nobody else's, one after the other."""
    _remember(study)
    config, tell = study.config, partial(say, console)
    tracking = open_tracking(config.tracker, study.study_id, config.results_dir, tell)
    with (
        closing(tracking) if tracking else nullcontext(),
        ray_session(study.config.address, console) as cluster,
        Progress(_budget(study), console, study.config.objective, study.folder) as progress,
    ):
        runs = [FamilyRun(study, plan, cluster, progress, tracking) for plan in study.plans]
        work = {run.name: partial(tune_family, run) for run in runs}
        if study.stacks:
            work[ENSEMBLE] = partial(stack_entries, study, cluster, progress)
        errors = []
        for name, make in work.items():
            if error := rank(study, name, make, cluster, progress):
                errors.append(error)
        if tracking:
            tracking.finish(entries_of(study), study.config.results_dir)
    if len(errors) == len(work):
        raise errors[0]
    if not _has_scores(study):
        families = ", ".join(study.config.families)
        raise StudyError(f"no trial of {families} ended with a score: what became of them is printed above")


def _remember(study: Study) -> None:
    keep_identity(study.folder, study.identity)
    settings = study.config.model_dump(mode="json")
    write_text(study.folder / "config.json", json.dumps(settings, indent=1) + "\n")


def _budget(study: Study) -> dict[str, int]:
    trials = {plan.family.name: plan.num_trials for plan in study.plans}
    return {**trials, ENSEMBLE: 0} if study.stacks else trials


def _has_scores(study: Study) -> bool:
    return any(entry.test is not None for entry in entries_of(study))
