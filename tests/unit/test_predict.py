"""What a loaded artifact says of texts, and that the program says the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reviewtune
from reviewtune.artifact import ArtifactInfo, read_info, write_artifact
from reviewtune.cli import main
from reviewtune.errors import ArtifactError, DataError, UsageError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.operating_basis import OperatingBasis
from reviewtune.evaluation.operating_point import f1_at, precision_at, rank_at_fpr, with_prevalence
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import FAMILIES
from reviewtune.families.rules import RulesFamily, RulesParams
from reviewtune.families.tfidf import TfidfFamily, TfidfParams

TEXTS = ["Great café, works as described.", "the strap broke twice on tuesday", "love it", "sadly the lid is rusty"]
FAKE = np.array([True, False, True, False])


def info(family: str) -> ArtifactInfo:
    return ArtifactInfo(
        family=family, encoder=None, params={}, calibration=PlattCalibration(slope=1.7, intercept=-0.3), threshold=0.4,
        study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64, validation_f1=1.0, code="c",
        versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "words"
    model: Any = next(iter(TfidfFamily().fit(TfidfParams(), Rows(TEXTS * 3, np.tile(FAKE, 3)), Setting()))).model
    write_artifact(folder, info("tfidf"), model)
    return folder


@pytest.fixture(scope="module")
def classifier(artifact: Path) -> Any:
    return reviewtune.load(artifact)


def test_what_is_no_text_has_no_probability_and_no_label(classifier: Any) -> None:
    texts = [TEXTS[0], None, "  ", float("nan"), pd.NA, TEXTS[1], 5]
    probability = classifier.predict_proba(texts)
    np.testing.assert_array_equal(np.isnan(probability[:, 0]), [False, True, True, True, True, False, True])
    np.testing.assert_array_equal(probability[[0, 5]], classifier.predict_proba([TEXTS[0], TEXTS[1]]))
    assert classifier.predict(texts).tolist() == ["fake", "", "", "", "", "genuine", ""]
    assert np.isnan(classifier.scores([None])).all()
    assert classifier.predict_proba([]).shape == (0, 2)


def test_every_door_refuses_a_single_text_and_a_table(classifier: Any) -> None:
    for door in (classifier.scores, classifier.fake_probability, classifier.predict_proba, classifier.predict):
        with pytest.raises(DataError, match="put it in a list"):
            door("Great")
        with pytest.raises(DataError, match="give one column of it"):
            door(pd.DataFrame({"text": TEXTS}))
    with pytest.raises(DataError, match="put it in a list"):
        reviewtune.embed("Great")


def test_embeddings_of_what_is_no_text_are_nan() -> None:
    vectors = reviewtune.embed(pd.Series(["cafe\u0301 ", None]))
    np.testing.assert_array_equal(vectors[0], reviewtune.embed(["café"])[0])
    assert (vectors.dtype, np.isnan(vectors[1]).all()) == (np.float32, True)


def test_texts_are_normalised_as_the_program_does(classifier: Any) -> None:
    decomposed = "  Great cafe\u0301, works as described.\r\n"
    assert classifier.scores([decomposed]) == classifier.scores([TEXTS[0]])


@pytest.fixture(scope="module")
def operated(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with what other operating points are chosen by: of 400 reviews, half of them fake."""
    folder = Path(shutil.copytree(artifact, tmp_path_factory.mktemp("results") / "operated"))
    stored = json.loads((folder / "reviewtune.json").read_text())
    fake = np.arange(400) % 2 == 0
    probability = np.where(fake, 1 - np.arange(400) / 800, np.arange(400) / 800)
    stored["basis"] = OperatingBasis.of(probability, fake).model_dump()
    (folder / "reviewtune.json").write_text(json.dumps(stored))
    return folder


def test_another_operating_point_is_asked_of_an_artifact(operated: Path, classifier: Any, tmp_path: Path) -> None:
    plain, limited = reviewtune.load(operated), reviewtune.load(operated, max_fpr=0.05)
    np.testing.assert_array_equal(plain.fake_probability(TEXTS), classifier.fake_probability(TEXTS))
    assert plain.info.threshold == 0.4
    assert plain.info.basis is not None
    # Of 200 genuine reviews at 1/800, 3/800, ..., 399/800 four may lie above.
    assert rank_at_fpr(200, 0.05) == 5
    assert limited.info.threshold == 391 / 800
    rare = reviewtune.load(operated, max_fpr=0.05, prevalence=0.01)
    expected = with_prevalence(plain.fake_probability(TEXTS), 0.5, 0.01)
    np.testing.assert_array_equal(rare.fake_probability(TEXTS), expected)
    np.testing.assert_array_equal(rare.predict(TEXTS), limited.predict(TEXTS))
    (tmp_path / "in.csv").write_text("text\n" + "".join(f'"{text}"\n' for text in TEXTS))
    words = ["predict", "--artifact", operated, "--input", tmp_path / "in.csv", "--output", tmp_path / "out.csv"]
    assert main([*map(str, words), "--prevalence", "0.01", "--max-fpr", "0.05"]) == 0
    said = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(said["fake_probability"], expected)
    assert said["label"].tolist() == rare.predict(TEXTS).tolist()


