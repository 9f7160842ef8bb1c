"""One family's part of a study: what it runs with, and where it keeps what it makes."""

import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reviewtune.encoders.registry import Encoder
from reviewtune.families.base import Rows, Setting
from reviewtune.storage.place import bucket_of
from reviewtune.tuning.names import RunNames
from reviewtune.tuning.plan import FamilyPlan, Study
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.records import TrialRecord, TrialStore
from reviewtune.tuning.resources import Resources, trial_resources
from reviewtune.tuning.session import Cluster
from reviewtune.tuning.tracking import Tracking
from reviewtune.tuning.training import EVERYTHING, SEARCH, Fold
from reviewtune.tuning.trial import Assignment
from reviewtune.tuning.within_memory import trial_memory, within_memory


@dataclass(frozen=True)
class FamilyRun:
    """A family at work.

    Attributes:
        study: The whole study.
        plan: The family with its space.
        cluster: What Ray has.
        progress: Told of everything.
        tracking: Told of every trial, where they are logged elsewhere too.
        among: The ids of the trials that may be chosen; None for all.
    """

    study: Study
    plan: FamilyPlan
    cluster: Cluster
    progress: Progress
    tracking: Tracking | None = None
    among: frozenset[str] | None = None

    def tell(self, event: str, record: TrialRecord) -> None:
        """Tell whoever watches that a trial has `started`, finished a `leg`, or `ended`."""
        self.progress.trial(self.name, event, record)
        if self.tracking:
            self.tracking.trial(self.name, event, record)

    @property
    def name(self) -> str:
        """The family's name."""
        return self.plan.family.name

    def names(self) -> RunNames:
        """What dashboards call its trials: by its main params, or all that it searches."""
        searched = self.plan.distributions
        return RunNames(self.name, tuple(name for name in self.plan.family.params.main or searched if name in searched))

    @property
    def results_dir(self) -> Path:
        """Where everything is kept; absolute."""
        return self.study.config.results_dir

    @property
    def folder(self) -> Path:
        """`<results>/studies/<study>/<family>`."""
        return self.study.folder / self.name

    @property
    def history(self) -> Path:
        """Where the `studies.db` of searches lies: in the results directory, or one in each study of a bucket."""
        return self.results_dir if bucket_of(self.results_dir) is None else self.study.folder

    @property
    def trials(self) -> TrialStore:
        """The records of its trials."""
        return TrialStore(self.folder / "trials")

    @property
    def finalists(self) -> TrialStore:
        """The records of its finalists' trainings."""
        return TrialStore(self.folder / "finalists")

    @property
    def models(self) -> Path:
        """Where its trials keep their models, a folder each."""
        return self.folder / "models"

    @property
    def artifact(self) -> str:
        """The artifact's folder, relative to the results directory."""
        return self.study.artifact(self.name)

    @property
    def encoder(self) -> Encoder | None:
        """Its base model; None for a family that reads the texts themselves."""
        return None if self.plan.family.inputs == "texts" else self.study.encoder

    @cached_property
    def _started(self) -> float:
        return time.monotonic()

    @property
    def seconds_left(self) -> float | None:
        """Of the time budget, from the first time that this is asked on; None where there is none."""
        budget = self.study.config.time_budget_s
        return None if budget is None else max(0.0, budget - (time.monotonic() - self._started))

    @cached_property
    def resources(self) -> Resources:
        """What a trial reserves."""
        return trial_resources(self.study.config, self.plan.family.inputs, self.cluster)

    @cached_property
    def setting(self) -> Setting:
        """The same for all its trials."""
        config = self.study.config
        return Setting(
            seed=config.seed,
            fast=True,
            base_model=self.study.encoder.name if self.study.encoder else config.base_model,
            quantisation=config.quantisation,
            evaluations_per_epoch=config.evaluations_per_epoch if self.plan.family.inputs == "tokens" else 1,
        )

    @property
    def _rows(self) -> Rows:
        inputs, form, config = self.study.inputs, self.plan.family.inputs, self.study.config
        return inputs.both_forms(form, config.seed) if config.augment else inputs.develop(form)

    def _folds(self, rows: Rows) -> dict[str, Fold]:
        """Those of the study, whose training rows are a part of them where a fit of all has not the memory."""
        if self.plan.family.inputs != "embeddings":
            return self.study.folds
        memory = trial_memory(self.resources.cpus, self.resources.concurrent)
        folds, line = within_memory(self.study.folds, rows.fake, width=rows.inputs.shape[1], memory=memory)
        if line:
            self.progress.say(f"{self.name}: {line}")
        return folds

    @property
    def trained_share(self) -> float | None:
        """Of the rows that what is shipped is to train on, those that a fit has memory for; None: all."""
        shipped = EVERYTHING if self.study.num_folds > 1 else SEARCH
        some, rows = (len(folds[shipped].train) for folds in (self.assignment.folds, self.study.folds))
        return some / rows if some < rows else None

    @cached_property
    def assignment(self) -> Assignment:
        """What its trials share; making it encodes or tokenises what the store lacks."""
        return Assignment(
            family=self.name,
            fixed=self.plan.fixed,
            rows=(rows := self._rows),
            folds=self._folds(rows),
            setting=self.setting,
            models_dir=self.models,
            objective=self.study.config.objective,
        )
