from types import SimpleNamespace
from typing import Any

from reviewtune.config import StudyConfig
from reviewtune.tuning.plan import _study_id


def study_id(**settings: Any) -> str:
    inputs: Any = SimpleNamespace(
        reviews=SimpleNamespace(sha256="a", name="hub:owner/my reviews.csv@1234"),
        split=SimpleNamespace(sha256="b"),
        encoder=None,
    )
    return _study_id(StudyConfig(**settings), inputs)


def test_the_same_search_has_the_same_name_and_another_one_another() -> None:
    assert study_id() == study_id(num_trials=99, families=["svm"], slots=3, evaluations_per_epoch=1)
    others = [{"seed": 1}, {"executor": "ddp"}, {"space": {"svm": {"C": 1}}}, {"quantisation": "none"}]
    often = [{"evaluations_per_epoch": 2}, {"evaluations_per_epoch": 4}]
    assert len({study_id(**settings) for settings in ({}, *others, *often)}) == 7
    assert study_id().startswith("hub-owner-my-reviews-")
