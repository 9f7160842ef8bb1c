from typing import Any

import pytest
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from reviewtune.tuning.scheduler import PROGRESS, make_scheduler
from reviewtune.tuning.search import BEST_JUDGED


class OneTrial:
    """What the scheduler looks at of a Tune trial."""

    def __init__(self, trial_id: str, rank: int) -> None:
        self.trial_id = trial_id
        self.config = {"rank": rank}


def decisions(scheduler: Any, f1s: dict[int, float], progress: float) -> dict[int, str]:
    made = {}
    for rank, f1 in f1s.items():
        trial = OneTrial(f"t{rank}", rank)
        scheduler.on_trial_add(None, trial)
        made[rank] = scheduler.on_trial_result(
            None, trial, {PROGRESS: progress, BEST_JUDGED: f1, "training_iteration": 1}
        )
    return made


def test_a_trial_in_the_lower_half_of_its_rung_is_stopped() -> None:
    scheduler = make_scheduler(trains_in_epochs=True, defaults={"rank": 99})
    made = decisions(scheduler, {1: 0.9, 2: 0.8, 3: 0.85, 4: 0.95}, progress=40)
    assert made[1] == made[4] == TrialScheduler.CONTINUE
    assert made[2] == TrialScheduler.STOP


def test_the_default_configuration_is_never_stopped_early() -> None:
    scheduler = make_scheduler(trains_in_epochs=True, defaults={"rank": 2})
    made = decisions(scheduler, {1: 0.9, 2: 0.1, 3: 0.3}, progress=40)
    assert made[2] == TrialScheduler.CONTINUE
    assert made[3] == TrialScheduler.STOP


def test_a_trial_that_has_done_all_its_epochs_ends() -> None:
    scheduler = make_scheduler(trains_in_epochs=True, defaults={"rank": 2})
    assert decisions(scheduler, {1: 0.9, 2: 0.9}, progress=100) == dict.fromkeys((1, 2), TrialScheduler.STOP)


def test_nothing_is_stopped_before_the_first_rung() -> None:
    scheduler = make_scheduler(trains_in_epochs=True, defaults={"rank": 99})
    assert set(decisions(scheduler, {1: 0.9, 2: 0.1}, progress=20).values()) == {TrialScheduler.CONTINUE}


def test_evaluations_within_epochs_have_a_rung_at_half_of_the_first() -> None:
    scheduler = make_scheduler(trains_in_epochs=True, defaults={"rank": 99}, evaluations_per_epoch=2)
    assert set(decisions(scheduler, {1: 0.9, 2: 0.1}, progress=12).values()) == {TrialScheduler.CONTINUE}
    made = decisions(scheduler, {1: 0.9, 2: 0.1}, progress=12.5)
    assert made == {1: TrialScheduler.CONTINUE, 2: TrialScheduler.STOP}


def test_a_late_result_does_not_count_at_a_rung_that_its_trial_jumped_over() -> None:
    """Trials of two epochs first stand at 25 %, trials of four at 12.5 %."""
    scheduler = make_scheduler(trains_in_epochs=True, defaults={"rank": 99}, evaluations_per_epoch=2)
    for progress in (25, 50, 75):
        assert decisions(scheduler, {1: 0.9}, progress) == {1: TrialScheduler.CONTINUE}
    assert decisions(scheduler, {2: 0.5}, progress=12.5) == {2: TrialScheduler.CONTINUE}


@pytest.mark.parametrize("trains_in_epochs", [False])
def test_families_without_epochs_have_no_early_stopping(trains_in_epochs: bool) -> None:
    assert type(make_scheduler(trains_in_epochs=trains_in_epochs, defaults={})) is FIFOScheduler
