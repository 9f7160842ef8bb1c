import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from reviewtune import cli
from reviewtune.cli import VERBS, main, run
from reviewtune.errors import DataError, UsageError

HEAVY = {"torch", "ray", "transformers", "optuna", "sklearn", "pandas", "pyarrow", "matplotlib"}


def acting(monkeypatch: pytest.MonkeyPatch, action: Callable[[Any], int]) -> None:
    config, _, line = VERBS["leaderboard"]
    monkeypatch.setitem(VERBS, "leaderboard", (config, action, line))


def test_without_a_verb_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in VERBS:
        assert f"  {verb} " in out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("reviewtune 0.")


@pytest.mark.parametrize("verb", VERBS)
def test_help_lists_every_flag_and_what_it_is(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    config, _, _ = VERBS[verb]
    text = " ".join(shown.split())
    for name, field in config.model_fields.items():
        assert "--" + name.replace("_", "-") in text
        first = " ".join((field.description or "").split())[:25]
        assert first in text, name
    assert max(map(len, shown.splitlines())) <= 80


def test_an_unknown_verb_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tuen"]) == 2
    assert capsys.readouterr().err == f"reviewtune: unknown verb 'tuen': the verbs are {', '.join(VERBS)}\n"


@pytest.mark.parametrize(("error", "status"), [(DataError("no rows"), 1), (UsageError("bad flag"), 2)])
def test_a_failure_is_one_line_and_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    def fail(config: Any) -> int:
        raise error

    acting(monkeypatch, fail)
    assert run("leaderboard", []) == status
    assert capsys.readouterr().err == f"reviewtune: {error}\n"


def test_an_interrupt_says_that_the_rest_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(config: Any) -> int:
        raise KeyboardInterrupt

    acting(monkeypatch, interrupted)
    assert run("leaderboard", []) == 130
    assert "kept" in capsys.readouterr().err


def test_an_error_of_our_own_making_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: Any) -> int:
        raise RuntimeError("a bug")

    acting(monkeypatch, broken)
    with pytest.raises(RuntimeError, match="a bug"):
        run("leaderboard", [])


def test_a_closed_pipe_ends_without_a_traceback() -> None:
    code = "import sys; from reviewtune.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{code}" | true'], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_the_demo_brings_settings_that_the_command_line_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    config, _, line = VERBS["demo"]
    monkeypatch.setitem(VERBS, "demo", (config, lambda given: seen.append(given) or 0, line))
    assert run("demo", []) == 0
    assert run("demo", ["--num-trials", "2"]) == 0
    assert seen[0].num_trials < 10
    assert seen[0].data == "sample"
    assert seen[1].num_trials == 2
    assert seen[1].space == seen[0].space
    assert cli.PRESETS["demo"].is_file()


@pytest.mark.parametrize(
    "code",
    [
        "import reviewtune",
        "import reviewtune.cli as cli; cli.main(['--help'])",
        "import reviewtune.cli as cli; cli.main(['tune', '--bogus'])",
    ],
)
def test_what_answers_at_once_imports_nothing_heavy(code: str) -> None:
    code += f"\nimport sys; print('heavy:', sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
