import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewtune import cli
from reviewtune.cli import SYNONYMS, VERBS, main, run, run_job
from reviewtune.errors import DataError, UsageError

HEAVY = {"torch", "ray", "transformers", "optuna", "sklearn", "pandas", "pyarrow", "matplotlib"}


def acting(monkeypatch: pytest.MonkeyPatch, action: Callable[[Any], int], verb: str = "leaderboard") -> None:
    monkeypatch.setitem(VERBS, verb, VERBS[verb]._replace(action=action))


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
    config = VERBS[verb].config
    text = " ".join(shown.split())
    for name, field in config.model_fields.items():
        assert "--" + name.replace("_", "-") in text
        first = " ".join((field.description or "").split())[:25]
        assert first in text, name
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tuen", "did you mean tune? "),
        ("train", "did you mean tune? "),
        ("trian", "did you mean tune? "),
        ("leaderbord", "did you mean leaderboard? "),
        ("xyzzy", ""),
    ],
)
def test_an_unknown_verb_is_answered_by_the_known_ones(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word]) == 2
    assert capsys.readouterr().err == f"reviewtune: unknown verb {word}: {meant}the verbs are {', '.join(VERBS)}\n"


def test_a_synonym_means_a_verb_and_is_none() -> None:
    assert set(SYNONYMS.values()) <= set(VERBS)
    assert not set(SYNONYMS) & set(VERBS)


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


def test_what_a_user_reads_is_one_line_that_does_nothing_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(config: Any) -> int:
        raise DataError("there is no a\nb\x1b[31m\u202e\udcff.csv")

    acting(monkeypatch, fail)
    assert run("leaderboard", []) == 1
    assert capsys.readouterr().err == "reviewtune: there is no a\\nb\\x1b[31m\\u202e\\udcff.csv\n"


@pytest.mark.parametrize("where", ["results", "temporary"])
def test_what_nobody_foresaw_is_one_line_and_a_file(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(config: Any) -> int:
        return int({}["x"])

    acting(monkeypatch, broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    results = tmp_path / "results"
    if where == "results":
        results.mkdir()
    assert run("leaderboard", ["--results-dir", str(results)]) == 1
    err = capsys.readouterr().err
    [log] = list((results / "logs" if where == "results" else tmp_path / "temporary").iterdir())
    assert err == f"reviewtune: this was not foreseen (KeyError: 'x'): the traceback is in {log}; please report it\n"
    assert 'return int({}["x"])' in log.read_text()
    assert f"words: ['leaderboard', '--results-dir', '{results}']" in log.read_text()


def test_what_a_ray_task_raised_is_told_as_if_it_had_been_raised_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ray.exceptions import RayTaskError

    def fail(config: Any) -> int:
        raise RayTaskError(
            "task", "Traceback ...\n  File x\nDataError: no rows", DataError("no rows")
        ).as_instanceof_cause()

    acting(monkeypatch, fail)
    assert run("leaderboard", []) == 1
    assert capsys.readouterr().err == "reviewtune: no rows\n"


def test_a_job_meets_the_same_edge_and_names_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(config: Any) -> int:
        raise RuntimeError("a bug")

    acting(monkeypatch, broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["jobs/leaderboard.py", "--results-dir", "nowhere"])
    assert run_job("leaderboard") == 1
    assert capsys.readouterr().err.startswith("reviewtune: this was not foreseen (RuntimeError: a bug): ")
    monkeypatch.setattr(sys, "argv", ["jobs/leaderboard.py", "--help"])
    with pytest.raises(SystemExit):
        run_job("leaderboard")
    assert capsys.readouterr().out.startswith("usage: python jobs/leaderboard.py [--flags]\n")


@pytest.mark.parametrize(("sink", "said"), [("| true", ""), ("> /dev/full", "standard output cannot be written (No ")])
def test_a_standard_output_that_takes_nothing_is_no_traceback(sink: str, said: str) -> None:
    code = "import sys; from reviewtune.cli import main; sys.exit(main(['--version']))"
    done = subprocess.run(
        ["bash", "-c", f'unset PYTHONUNBUFFERED; set -o pipefail; {sys.executable} -c "{code}" {sink}'],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.count("\n") == (1 if said else 0)
    assert said in done.stderr
    assert done.returncode == 1 or not said


def test_a_closed_standard_output_is_no_traceback() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m reviewtune --help >&-"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_demo_brings_settings_that_the_command_line_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    acting(monkeypatch, lambda given: seen.append(given) or 0, "demo")
    assert run("demo", []) == 0
    assert run("demo", ["--num-trials", "2"]) == 0
    assert seen[0].num_trials < 10
    assert seen[0].data == ["sample"]
    assert seen[1].num_trials == 2
    assert seen[1].space == seen[0].space
    assert cli.PRESETS["demo"].is_file()


@pytest.mark.parametrize(
    "code",
    [
        "import reviewtune",
        "import reviewtune.cli as cli; cli.main(['--help'])",
        "import reviewtune.cli as cli; cli.main(['tune', '--bogus'])",
        "import reviewtune.cli as cli; cli.main(['tune', '--help'])",
    ],
)
def test_what_answers_at_once_imports_nothing_heavy(code: str) -> None:
    code = f"try:\n    {code}\nexcept SystemExit:\n    pass"
    code += f"\nimport sys; print('heavy:', sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


FLAGS = sorted({"--" + name.replace("_", "-") for verb in VERBS.values() for name in verb.config.model_fields})
WORDS = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(max_codepoint=0x1F), max_size=5),
    st.text(min_size=1, max_size=2).map(lambda text: text * 6000),
    st.sampled_from(
        [*FLAGS, "-", "--", "-h=", "", "[1]", "{", "1e999", "nan", "~", "~nobody", "s3://b", "hub:", "a,,b"]
    ),
    st.builds("{}={}".format, st.sampled_from(FLAGS), st.text(max_size=9)),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.one_of(st.sampled_from(sorted(VERBS)), WORDS), words=st.lists(WORDS, max_size=4))
def test_whatever_is_typed_ends_in_a_status_and_at_most_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, words: list[str]
) -> None:
    with monkeypatch.context() as patch:
        for name in VERBS:
            acting(patch, lambda config: 0, name)
        try:
            status = main([verb, *words])
        except SystemExit as ended:  # --help
            status = int(ended.code or 0)
    err = capsys.readouterr().err
    assert (err.count("\n"), bool(err)) == ((1, True) if status else (0, False)) or verb == ""
    assert status in (0, 1, 2)
    assert "not foreseen" not in err
    assert err.removesuffix("\n").isprintable()
    assert len(err) < 2500
