from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.families.base import Inputs
from reviewtune.tuning.resources import Resources, trial_resources
from reviewtune.tuning.session import Cluster


@pytest.mark.parametrize(
    ("settings", "inputs", "cluster", "expected"),
    [
        ({}, "texts", Cluster(2, 0), Resources(1, 0, 1, 2)),
        ({}, "tokens", Cluster(2, 0), Resources(1, 0, 2, 4, 2)),
        ({}, "tokens", Cluster(64, 0), Resources(1, 0, 16, 16, 1)),
        ({"cpus_per_trial": 2}, "tokens", Cluster(2, 0), Resources(2, 0, 1, 2, 2)),
        ({"num_trials": 1}, "tokens", Cluster(2, 0), Resources(1, 0, 1, 1, 1)),
        ({"num_trials": 4}, "tokens", Cluster(2, 0), Resources(1, 0, 2, 2, 1)),
        ({"finalists": 0}, "tokens", Cluster(16, 1), Resources(1, 1, 1, 8, 8)),
        ({}, "tokens", Cluster(16, 1), Resources(1, 1, 1, 8, 25)),
        ({"folds": 3, "seeds": 2}, "tokens", Cluster(16, 1), Resources(1, 1, 1, 8, 21)),
        ({"num_trials": 100}, "tokens", Cluster(16, 1), Resources(1, 1, 1, 32, 32)),
        ({"num_trials": 100, "slots": 64}, "tokens", Cluster(16, 1), Resources(1, 1, 1, 64, 64)),
        ({"slots": 64}, "tokens", Cluster(16, 1), Resources(1, 1, 1, 16, 16)),
        ({"num_trials": 32}, "tokens", Cluster(32, 2), Resources(1, 1, 2, 16, 13)),
        ({"num_trials": 3}, "tokens", Cluster(64, 8), Resources(1, 1, 3, 3, 9)),
        ({}, "embeddings", Cluster(16, 1), Resources(1, 0, 1, 16)),
        ({"gpus_per_trial": 0.25}, "tokens", Cluster(16, 1), Resources(1, 0.25, 1, 8, 25)),
        ({"gpus_per_trial": 0.5}, "tokens", Cluster(16, 2), Resources(1, 0.5, 1, 8, 25)),
        ({"cpus_per_trial": 4}, "tokens", Cluster(16, 8), Resources(4, 1, 4, 8, 7)),
        ({"max_concurrent_trials": 3}, "tokens", Cluster(16, 8), Resources(1, 1, 3, 3, 9)),
        ({"executor": "ddp", "gpus_per_trial": 0.25}, "tokens", Cluster(16, 1), Resources(1, 0.25, 1, 4)),
        ({"executor": "ddp", "gpus_per_trial": 0.1}, "tokens", Cluster(64, 3), Resources(1, 0.1, 1, 30)),
        ({"executor": "ddp", "workers_per_trial": 4}, "tokens", Cluster(64, 8), Resources(1, 1, 4, 2)),
        ({"executor": "ddp", "workers_per_trial": 2}, "embeddings", Cluster(2, 0), Resources(1, 0, 1, 2)),
        ({"cpus_per_trial": 2}, "texts", Cluster(6, 0, ((3, 0), (3, 0))), Resources(2, 0, 1, 2)),
        ({"cpus_per_trial": 4}, "tokens", Cluster(12, 2, ((8, 0), (2, 1), (4, 1))), Resources(4, 1, 1, 8, 25)),
        ({"executor": "ddp", "workers_per_trial": 2}, "tokens", Cluster(2, 0, ((1, 0), (1, 0))), Resources(1, 0, 2, 1)),
    ],
)
def test_as_many_trials_run_as_the_cluster_holds(
    settings: dict[str, Any], inputs: Inputs, cluster: Cluster, expected: Resources
) -> None:
    assert trial_resources(StudyConfig(**settings), inputs, cluster) == expected


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"cpus_per_trial": 3}, "--cpus-per-trial"),
        ({"gpus_per_trial": 1}, "--gpus-per-trial"),
        ({"executor": "ddp", "workers_per_trial": 3}, "--workers-per-trial"),
    ],
)
def test_a_trial_that_never_fits_is_refused_with_both_sides(settings: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError, match=r"a trial needs .* Ray has 2 and 0") as raised:
        trial_resources(StudyConfig(**settings), "tokens", Cluster(2, 0))
    assert flag in str(raised.value)


def test_nodes_are_looked_at_one_by_one() -> None:
    """Otherwise the trial would be taken and wait for ever."""
    with pytest.raises(UsageError, match=r"needs 2 CPUs and 0 GPUs, Ray has 2 and 0 on 2 nodes, 1 and 0 on one"):
        trial_resources(StudyConfig(cpus_per_trial=2), "texts", Cluster(2, 0, ((1, 0), (1, 0))))


def test_a_line_says_what_runs_side_by_side() -> None:
    assert Resources(1, 0, 1, 2).line() == "2 at a time, each 1 CPU"
    assert Resources(1, 0.25, 1, 4).line() == "4 at a time, each 1 CPU, 0.25 GPU"
    assert Resources(2, 1, 4, 1).line() == "1 at a time, each 4 workers of 2 CPU, 1 GPU"
    assert (
        Resources(1, 1, 1, 16, 16).line()
        == "16 at a time in one pack of 16 slots, each 1 CPU, 1 GPU; 2 GB for their processes"
    )
    assert (
        Resources(1, 0, 2, 2, 1).line() == "2 at a time in 2 packs of a slot, each 1 CPU; 0.25 GB for their processes"
    )
    assert (
        Resources(1, 1, 2, 32, 16).line()
        == "32 at a time in 2 packs of 16 slots, each 1 CPU, 1 GPU; 4 GB for their processes"
    )
