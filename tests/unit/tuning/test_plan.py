from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.encoders import vetting
from reviewtune.tuning.plan import Study, _study_id, describe, resolve_study


def study(base: Path, results_dir: Path, quantisation: str, families: str = "qlora") -> Study:
    return resolve_study(
        StudyConfig.model_validate(
            {"base_model": str(base), "results_dir": results_dir, "quantisation": quantisation, "families": [families]}
        )
    )


def lines_of(study: Study) -> list[str]:
    lines: list[str] = []
    describe(study, lines.append)
    return [line.strip() for line in lines if "quantisation" in line]


def test_auto_is_resolved_before_the_study_is_named(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vetting, "free_bytes", lambda device: 80 * 10**9)
    auto = study(tiny_bert, tmp_path, "auto")
    assert auto.config.quantisation == "none"
    assert auto.study_id == study(tiny_bert, tmp_path, "none").study_id
    [line] = lines_of(auto)
    assert line.startswith("quantisation: none, since the plain weights take 0.00 GB in float32")


def test_what_was_given_is_taken_without_a_word(tiny_bert: Path, tmp_path: Path) -> None:
    given = study(tiny_bert, tmp_path, "int8")
    assert given.config.quantisation == "int8"
    assert lines_of(given) == []


def test_auto_is_nf4_for_families_that_do_not_train_on_the_base_model(tiny_bert: Path, tmp_path: Path) -> None:
    assert study(tiny_bert, tmp_path, "auto", families="logreg").config.quantisation == "nf4"


def test_an_ensemble_joins_the_study_of_its_members(tiny_bert: Path, tmp_path: Path) -> None:
    alone = study(tiny_bert, tmp_path, "nf4", families="ensemble")
    assert (alone.plans, alone.stacks) == ([], True)
    members = study(tiny_bert, tmp_path, "nf4")
    assert (members.study_id, members.stacks) == (alone.study_id, False)


def test_an_ensemble_that_is_there_follows_its_members(tiny_bert: Path, tmp_path: Path) -> None:
    members = study(tiny_bert, tmp_path, "nf4")
    (members.folder / "ensemble").mkdir(parents=True)
    assert members.stacks


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
