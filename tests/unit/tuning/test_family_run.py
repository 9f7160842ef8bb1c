from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.families.registry import get_family
from reviewtune.tuning.family_run import FamilyRun


@pytest.mark.parametrize(("family", "evaluations"), [("qlora", 4), ("mlp", 1)])
def test_evaluations_within_epochs_are_for_qlora_alone(family: str, evaluations: int) -> None:
    study: Any = SimpleNamespace(config=StudyConfig(seed=3, evaluations_per_epoch=4), encoder=None)
    plan: Any = SimpleNamespace(family=get_family(family))
    setting = FamilyRun(study, plan, cluster=None, progress=None).setting  # type: ignore[arg-type]
    assert (setting.seed, setting.evaluations_per_epoch) == (3, evaluations)


def test_only_who_reads_a_base_model_has_one() -> None:
    study: Any = SimpleNamespace(config=StudyConfig(), encoder="minilm")
    for name, encoder in {"tfidf": None, "mlp": "minilm", "qlora": "minilm"}.items():
        plan: Any = SimpleNamespace(family=get_family(name))
        assert FamilyRun(study, plan, cluster=None, progress=None).encoder == encoder  # type: ignore[arg-type]
