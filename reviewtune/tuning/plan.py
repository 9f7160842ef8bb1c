"""A study before it runs: its configuration checked, its reviews read and split, each family's space resolved."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

from reviewtune.config import StudyConfig
from reviewtune.data.folds import make_folds
from reviewtune.data.other_reviews import OtherReviews
from reviewtune.data.own_columns import OwnColumns
from reviewtune.data.store import content_key
from reviewtune.encoders.registry import Encoder, resolve_encoder
from reviewtune.errors import EncoderError
from reviewtune.evaluation.operating_point import rank_at_fpr
from reviewtune.families.base import Family
from reviewtune.families.registry import ENSEMBLE, get_family
from reviewtune.families.space import resolve
from reviewtune.schema import F1, TRAIN, VALIDATION
from reviewtune.storage.refresh import refresh
from reviewtune.tuning.balance import balanced
from reviewtune.tuning.identity import Identity, check_identity, known_identity
from reviewtune.tuning.inputs import StudyInputs, prepare_inputs, read_others
from reviewtune.tuning.left_out import LeftOut, leave_out
from reviewtune.tuning.training import Fold, all_folds, search_fold
from reviewtune.tuning.warm_start import check_warm_start

if TYPE_CHECKING:
    from reviewtune.encoders.quantisation import Quantisation


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
    """A resolved study: everything that does not need Ray yet.

    Attributes:
        config: Its settings, with a quantisation that is no longer `auto`.
        study_id: Its name.
        identity: What it is of.
        encoder: Its base model, if any family reads it.
        inputs: Its reviews.
        plans: Of its families.
        why_quantisation: What `auto` went by.
        others: Reviews from elsewhere, which its entries are scored on besides.
    """

    config: StudyConfig
    study_id: str
    identity: Identity
    encoder: Encoder | None
    inputs: StudyInputs
    plans: list[FamilyPlan]
    why_quantisation: str | None = None
    others: list[OtherReviews] = field(default_factory=list)

    @property
    def stacks(self) -> bool:
        """Whether an ensemble is made of the entries: it was asked for, now or before."""
        return ENSEMBLE in self.config.families or (self.folder / ENSEMBLE).is_dir()

    @cached_property
    def fold_of(self) -> tuple[NDArray[np.int64], int]:
        """Which fold holds out each development row, and how many folds there are; 1 where finalists train on none."""
        inputs = self.inputs
        if not self.config.finalists:
            return np.zeros(len(inputs.development), dtype=np.int64), 1
        rows = inputs.development
        return make_folds(
            inputs.units_at(rows),
            inputs.fake[rows],
            folds=self.config.folds,
            seed=self.config.seed,
            sources=inputs.sources[rows].tolist(),
        )

    @property
    def num_folds(self) -> int:
        """Folds that finalists train on; 1 where there are none."""
        return self.fold_of[1]

    @property
    def judging(self) -> NDArray[np.int64]:
        """Row positions of what chooses: the development rows, by folds, or the validation split."""
        return self.inputs.development if self.num_folds > 1 else self.inputs.positions[VALIDATION]

    @cached_property
    def folds(self) -> dict[str, Fold]:
        """Rows and seeds of every trial, by name."""
        train, validation = (len(self.inputs.positions[split]) for split in (TRAIN, VALIDATION))
        search = search_fold(train, validation, self.config.seed, self.config.first_rung_rows)
        named = {**all_folds(*self.fold_of, seeds=self.config.seeds, search=search), **self.left_out.named()}
        rows, inputs = self.inputs.development, self.inputs
        if self.config.balance:
            fake, sources = inputs.fake[rows], inputs.sources[rows].tolist()
            named = {name: balanced(fold, fake, sources) for name, fold in named.items()}
        if self.config.augment:
            named = {name: fold.on_both_forms(len(rows)) for name, fold in named.items()}
        return named

    @cached_property
    def left_out(self) -> LeftOut:
        """The sources that entries are trained without, once their configuration has been chosen."""
        inputs, rows, config = self.inputs, self.inputs.development, self.config
        own = (inputs.sources[rows], inputs.units_at(rows), inputs.fake[rows])
        return leave_out(*own, seed=config.seed, most=config.unseen_sources)

    @cached_property
    def own_columns(self) -> OwnColumns:
        """The user's own columns of its reviews."""
        return OwnColumns(self.config.data)

    @property
    def key(self) -> str:
        """What everything that is kept of it was made from."""
        return self.identity.key

    @property
    def folder(self) -> Path:
        """Where the study keeps its trials and entries."""
        return self.config.results_dir / "studies" / self.study_id

    def artifact(self, family: str) -> str:
        """The folder of the artifact of a family or the ensemble, relative to the results directory."""
        return f"artifacts/{self.study_id}-{family}"


