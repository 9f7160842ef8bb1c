from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.config import StudyConfig
from reviewtune.families.registry import get_family
from reviewtune.families.space import resolve
from reviewtune.tuning.dry_run import describe_cost
from reviewtune.tuning.left_out import LeftOut
from reviewtune.tuning.plan import FamilyPlan
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from reviewtune.tuning.session import Cluster
from reviewtune.tuning.training import Fold


@pytest.fixture
def study(tmp_path: Path) -> Any:
    family = get_family("mlp")
    distributions, defaults = resolve(family.params, {"width": [64, 128], "depth": 1})
    plan = FamilyPlan(family, distributions, defaults, num_trials=5)
    return SimpleNamespace(
        config=StudyConfig(num_trials=5), plans=[plan], stacks=False, folder=tmp_path, num_folds=1, left_out=LeftOut()
    )


def lines_of(study: Any) -> list[str]:
    lines: list[str] = []
    describe_cost(study, Cluster(cpus=2, gpus=0), lines.append)
    return lines


def keep(study: Any, number: int, seconds: float, family: str = "mlp") -> None:
    epoch = EpochRecord(epoch=1, f1=0.5, accuracy=0.5, roc_auc=0.5, fit_seconds=seconds)
    record = TrialRecord(trial_id=f"t{number}", number=number, params={}, status="finished", epochs=[epoch])
    TrialStore(study.folder / family / "trials").write(record)


def test_a_study_without_trials_says_how_to_get_an_estimate(study: Any) -> None:
    first, second, searched, fixed = lines_of(study)
    assert first == "mlp: 5 of 5 trials left, 2 at a time, each 1 CPU"
    assert "--num-trials 1" in second
    assert "width 64|128" in searched
    assert "learning_rate 0.0001..0.01 log" in searched
    assert "depth=1" in fixed


def test_an_ensemble_costs_no_trials(study: Any) -> None:
    study.stacks = True
    assert lines_of(study)[-1].startswith("ensemble: of the entries that the study has by then")


def test_evaluations_within_epochs_are_said_of_qlora_alone(study: Any) -> None:
    family = get_family("qlora")
    distributions, defaults = resolve(family.params, {})
    study.plans.append(FamilyPlan(family, distributions, defaults, num_trials=5))
    said = "scored 4 times an epoch; weak trials stop from 12.5 % of their epochs on"
    assert not any("scored" in line for line in lines_of(study))
    study.config = StudyConfig(num_trials=5, evaluations_per_epoch=4)
    lines = [line.strip() for line in lines_of(study)]
    assert lines.count(said) == 1
    assert lines.index(said) > next(number for number, line in enumerate(lines) if line.startswith("qlora"))


def test_a_first_rung_is_said_of_every_family_that_is_searched(study: Any) -> None:
    said = "compared after 0.1 of the training reviews first, where weak trials stop"
    assert not any("compared" in line for line in lines_of(study))
    study.config = StudyConfig(num_trials=5, first_rung_rows=0.1)
    assert [line.strip() for line in lines_of(study)].count(said) == 1
    study.plans = [replace(study.plans[0], distributions={})]
    assert not any("compared" in line for line in lines_of(study))


def test_the_estimate_comes_from_the_trials_that_ended(study: Any) -> None:
    keep(study, 1, 100)
    keep(study, 2, 140)
    first, second, *_ = lines_of(study)
    assert first.startswith("mlp: 3 of 5 trials left")
    assert second.strip() == "about 4.0 min by the 2 that ended"


def test_trials_of_a_pack_tell_their_share_of_its_time(study: Any) -> None:
    family = get_family("qlora")
    study.plans = [FamilyPlan(family, *resolve(family.params, {}), num_trials=18)]
    study.config = StudyConfig(num_trials=18, slots=4)
    for number in (1, 2):
        keep(study, number, 30, family="qlora")
    first, second, *_ = lines_of(study)
    assert first.startswith("qlora: 16 of 18 trials left, 8 at a time in 2 packs of 4 slots")
    assert second.strip() == "about 4.0 min by the 2 that ended"


def test_what_finalists_add_is_said_with_its_time(study: Any) -> None:
    """Five of the best, the default one and another seed of the first two, but no more than there are trials."""
    study.num_folds = 3
    assert lines_of(study)[2] == "  then 15 trainings of finalists on 3 folds"
    keep(study, 1, 60)
    assert lines_of(study)[2] == "  then 15 trainings of finalists on 3 folds, about 8.0 min"
    study.config = StudyConfig(num_trials=5, finalists=2, seeds=2)
    assert lines_of(study)[2] == "  then 15 trainings of finalists on 3 folds, about 8.0 min"
    study.plans[0] = FamilyPlan(study.plans[0].family, {}, study.plans[0].defaults, num_trials=1)
    assert lines_of(study)[2] == "  then 6 trainings of finalists on 3 folds, about 3.0 min"


def test_trainings_without_a_source_are_counted_with_their_time(study: Any) -> None:
    fold = Fold(np.arange(2), np.arange(2, 4), 1)
    study.left_out = LeftOut({"hotels": fold, "shops": fold, "sites": fold})
    assert "  then 3 trainings, each without a source" in lines_of(study)
    keep(study, 1, 60)
    assert "  then 3 trainings, each without a source, about 2.0 min" in lines_of(study)
    study.left_out = LeftOut({"hotels": fold})
    assert "  then 1 training without a source, about 60 s" in lines_of(study)


def test_a_finished_study_costs_nothing(study: Any) -> None:
    for number in range(5):
        keep(study, number, 1)
    first, second, *_ = lines_of(study)
    assert first.startswith("mlp: 0 of 5 trials left")
    assert second.strip() == "nothing to do"
