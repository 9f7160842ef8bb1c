"""What a search tries before it knows anything: points that fill the space evenly, instead of dice."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

ANSWERS = 8
"""Ended trials that a sampler needs to learn anything from."""


class FirstWave(BaseSampler):
    """A scrambled Sobol sequence for the trials that begin side by side, another sampler once these have answered.

    Optuna's own count of start-up trials leaves out those that run, so all that begin together would be drawn at
    random. A trial that is enqueued, as the default configuration is, belongs to the wave and takes no point.

    Args:
        distributions: The search space.
        trials: That belong to the wave. Where they are over and fewer than `ANSWERS` have ended, the sequence goes on.
        later: Draws after that; needs no start-up trials of its own.
        seed: Of the scrambling. A resumed study with the same seed goes on in the same sequence, whose position
            Optuna keeps in the study.
    """

    def __init__(
        self, distributions: Mapping[str, BaseDistribution], *, trials: int, later: BaseSampler, seed: int
    ) -> None:
        self.distributions = dict(distributions)
        self.trials = trials
        self.later = later
        with warnings.catch_warnings():
            # Its interface may change, which is no concern of who runs a study.
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._sequence = QMCSampler(qmc_type="sobol", scramble=True, seed=seed)

    def reseed_rng(self) -> None:
        """Give a parallel process another stream; the sequence is one for all."""
        self.later.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All of the space in the wave: Optuna would know it only from trials that have ended."""
        if self._in_wave(study, trial):
            return self.distributions
        return self.later.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next point of the sequence, or what the later sampler draws."""
        sampler = self._sequence if self._in_wave(study, trial) else self.later
        return sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """What the later sampler draws for one param."""
        return self.later.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the later sampler that a trial begins."""
        self.later.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the later sampler that a trial has ended."""
        self.later.after_trial(study, trial, state, values)

    def _in_wave(self, study: Study, trial: FrozenTrial) -> bool:
        if trial.number < self.trials:
            return True
        return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) < ANSWERS