def test_what_an_artifact_is_at_stays_where_nothing_else_is_asked(operated: Path) -> None:
    info = read_info(operated).at(0.05, 0.01)
    assert info.at() is info
    assert info.at(max_fpr=0.05) is info
    assert (info.at(prevalence=0.2).max_fpr, info.at(max_fpr=0.1).prevalence) == (0.05, 0.01)
    assert info.at(max_fpr=0.1).threshold < info.threshold
    for asked in ({"max_fpr": 0.0}, {"prevalence": 1.0}):
        with pytest.raises(UsageError, match="must lie between 0 and 1"):
            info.at(**asked)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--max-fpr", "0.001"], 1, "needs 2,995 unrelated genuine reviews, and there are 200: label more, or ask for"),
        (["--max-fpr", "0"], 2, "--max-fpr"),
        (["--max-fpr", "1"], 2, "--max-fpr"),
        (["--prevalence", "5"], 2, "--prevalence"),
    ],
)
def test_an_operating_point_that_cannot_be_is_one_line(
    operated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    (tmp_path / "in.csv").write_text("text\nGreat\n")
    assert main(["predict", "--artifact", str(operated), "--input", str(tmp_path / "in.csv"), *words]) == status
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_an_artifact_of_an_earlier_version_says_that_it_keeps_nothing_to_choose_by(artifact: Path) -> None:
    with pytest.raises(ArtifactError, match=r"s-tfidf is of a version that kept nothing .* delete its folder and run"):
        reviewtune.load(artifact, prevalence=0.1)


def test_evaluate_scores_the_operating_point_that_is_asked(
    operated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, output = tmp_path / "in.csv", tmp_path / "scores.json"
    rows = [f'"{text}",{"CG" if fake else "OR"}' for text, fake in zip(TEXTS, FAKE, strict=True)]
    data.write_text("text,label\n" + "\n".join(rows) + "\n")
    words = ["evaluate", "--artifact", operated, "--data", data, "--output", output, "--prevalence", "0.2"]
    assert main(list(map(str, words))) == 0
    measured, at = json.loads(output.read_text()), reviewtune.load(operated, prevalence=0.2)
    probability = at.fake_probability(TEXTS)
    assert measured["brier"] == pytest.approx(np.mean((probability - FAKE) ** 2))
    called = probability > at.info.threshold
    assert measured["true_positives"] == (called & FAKE).sum()
    rates = called[FAKE].mean(), called[~FAKE].mean()
    assert measured["f1_at_prevalence"] == f1_at(0.2, *rates)
    assert measured["precision_at_prevalence"] == precision_at(0.2, *rates)
    assert "f1_at_prevalence" in capsys.readouterr().out


ROWS = st.lists(
    st.none() | st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \r\ne\u0301\0"), max_size=20),
    min_size=1,
    max_size=5,
).filter(lambda rows: any(text and text.strip("\0 \r\n") and not text.strip().isdigit() for text in rows))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(rows=ROWS)
def test_the_program_and_the_function_say_the_same(artifact: Path, classifier: Any, tmp_path: Path, rows: Any) -> None:
    rows = [*rows, "plain words"]
    given_file, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    given_file.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    words = ["--artifact", artifact, "--input", given_file, "--output", output, "--only-scores"]
    assert main(["predict", *map(str, words)]) == 0
    said = [json.loads(line) for line in output.read_text().splitlines()]
    probability = [np.nan if row["fake_probability"] is None else row["fake_probability"] for row in said]
    np.testing.assert_array_equal(probability, classifier.fake_probability(rows))
    assert [row["label"] or "" for row in said] == classifier.predict(rows).tolist()


COLD = """
import sys
from reviewtune.cli import main
assert main(["predict", "--artifact", sys.argv[1], "--input", sys.argv[2]]) == 0
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules_of(program: str, *words: object) -> set[str]:
    """The packages that a fresh process has imported by its end: the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_a_model_of_words_loads_nothing_that_it_does_not_need(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nGreat product\n")
    loaded = modules_of(COLD, artifact, tmp_path / "in.csv")
    assert "sklearn" in loaded
    assert not loaded & {"torch", "transformers", "optuna", "ray", "peft", "bitsandbytes", "datasets", "matplotlib"}


def test_rules_load_no_more(tmp_path: Path) -> None:
    model: Any = next(iter(RulesFamily().fit(RulesParams(), Rows(TEXTS * 3, np.tile(FAKE, 3)), Setting()))).model
    write_artifact(tmp_path / "rules", info("rules"), model)
    (tmp_path / "in.csv").write_text("text\nGreat product\n")
    loaded = modules_of(COLD, tmp_path / "rules", tmp_path / "in.csv")
    assert not loaded & {"sklearn", "torch", "transformers", "optuna", "ray", "peft", "datasets", "matplotlib"}


def test_no_trained_model_loads_what_searches(tmp_path: Path) -> None:
    families = ", ".join(f"reviewtune.families.{name}" for name in FAMILIES)
    program = f"import sys, {families}, reviewtune.labelling, reviewtune.encoders.encode; print(*sys.modules)"
    loaded = modules_of(program)
    assert "torch" in loaded
    assert not loaded & {"optuna", "ray"}
