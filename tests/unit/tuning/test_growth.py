from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.tuning.growth import Growth
from reviewtune.tuning.resources import Resources, trial_resources
from reviewtune.tuning.session import Cluster

HEAD = Cluster(4, 0)


@pytest.mark.parametrize(
    ("settings", "cluster", "resources", "growth"),
    [
        # As many as half of the trials, or the finalists' trainings, could use.
        ({}, Cluster(16, 1), Resources(1, 1, 1, 8, 25), Growth(1, 25, 0, 0, 8)),
        ({"finalists": 0}, Cluster(16, 1), Resources(1, 1, 1, 8, 8), Growth(1, 8, 0, 0, 8)),
        ({"finalists": 0, "num_trials": 100}, Cluster(16, 1), Resources(1, 1, 1, 32, 32), Growth(1, 50, 0, 0, 50)),
        ({"finalists": 0, "slots": 2}, Cluster(2, 0), Resources(1, 0, 2, 4, 2), Growth(2, 16, 0, 0, 16)),
        # Where trials leave cards idle, one that joins is of no use.
        ({"num_trials": 3}, Cluster(64, 8), Resources(1, 1, 3, 3, 9), Growth(8, 3, 0, 0, 3)),
        ({"gpus_per_trial": 0.5}, Cluster(16, 2), Resources(1, 0.5, 1, 8, 25), Growth(4, 1, 0, 0, 8)),
        ({"max_gpus": 2}, Cluster(16, 8), Resources(1, 1, 2, 8, 13), Growth(8, 2, 0, 2, 8)),
        ({"max_gpus": 4}, Cluster(16, 1), Resources(1, 1, 1, 8, 25), Growth(1, 4, 0, 4, 8)),
        ({"max_gpus": 4}, HEAD, Resources(1, 1, 1, 8, 25), Growth(0, 4, 0, 4, 8)),
        ({"min_gpus": 0}, HEAD, Resources(1, 1, 1, 8, 25), Growth(0, 25, 0, 0, 8)),
        ({"min_gpus": 2}, HEAD, Resources(1, 1, 2, 8, 13), Growth(0, 25, 2, 0, 8)),
        ({"min_gpus": 9, "num_trials": 2}, HEAD, Resources(1, 1, 2, 2, 13), Growth(0, 2, 2, 0, 2)),
        ({"min_gpus": 2, "max_gpus": 4, "gpus_per_trial": 2}, HEAD, Resources(1, 2, 1, 8, 25), Growth(0, 2, 1, 2, 8)),
    ],
)
def test_a_study_may_have_as_many_packs_as_its_trials_can_use(
    settings: dict[str, Any], cluster: Cluster, resources: Resources, growth: Growth
) -> None:
    found = trial_resources(StudyConfig(**settings), "tokens", cluster)
    assert found == resources
    assert found.growth == growth


@pytest.mark.parametrize(
    ("growth", "fit", "expected"),
    [
        (Growth(1, 8, 0, 0, 8), 1, 1),
        (Growth(1, 8, 0, 0, 8), 3, 3),
        (Growth(1, 8, 0, 0, 8), 30, 8),
        # Those that are gone leave their places to others.
        (Growth(4, 8, 0, 0, 8), 1, 1),
        (Growth(0, 8, 0, 4, 8), 0, 4),
        (Growth(0, 8, 2, 0, 8), 0, 2),
        (Growth(0, 8, 2, 4, 8), 6, 6),
    ],
)
def test_nodes_that_join_are_taken_and_what_is_asked_for_is_wanted_before_it_is_there(
    growth: Growth, fit: int, expected: int
) -> None:
    assert growth.wanted(1, fit) == expected


def test_families_without_a_gpu_wait_where_nodes_are_to_come() -> None:
    nowhere = Cluster(0, 0)
    assert trial_resources(StudyConfig(max_gpus=2), "texts", nowhere) == Resources(1, 0, 1, 1)
    with pytest.raises(UsageError, match="Ray has 0 and 0"):
        trial_resources(StudyConfig(), "texts", nowhere)


def test_what_is_asked_for_is_told_before_it_is_there() -> None:
    line = trial_resources(StudyConfig(max_gpus=4), "tokens", HEAD).line()
    assert line == "8 at a time in one pack (4 asked for) of 25 slots, each 1 CPU, 1 GPU; 1 GB for their processes"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"max_gpus": 2, "executor": "ddp"}, "max_gpus=2 needs executor=packed"),
        ({"min_gpus": 1, "gpus_per_trial": 0.5}, "min_gpus=1 counts whole GPUs: gpus_per_trial=0.5 must be 1 or more"),
        ({"min_gpus": 3, "max_gpus": 2}, "min_gpus=3, max_gpus=2: fewer GPUs may be used than are waited for"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        StudyConfig(**settings)
