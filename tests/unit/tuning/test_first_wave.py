import math
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import qmc

from reviewtune.tuning.first_wave import ANSWERS, FirstWave

SPACE: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0.0, 0.1),
    "target": CategoricalDistribution(["a", "b"]),
    "size": CategoricalDistribution([8, 16, 32, 64]),
    "epochs": IntDistribution(2, 5),
}
DEFAULTS = {"rate": 1e-3, "dropout": 0.05, "target": "a", "size": 16, "epochs": 3}


class Recorder(RandomSampler):
    """A later sampler that says for which trials it was asked."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.asked: set[int] = set()

    def sample_independent(self, study: Any, trial: FrozenTrial, param_name: str, param_distribution: Any) -> Any:
        self.asked.add(trial.number)
        return super().sample_independent(study, trial, param_name, param_distribution)


def study_of(sampler: Any, storage: Any = None) -> Any:
    return optuna.create_study(
        study_name="s", storage=storage, sampler=sampler, direction="maximize", load_if_exists=True
    )


def wave(trials: int = 32, seed: int = 1, later: Any = None) -> FirstWave:
    return FirstWave(SPACE, trials=trials, later=later or Recorder(), seed=seed)


def params_of(study: Any, count: int) -> list[dict[str, Any]]:
    return [study.ask(SPACE).params for _ in range(count)]


def discrepancy(drawn: list[dict[str, Any]]) -> float:
    points = [[(math.log10(params["rate"]) + 4) / 3, params["dropout"] / 0.1] for params in drawn]
    return float(qmc.discrepancy(points))


@pytest.mark.parametrize("seed", range(5))
def test_the_wave_takes_every_choice_and_every_eighth_of_a_range_as_often(seed: int) -> None:
    drawn = params_of(study_of(wave(seed=seed)), 32)
    assert set(Counter(params["target"] for params in drawn).values()) == {16}
    assert set(Counter(params["size"] for params in drawn).values()) == {8}
    assert set(Counter(int(params["dropout"] / 0.0125) for params in drawn).values()) == {4}


@pytest.mark.parametrize("seed", range(5))
def test_the_wave_is_spread_better_than_dice(seed: int) -> None:
    sobol = params_of(study_of(wave(seed=seed)), 32)
    dice = params_of(study_of(RandomSampler(seed=seed)), 32)
    assert discrepancy(sobol) < discrepancy(dice) / 2


def test_the_default_configuration_comes_first_and_takes_no_point() -> None:
    study, other = study_of(wave()), study_of(wave())
    study.enqueue_trial(DEFAULTS)
    drawn = params_of(study, 32)
    assert drawn[0] == DEFAULTS
    assert drawn[1:] == params_of(other, 31)


def test_a_resumed_study_draws_the_points_that_are_left(tmp_path: Path) -> None:
    def resumed(name: str) -> Any:
        return study_of(wave(), f"sqlite:///{tmp_path / name}")

    whole = params_of(resumed("whole"), 20)
    halves = params_of(resumed("halves"), 10)
    assert halves + params_of(resumed("halves"), 10) == whole


def test_another_sampler_draws_after_the_wave() -> None:
    later = Recorder()
    study = study_of(wave(trials=10, later=later))
    for _ in range(ANSWERS):
        study.tell(study.ask(SPACE), 0.5)
    params_of(study, 4)
    assert later.asked == {10, 11}


def test_the_sequence_goes_on_where_too_few_trials_have_ended() -> None:
    later = Recorder()
    study = study_of(wave(trials=10, later=later))
    begun = [study.ask(SPACE) for _ in range(12)]
    assert not later.asked
    for trial in begun[: ANSWERS - 1]:
        study.tell(trial, 0.5)
    study.tell(begun[ANSWERS - 1], state=TrialState.FAIL)
    params_of(study, 1)
    assert not later.asked
    study.tell(begun[ANSWERS], 0.5)
    params_of(study, 1)
    assert later.asked == {13}


def test_tpe_after_the_wave_learns_from_it() -> None:
    study = study_of(wave(trials=32, later=TPESampler(seed=0, n_startup_trials=0)))
    for _ in range(32):
        trial = study.ask(SPACE)
        study.tell(trial, -abs(math.log10(trial.params["rate"]) + 3))
    drawn = params_of(study, 20)
    assert sum(abs(math.log10(params["rate"]) + 3) < 0.5 for params in drawn) >= 12
