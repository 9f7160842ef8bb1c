from typing import Any

import pytest
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from reviewtune.tuning.records import BEST_JUDGED, PROGRESS
from reviewtune.tuning.scheduler import make_scheduler


class OneTrial:
    """What the scheduler looks at of a Tune trial."""

    def __init__(self, trial_id: str, rank: int) -> None:
        self.trial_id = trial_id
        self.config = {"rank": rank}


def decisions(scheduler: Any, f1s: dict[int, float], progress: float, **more: Any) -> dict[int, str]:
    made = {}
    for rank, f1 in f1s.items():
        trial = OneTrial(f"t{rank}", rank)
        scheduler.on_trial_add(None, trial)
        made[rank] = scheduler.on_trial_result(
            None, trial, {PROGRESS: progress, BEST_JUDGED: f1, "training_iteration": 1, **more}
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


@pytest.mark.parametrize("trains_in_epochs", [True, False])
def test_a_share_of_the_rows_is_a_rung_of_all_families(trains_in_epochs: bool) -> None:
    scheduler = make_scheduler(trains_in_epochs=trains_in_epochs, defaults={"rank": 2}, first_rung_rows=0.1)
    made = decisions(scheduler, {1: 0.9, 2: 0.1, 3: 0.3, 4: 0.95}, progress=10, share=0.1)
    assert made == {
        1: TrialScheduler.CONTINUE,
        2: TrialScheduler.CONTINUE,
        3: TrialScheduler.STOP,
        4: TrialScheduler.CONTINUE,
    }


def test_on_a_share_of_the_rows_trials_of_few_and_of_many_epochs_meet() -> None:
    scheduler = make_scheduler(trains_in_epochs=True, defaults={}, first_rung_rows=0.1)
    assert decisions(scheduler, {1: 0.9}, progress=5, share=0.1) == {1: TrialScheduler.CONTINUE}
    assert decisions(scheduler, {2: 0.5}, progress=2, share=0.1) == {2: TrialScheduler.STOP}


@pytest.mark.parametrize("evaluations", [1, 2])
def test_after_a_share_of_the_rows_the_rungs_are_those_without(evaluations: int) -> None:
    scheduler: Any = make_scheduler(
        trains_in_epochs=True, defaults={}, evaluations_per_epoch=evaluations, first_rung_rows=0.1
    )
    plain: Any = make_scheduler(trains_in_epochs=True, defaults={}, evaluations_per_epoch=evaluations)
    rungs, without = ([rung for rung, _ in each._brackets[0]._rungs] for each in (scheduler, plain))
    assert rungs == [*without, without[-1] / 2]
    # One that goes on is not asked again before the next of them, whatever it has done by then.
    assert decisions(scheduler, {1: 0.9}, progress=2, share=0.1) == {1: TrialScheduler.CONTINUE}
    trial = OneTrial("t1", 1)
    result = {PROGRESS: without[-1] - 1, BEST_JUDGED: 0.0, "training_iteration": 2}
    assert scheduler.on_trial_result(None, trial, result) == TrialScheduler.CONTINUE
