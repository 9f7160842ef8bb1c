"""A study from its configuration to the leaderboard: prepare, tune family by family, select, assess, rank."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from rich.console import Console

from reviewtune.config import StudyConfig
from reviewtune.data.store import content_key
from reviewtune.encoders.registry import Encoder, resolve_encoder
from reviewtune.errors import ReviewtuneError, StudyError
from reviewtune.families.base import Family
from reviewtune.families.registry import get_family
from reviewtune.families.space import resolve
from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.entry import entry_path, read_entry, write_entry
from reviewtune.leaderboard.export import export
from reviewtune.tuning.inputs import StudyInputs, prepare_inputs
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.session import ray_session


@dataclass(frozen=True)
class FamilyPlan:
    """A family with its space and default configuration, resolved under the study's overrides."""

    family: Family
    distributions: dict[str, BaseDistribution]
    defaults: dict[str, Any]
    num_trials: int

    @property
    def fixed(self) -> dict[str, Any]:
        """Params that are not searched."""
        return {name: value for name, value in self.defaults.items() if name not in self.distributions}


@dataclass(frozen=True)
class Study:
    """A resolved study: everything that does not need Ray yet."""

    config: StudyConfig
    study_id: str
    encoder: Encoder | None
    inputs: StudyInputs
    plans: list[FamilyPlan]

    @property
    def folder(self) -> Path:
        """Where the study keeps its trials and entries."""
        return self.config.results_dir / "studies" / self.study_id


def resolve_study(config: StudyConfig) -> Study:
    """Check the configuration, read and split the reviews, and name the study.

    Raises:
        UsageError: A family, a space override or the base model is not known.
        DataError: The reviews cannot be used.
    """
    config = config.model_copy(update={"results_dir": config.results_dir.expanduser().resolve()})
    plans = [_plan(name, config) for name in dict.fromkeys(config.families)]
    needs_encoder = any(plan.family.inputs != "texts" for plan in plans)
    encoder = resolve_encoder(config.base_model) if needs_encoder else None
    config.results_dir.mkdir(parents=True, exist_ok=True)
    inputs = prepare_inputs(config, encoder)
    return Study(config, config.study or _study_id(config, inputs), encoder, inputs, plans)


def tune(config: StudyConfig, console: Console | None = None) -> Board:
    """Run a study, or what is left of it, and rank everything in its results directory.

    Args:
        config: The study. The same configuration resumes it: finished trials and entries are kept.
        console: Where progress goes. Default: standard error.

    Returns:
        The board, which is also written to the results directory.

    Raises:
        ReviewtuneError: Nothing could be tuned; each kind says why.
    """
    console = console or Console(stderr=True)
    study = resolve_study(config)
    describe(study, console.print)
    _remember(study)
    with ray_session(study.config.address, console) as cluster, Progress(_budget(study), console) as progress:
        from reviewtune.tuning.family import tune_family

        errors = []
        for plan in study.plans:
            try:
                write_entry(
                    tune_family(study, plan, cluster, progress),
                    entry_path(study.config.results_dir, study.study_id, plan.family.name),
                )
            except ReviewtuneError as error:
                errors.append(error)
                progress.end(plan.family.name, "failed", None)
                progress.say(f"{plan.family.name}: {error}")
    board = collect(study.config.results_dir)
    export(board, study.config.results_dir)
    if len(errors) == len(study.plans):
        raise errors[0]
    if not _has_scores(study):
        raise StudyError(f"no trial of {', '.join(config.families)} ended with a score: their errors are printed above")
    return board


def describe(study: Study, say: Callable[[str], None]) -> None:
    """Say what will be tuned on which reviews."""
    reviews, split = study.inputs.reviews, study.inputs.split
    say(f"[bold]{study.study_id}[/bold] in {study.config.results_dir}")
    for line in [*reviews.report.lines(), *split.report.lines()]:
        say(f"  {line}")


def _plan(name: str, config: StudyConfig) -> FamilyPlan:
    family = get_family(name)
    distributions, defaults = resolve(family.params, config.space.get(name, {}))
    return FamilyPlan(family, distributions, defaults, config.num_trials if distributions else 1)


def _study_id(config: StudyConfig, inputs: StudyInputs) -> str:
    """A name that the same data and the same search always get; more trials or families go on in the same study."""
    key = content_key(
        inputs.reviews.sha256, inputs.split.sha256, config.seed, config.space, config.quantisation, config.executor,
        config.base_model if not inputs.encoder else [inputs.encoder.title, inputs.encoder.revision],
    )  # fmt: skip
    stem = Path(inputs.reviews.name.replace("/", "-")).stem
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in stem)
    return f"{safe}-{key[:8]}"


def _remember(study: Study) -> None:
    study.folder.mkdir(parents=True, exist_ok=True)
    settings = study.config.model_dump(mode="json")
    (study.folder / "config.json").write_text(json.dumps(settings, indent=1) + "\n")


def _budget(study: Study) -> dict[str, int]:
    return {plan.family.name: plan.num_trials for plan in study.plans}


def _has_scores(study: Study) -> bool:
    paths = [entry_path(study.config.results_dir, study.study_id, plan.family.name) for plan in study.plans]
    return any(read_entry(path).test is not None for path in paths if path.is_file())