def resolve_study(config: StudyConfig) -> Study:
    """Check the configuration, read and split the reviews, and name the study.

    Raises:
        UsageError: A family, a space override or the base model is not known, nothing can be written to the results, or
            the study of that name is of something else.
        DataError: The reviews, or those from elsewhere, cannot be used, or are too few for the limit of false alarms.
    """
    config = config.model_copy(update={"results_dir": config.results_dir.expanduser().resolve()})
    for folder in filter(None, (config.results_dir, config.warm_start)):
        refresh(folder)
    for name in config.space:
        get_family(name)
    plans = [_plan(name, config) for name in dict.fromkeys(config.families) if name != ENSEMBLE]
    if config.warm_start:
        check_warm_start(config.warm_start, [plan.family.name for plan in plans])
    how, why = _quantisation(config, plans)
    encoder = _encoder(config, plans, how)
    inputs = prepare_inputs(config, encoder)
    study_id = config.study or _study_id(config, inputs)
    known = known_identity(config.results_dir / "studies" / study_id)
    if config.quantisation == "auto" and known and known.held and known.held != how:
        how, why = known.held, "that is what it was when the study began"
        encoder = _encoder(config, plans, how)
    identity = identity_of(config, plans, inputs, how)
    resolved = config.model_copy(update={"quantisation": how})
    others = read_others(config, inputs.reviews)
    study = Study(resolved, study_id, identity, encoder, inputs, plans, why, others)
    check_identity(study.folder, identity, named=config.study is not None)
    check_limit(study)
    return study


def check_limit(study: Study) -> None:
    """Refuse a limit of false alarms that so few genuine reviews can promise nothing about, before anything is trained.

    Raises:
        DataError: There are too few among those that choose.
    """
    rows, limit = study.judging, study.config.max_fpr
    if limit is not None:
        rank_at_fpr(len(np.unique(study.inputs.units_at(rows[~study.inputs.fake[rows]]))), limit)


def _plan(name: str, config: StudyConfig) -> FamilyPlan:
    family = get_family(name)
    distributions, defaults = resolve(family.params, config.space.get(name, {}))
    return FamilyPlan(family, distributions, defaults, config.num_trials if distributions else 1)


def _quantisation(config: StudyConfig, plans: list[FamilyPlan]) -> "tuple[Quantisation, str | None]":
    """How the base model will be held, and, where that was left to `auto`, why."""
    if config.quantisation != "auto":
        return config.quantisation, None
    if all(plan.family.inputs != "tokens" for plan in plans):
        return "nf4", "no family of this study trains on the base model"
    from reviewtune.encoders.vetting import choose_quantisation

    return choose_quantisation(resolve_encoder(config.base_model))


def _encoder(config: StudyConfig, plans: list[FamilyPlan], quantisation: "Quantisation") -> Encoder | None:
    """The base model, checked before anything is scheduled on it; None where no family reads it and it is not found.

    A study of families that do not read it is named after it all the same, so that others can join them later.
    """
    forms = {plan.family.inputs for plan in plans}
    try:
        encoder = resolve_encoder(config.base_model)
    except EncoderError:
        if forms - {"texts"}:
            raise
        return None
    if not forms - {"texts"}:
        return encoder
    from reviewtune.encoders.vetting import vetted

    return vetted(encoder, quantisation if "tokens" in forms else "none")


def identity_of(
    config: StudyConfig, plans: list[FamilyPlan], inputs: StudyInputs, quantisation: "Quantisation"
) -> Identity:
    """What the study is of.

    Args:
        config: As it was given.
        plans: Of its families.
        inputs: Its reviews.
        quantisation: What is meant by `auto`.
    """
    held = config.quantisation == "auto" and any(plan.family.inputs == "tokens" for plan in plans)
    return Identity(
        data=inputs.reviews.name,
        data_sha256=inputs.reviews.sha256,
        split_sha256=inputs.split.sha256,
        seed=config.seed,
        base_model=inputs.encoder.title if inputs.encoder else config.base_model,
        revision=inputs.encoder.revision if inputs.encoder else None,
        quantisation=config.quantisation,
        held=quantisation if held else None,
        executor=config.executor,
        evaluations_per_epoch=config.evaluations_per_epoch,
        objective=config.objective,
        first_rung_rows=config.first_rung_rows,
        balance=config.balance,
        augment=config.augment,
        spaces={plan.family.name: config.space.get(plan.family.name, {}) for plan in plans},
    )


def _study_id(config: StudyConfig, inputs: StudyInputs) -> str:
    """A name that the same data and the same search always get; more trials or families go on in the same study."""
    key = content_key(
        inputs.reviews.sha256, inputs.split.sha256, config.seed, config.space, config.quantisation, config.executor,
        config.base_model if not inputs.encoder else [inputs.encoder.title, inputs.encoder.revision],
        *([config.evaluations_per_epoch] if config.evaluations_per_epoch > 1 else []),
        *([config.objective] if config.objective != F1 else []),
        *([config.first_rung_rows] if config.first_rung_rows else []),
        *([f"balance {config.balance}"] if config.balance else []),
        *([f"augment {config.augment}"] if config.augment else []),
    )  # fmt: skip
    without_commit = inputs.reviews.name.partition("@")[0]
    stem = Path(without_commit.replace("/", "-")).stem
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in stem)
    return f"{safe}-{key[:8]}"
