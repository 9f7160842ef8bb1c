"""What is refused before anything heavy is imported, and how soon."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from reviewtune.cli import main
from reviewtune.families.registry import ENSEMBLE, FAMILIES, get_family
from reviewtune.first_look import NEED_NO_BASE_MODEL
from reviewtune.schema import ARTIFACT_FILE

HEAVY = {"torch", "ray", "transformers", "sklearn", "pandas", "matplotlib", "datasets"}
MOST_CPU_SECONDS = 2.0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["tune", "--data", "nothere.csv"], 1, "there is no file or folder nothere.csv: a source is "),
        (["embed", "--data", "n" * 5000], 1, "nnn cannot be read: File name too long"),
        (["evaluate", "--artifact", "ARTIFACT", "--data", "nothere.csv"], 1, "there is no file or folder nothere.csv"),
        (["predict", "--artifact", "ARTIFACT", "--input", "nothere.csv"], 1, "there is no file or folder nothere.csv"),
        (["predict", "--artifact", "nothere", "--input", "-"], 1, "there is no folder nothere: give an artifact's"),
        (["export", "--artifact", "EMPTY", "--output", "o"], 1, "EMPTY has no reviewtune.json: give an artifact's"),
        (["tune", "--preset", "nothere.toml"], 2, "--preset nothere.toml cannot be read: No such file"),
        (["tune", "--base-model", "minlm"], 1, "--base-model 'minlm' is unknown: give minilm, stella, "),
        (["embed", "--base-model", "./nothere"], 1, "--base-model './nothere' is unknown: give minilm, stella, "),
        (["tune", "--families", "tfidf,qlorra"], 2, "unknown family 'qlorra': did you mean qlora? the families are "),
        (["tune", "--space", '{"sv": {"C": 1}}'], 2, "unknown family 'sv': did you mean svm? the families are "),
        (["tune", "--results-dir", "FILE"], 2, "--results-dir FILE cannot be used (it is no folder): give another"),
        (["tune", "--results-dir", "r" * 5000], 2, " cannot be used (File name too long): give another folder"),
        (["tune", "--seed", "-1"], 2, "--seed=-1: input should be greater than or equal to 0"),
        (["tune", "--seed", "5000000000"], 2, "--seed=5000000000: input should be less than 2147483648"),
        (["tune", "--results-dir", "~nobody_here/r"], 2, " cannot be used (Could not determine home directory"),
    ],
)
def test_what_names_nothing_is_refused(
    words: list[str], status: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for folder in ("ARTIFACT", "EMPTY"):
        Path(folder).mkdir()
    Path("ARTIFACT", ARTIFACT_FILE).write_text("{}")
    Path("FILE").write_text("x")
    assert main(words) == status
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.err.count("\n"), shown.out) == (1, "")


def test_families_that_need_no_base_model_are_those_that_read_texts_alone() -> None:
    assert {name for name in FAMILIES if get_family(name).inputs == "texts"} | {ENSEMBLE} == NEED_NO_BASE_MODEL


def test_a_study_of_texts_needs_no_base_model(monkeypatch: pytest.MonkeyPatch) -> None:
    from reviewtune.arguments import parse
    from reviewtune.config import StudyConfig
    from reviewtune.first_look import look

    look(parse(StudyConfig, ["--families", "tfidf,ensemble", "--base-model", "nothere"], prog="test"))


def test_mistyped_data_are_told_at_once_and_import_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from reviewtune.cli import main; main(['tune', '--data', 'nothere.csv'])"
    code += f"; print(sorted({HEAVY!r} & set(sys.modules)))"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr.startswith("reviewtune: there is no file or folder nothere.csv")
    assert done.stdout == "[]\n"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_CPU_SECONDS


def test_a_tracker_that_is_not_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert main(["tune", "--tracker", "mlflow"]) == 2
    assert capsys.readouterr().err == (
        "reviewtune: --tracker mlflow: it is not installed: run `pip install 'reviewtune[mlflow]'`\n"
    )
