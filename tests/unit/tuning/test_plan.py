from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.config import StudyConfig
from reviewtune.encoders import vetting
from reviewtune.errors import DataError, UsageError
from reviewtune.tuning.description import describe
from reviewtune.tuning.identity import keep_identity
from reviewtune.tuning.plan import Study, _study_id, resolve_study
from reviewtune.tuning.training import SEARCH


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


def test_what_auto_chose_stays_whatever_room_the_gpu_has_later(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vetting, "free_bytes", lambda device: 80 * 10**9)
    auto = study(tiny_bert, tmp_path, "auto")
    assert auto.config.quantisation == "none"
    [line] = lines_of(auto)
    assert line.startswith("quantisation: none, since the plain weights take 0.00 GB in float32")
    keep_identity(auto.folder, auto.identity)
    monkeypatch.setattr(vetting, "crowds", lambda plain, free: True)
    later = study(tiny_bert, tmp_path, "auto")
    assert (later.study_id, later.config.quantisation) == (auto.study_id, "none")
    assert lines_of(later) == ["quantisation: none, since that is what it was when the study began"]


def test_families_that_do_not_train_on_the_base_model_join_the_study_of_those_that_do(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vetting, "free_bytes", lambda device: 80 * 10**9)
    heads = study(tiny_bert, tmp_path, "auto", families="logreg")
    keep_identity(heads.folder, heads.identity)
    adapters = study(tiny_bert, tmp_path, "auto")
    assert (adapters.study_id, adapters.config.quantisation) == (heads.study_id, "none")


def test_a_named_study_of_other_reviews_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"results_dir": tmp_path, "study": "mine", "families": ["tfidf"], "base_model": str(tiny_bert)}
    first = resolve_study(StudyConfig.model_validate(settings))
    keep_identity(first.folder, first.identity)
    resolve_study(StudyConfig.model_validate({**settings, "families": ["svm"], "num_trials": 99}))
    for changed, told in [({"seed": 7}, "its seed is 42, now 7"), ({"test_size": 0.3}, "its split")]:
        with pytest.raises(UsageError, match=f"--study mine is another study: {told}"):
            resolve_study(StudyConfig.model_validate({**settings, **changed}))
    other = tmp_path / "other.csv"
    rows = [f"{number} of {number * 7} and {number * 11},{'CG' if number % 2 else 'OR'}" for number in range(80)]
    other.write_text("\n".join(["text,label", *rows]))
    with pytest.raises(UsageError, match=r"mine is another study: its reviews are those of sample \(\w{8}\), now"):
        resolve_study(StudyConfig.model_validate({**settings, "data": str(other)}))


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
    rungs = [{"first_rung_rows": 0.1}, {"first_rung_rows": 0.2}]
    rows = [{"balance": "source"}, {"augment": "surface"}]
    assert len({study_id(**settings) for settings in ({}, *others, *often, *rungs, *rows)}) == 11
    assert study_id().startswith("hub-owner-my-reviews-")


def test_a_first_rung_is_one_of_the_searchs_trials_alone(tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"base_model": str(tiny_bert), "results_dir": tmp_path, "families": ["qlora"], "folds": 2}
    with_one = resolve_study(StudyConfig.model_validate({**settings, "first_rung_rows": 0.2}))
    rungs = {name: fold.first_rung for name, fold in with_one.folds.items()}
    assert rungs.pop(SEARCH) == 0.2
    assert len(rungs) == 3
    assert set(rungs.values()) == {None}
    assert with_one.identity.first_rung_rows == 0.2
    without = resolve_study(StudyConfig.model_validate(settings))
    assert {fold.first_rung for fold in without.folds.values()} == {None}
    assert without.identity.first_rung_rows is None


def test_what_is_asked_of_training_rows_holds_for_every_fold_and_of_what_judges_for_none(tmp_path: Path) -> None:
    reviews = tmp_path / "reviews.csv"
    rows = [(f"this is review {n} of {n * n}", "fake" if n % 3 else "genuine", "ab"[n % 7 == 0]) for n in range(210)]
    reviews.write_text("\n".join(["text,label,site", *map(",".join, rows)]) + "\n")
    settings = {"data": str(reviews), "source_column": "site", "results_dir": tmp_path, "families": ["tfidf"]}
    settings |= {"folds": 2, "duplicate_threshold": 1.0, "base_model": str(tmp_path / "none")}
    plain = resolve_study(StudyConfig.model_validate(settings)).folds
    study = resolve_study(StudyConfig.model_validate({**settings, "balance": "source", "augment": "surface"}))
    count = len(study.inputs.development)
    sources, fake = study.inputs.sources[study.inputs.development], study.inputs.fake[study.inputs.development]
    assert list(study.folds) == list(plain)
    assert {"without a", "without b"} < set(plain)
    for name, fold in study.folds.items():
        first = fold.train[fold.train < count]
        np.testing.assert_array_equal(fold.train, np.concatenate([first, first + count]))
        np.testing.assert_array_equal(fold.held_out, plain[name].held_out)
        assert set(first) <= set(plain[name].train)
        assert len(first) == len(plain[name].train)
        kinds = [sum((sources[first] == site) & (fake[first] == label)) for site in "ab" for label in (False, True)]
        assert max(kinds) - min(kind for kind in kinds if kind) <= 1
    assert study.identity.key != resolve_study(StudyConfig.model_validate(settings)).identity.key


def test_a_limit_that_so_few_reviews_can_promise_nothing_about_is_refused_before_anything_is_trained(
    tiny_bert: Path, tmp_path: Path
) -> None:
    settings = {"results_dir": tmp_path, "families": ["tfidf"], "base_model": str(tiny_bert), "prevalence": 0.05}
    plain = resolve_study(StudyConfig.model_validate(settings))
    rows = plain.inputs.development
    there = len(np.unique(plain.inputs.units_at(rows[~plain.inputs.fake[rows]])))
    lines: list[str] = []
    describe(resolve_study(StudyConfig.model_validate({**settings, "max_fpr": 0.05})), lines.append)
    assert "  labels: at most 0.05 of genuine reviews called fake, with 95 % confidence" in lines
    assert "  probabilities: of reviews of which 0.05 are fake" in lines
    with pytest.raises(DataError, match=rf"needs 29,956 unrelated genuine reviews, and there are {there}: label more"):
        resolve_study(StudyConfig.model_validate({**settings, "max_fpr": 0.0001}))
    with pytest.raises(DataError, match="needs 299 unrelated"):
        resolve_study(StudyConfig.model_validate({**settings, "max_fpr": 0.01, "finalists": 0}))


def test_an_operating_point_is_no_part_of_the_study(tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"results_dir": tmp_path, "families": ["tfidf"], "base_model": str(tiny_bert)}
    first = resolve_study(StudyConfig.model_validate(settings))
    keep_identity(first.folder, first.identity)
    other = resolve_study(StudyConfig.model_validate({**settings, "max_fpr": 0.05, "prevalence": 0.1}))
    assert (other.study_id, other.key) == (first.study_id, first.key)
