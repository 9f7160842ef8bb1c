"""What is printed when a study has ended, and what `leaderboard` takes for results."""

import shlex
import sys
from pathlib import Path

import pytest

from reviewtune import commands
from reviewtune.arguments import parse
from reviewtune.cli import main
from reviewtune.leaderboard.entry import entry_path, write_entry
from reviewtune.leaderboard.figures import write
from reviewtune.verb_config import PredictConfig
from tests.unit.leaderboard.conftest import entry_of


def add(results: Path, family: str, confusion: tuple[int, int, int, int], *, folder: bool = True) -> Path:
    entry = entry_of(family, confusion)
    path = entry_path(results, entry.study_id, family)
    path.parent.mkdir(parents=True)
    write_entry(entry, path)
    if folder:
        (results / str(entry.artifact)).mkdir(parents=True)
    return results / str(entry.artifact)


def ranked(results: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["leaderboard", "--results-dir", str(results), "--figures", "0"]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_best_artifact_and_its_command_come_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "argv", ["reviewtune"])
    monkeypatch.setattr(commands.shutil, "which", lambda name: f"/bin/{name}")
    results = tmp_path / "my results"
    add(results, "svm", (8, 2, 2, 8))
    best = add(results, "mlp", (9, 1, 1, 9))
    *_, said, command = ranked(results, capsys)
    assert said == f"The best on reviews.csv is {best}; to label reviews with it:"
    program, verb, *flags = shlex.split(command)
    assert (program, verb) == ("reviewtune", "predict")
    assert parse(PredictConfig, flags, prog="test").artifact == best


def test_where_its_errors_lie_is_said_where_they_were_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "svm", (8, 2, 2, 8))
    add(tmp_path, "mlp", (9, 1, 1, 9))
    folder = entry_path(tmp_path, "s1", "svm").parent
    (folder / "errors.csv").touch()
    assert "worst errors" not in ranked(tmp_path, capsys)[-1]
    (folder.with_name("mlp") / "errors.csv").touch()
    assert ranked(tmp_path, capsys)[-1] == (
        "Its worst errors and labels that may be wrong: errors.csv, label_issues.csv in "
        f"{tmp_path / 'studies' / 's1' / 'mlp'}"
    )


def test_an_artifact_that_is_gone_is_not_spoken_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(tmp_path, "mlp", (9, 1, 1, 9), folder=False)
    assert ranked(tmp_path, capsys)[-1].startswith("leaderboard.json")
    second = add(tmp_path, "svm", (8, 2, 2, 8))
    assert f"is {second};" in ranked(tmp_path, capsys)[-2]


def test_figures_that_cannot_be_drawn_cost_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = add(tmp_path, "mlp", (9, 1, 1, 9))
    assert main(["leaderboard", "--results-dir", str(tmp_path)]) == 0
    assert f"figures in {tmp_path / 'figures'}" in capsys.readouterr().out
    assert main(["leaderboard", "--results-dir", str(tmp_path), "--figures", "0"]) == 0
    assert "figures in" not in capsys.readouterr().out
    (tmp_path / "figures").touch()
    assert main(["leaderboard", "--results-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "figures cannot be written" in shown.err
    assert str(best) in shown.out


def test_figures_that_matplotlib_does_not_draw_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no axis holds that")

    add(tmp_path, "mlp", (9, 1, 1, 9))
    monkeypatch.setattr(write, "write_figures", fails)
    assert main(["leaderboard", "--results-dir", str(tmp_path)]) == 0
    assert "figures are not drawn: no axis holds that" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("called", "found", "program"),
    [
        ("/v/bin/reviewtune", None, ["/v/bin/reviewtune"]),
        (".venv/bin/reviewtune", None, [".venv/bin/reviewtune"]),
        ("/v/bin/reviewtune", "/v/bin/reviewtune", ["reviewtune"]),
        ("/p/reviewtune/__main__.py", None, ["python", "-m", "reviewtune"]),
        ("jobs/tune_minilm.py", None, ["reviewtune"]),
    ],
)
def test_the_command_is_as_the_program_was_called(
    called: str, found: str | None, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setattr(commands.shutil, "which", lambda _: found)
    assert commands._program() == program


@pytest.mark.parametrize("holds", ["nothing", "something else"])
def test_leaderboard_writes_into_no_folder_without_a_study(
    holds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if holds == "something else":
        (tmp_path / "studies").mkdir()
        (tmp_path / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert main(["leaderboard", "--results-dir", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"reviewtune: {tmp_path} holds no study (there is no studies/*/*/entry.json in it): run one")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_study_that_has_no_entry_yet_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "studies" / "s1").mkdir(parents=True)
    (tmp_path / "studies" / "s1" / "config.json").write_text("{}")
    assert ranked(tmp_path, capsys)[0] == "No entries yet: run a study first."
