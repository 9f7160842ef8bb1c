"""The program `reviewtune serve`: what it refuses before it loads anything, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="comes with the extra `serve`")

from reviewtune import first_look
from reviewtune.cli import main
from reviewtune.serving import server
from reviewtune.serving.guards import TOKEN_VARIABLE, digest_of
from reviewtune.verb_config import ServeConfig
from tests.unit.serving.conftest import TEXTS, TOKEN, Client


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    status = main(["serve", *map(str, words)])
    shown = capsys.readouterr()
    assert (status, shown.err.count("\n"), shown.out) == (2, 1, "")
    return shown.err


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "load", lambda *_, **__: pytest.fail("it was loaded"))
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


def test_other_machines_need_a_token(
    unloaded: None, artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--artifact", artifact, "--host", "0.0.0.0"]
    assert "--host 0.0.0.0 lets other machines ask: set REVIEWTUNE_TOKEN" in refused(capsys, *words)
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    assert "$REVIEWTUNE_TOKEN has 5 characters: give it 16 or more" in refused(capsys, *words)
    assert "short" not in refused(capsys, *words).replace("5", "")


def test_who_may_ask(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert server.limits_of(ServeConfig(artifact=artifact)).digest is None
    assert server.limits_of(ServeConfig(artifact=artifact, host="0.0.0.0", without_token=True)).digest is None
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert server.limits_of(ServeConfig(artifact=artifact)).digest == digest_of(TOKEN)


def test_a_port_that_is_taken_is_refused_before_the_artifact_is_loaded(
    unloaded: None, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(capsys, "--artifact", artifact, "--port", port)
    assert f"--host 127.0.0.1 --port {port} cannot be had (Address already in use): give others" in said
    assert "cannot be had" in refused(capsys, "--artifact", artifact, "--host", "127.0.0.1.2")


def test_without_the_extra_a_line_says_how_to_get_it(
    artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = refused(capsys, "--artifact", artifact)
    assert "serve: fastapi is not installed: run `pip install 'reviewtune[serve]'`" in said
    assert first_look


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_it_listens_once_it_is_loaded_and_answers_what_was_asked_before_it_ends(artifact: Path, number: int) -> None:
    program = (
        "import sys, time, reviewtune.serving.app as app\n"
        "judge = app.judge\n"
        "def slowly(*given):\n    print('judging', flush=True)\n    time.sleep(0.5)\n    return judge(*given)\n"
        "app.judge = slowly\n"
        "from reviewtune.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "print(*{'torch', 'ray', 'transformers'} & set(sys.modules))\n"
        "sys.exit(status)"
    )
    words = ["serve", "--artifact", str(artifact), "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, TOKEN_VARIABLE: TOKEN},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stderr is not None
        line = running.stdout.readline()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+) serves words; Ctrl-C ends it\n", line)
        assert found, (line, running.stderr.read())
        client, answers = Client(int(found[1])), []

        def ask() -> None:
            answers.append(client.predict({"text": TEXTS[0]}, authorization=f"Bearer {TOKEN}"))

        asking = threading.Thread(target=ask)
        asking.start()
        assert running.stdout.readline() == "judging\n"
        running.send_signal(number)
        begun = time.monotonic()
        asking.join(30)
        assert running.wait(30) == 0
        assert time.monotonic() - begun < 10
        # A server of TF-IDF is small: it takes neither torch nor Ray.
        assert (running.stderr.read(), running.stdout.read()) == ("", "\n")
    (answer,) = answers
    assert answer.status == 200
    with pytest.raises(ConnectionRefusedError):
        client.predict({"text": "a"})
