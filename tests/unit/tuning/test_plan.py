from pathlib import Path

import pytest

from reviewtune.config import StudyConfig
from reviewtune.encoders import vetting
from reviewtune.tuning.plan import Study, describe, resolve_study


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
