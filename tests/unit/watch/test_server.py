"""The live view: what it answers, to whom, and what it says of studies that run, ended or were killed."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reviewtune.cli import main
from reviewtune.progress_note import PROGRESS_FILE, FamilyNote, ProgressNote
from reviewtune.verb_config import WatchConfig
from reviewtune.watch import server as module
from reviewtune.watch.server import make_server, watch
from reviewtune.watch.status import MOST_STUDIES, statuses

HOSTILE = "<script>alert(1)</script> & 'x'"


def leave(results: Path, study: str, *, ago: float = 0, **changes: Any) -> None:
    """Leave word of a study as its driver would have so many seconds ago."""
    at = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    families = [
        FamilyNote(
            name="qlora", state="tuning", trials={"finished": 10, "failed": 1, "running": 3}, num_trials=32, slots=4,
            done=11.5, total=32, seconds_left=130.0, best="0.9700", default="0.9600", reviews_per_second=2194.4,
            seconds=61.0,
        ),
        FamilyNote(name="svm", state="done", num_trials=0, test_f1=0.5),
    ]  # fmt: skip
    fields = {"study_id": study, "state": "running", "started": at, "updated": at, "every": 2.0, "objective": "F1"}
    note = ProgressNote.model_validate({**fields, "families": families, **changes})
    folder = results / "studies" / study
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRESS_FILE).write_text(note.model_dump_json())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    with make_server(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: ThreadingHTTPServer, path: str, host: str = "127.0.0.1", method: str = "GET") -> Any:
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"{host}:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    answer.text = answer.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_the_page_shows_what_runs_and_the_board(served: ThreadingHTTPServer, tmp_path: Path) -> None:
    leave(tmp_path, "reviews-1", lines=["first", HOSTILE])
    (tmp_path / "leaderboard.html").write_text("<p>the board</p>")
    page = ask(served, "/")
    assert page.status == 200
    for said in (
        "reviews-1 <span class=\"good\">runs</span>", "tuning, 36%, 2.2 min left",
        "11 of 32: 10 finished, 1 failed", "3 of 4", "2,194", "0.9700", "0.5000", '<iframe id="board" src="leaderboard',
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;x&#39;",
    ):  # fmt: skip
        assert said in page.text
    assert HOSTILE not in page.text
    policy = page.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert ask(served, "/leaderboard.html").text == "<p>the board</p>"
    for name in ("live.js", "live.css"):
        assert ask(served, f"/{name}").status == 200
        assert "//" not in ask(served, f"/{name}").text.replace("// ", "")


def test_the_panel_changes_with_the_files(served: ThreadingHTTPServer, tmp_path: Path) -> None:
    first = ask(served, "/panel")
    assert "No study leaves word here yet" in first.text
    assert (first.getheader("X-Board"), first.getheader("X-Pause")) == ("", "10")
    leave(tmp_path, "s")
    (tmp_path / "leaderboard.html").write_text("1")
    second = ask(served, "/panel")
    assert second.getheader("X-Pause") == "2"
    assert second.getheader("X-Board") != ""
    assert second.text.count("data-part=") == 1
    (told,) = json.loads(ask(served, "/status.json").text)["studies"]
    assert (told["study_id"], told["runs"], told["families"][0]["slots"]) == ("s", True, 4)


def test_nothing_else_is_answered(served: ThreadingHTTPServer, tmp_path: Path) -> None:
    leave(tmp_path, "s")
    (tmp_path / "studies" / "s" / "errors.csv").write_text("texts")
    for path in ("/studies/s/errors.csv", "/../etc/passwd", "/%2e%2e/x", "/leaderboard.csv", "/panel/"):
        assert ask(served, path).status == 404, path
    assert ask(served, "/", method="POST").status == 501
    assert ask(served, "/?x=1").status == 200
    head = ask(served, "/", method="HEAD")
    assert (head.status, head.text) == (200, "")
    assert "Python" not in str(head.headers)


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("127.0.0.1", 200), ("rebound.example", 403), ("[::1", 403), ("", 403)]
)
def test_a_page_of_elsewhere_gets_nothing(served: ThreadingHTTPServer, host: str, status: int) -> None:
    assert ask(served, "/status.json", host).status == status


def test_before_there_is_a_board_its_place_says_so(served: ThreadingHTTPServer) -> None:
    board = ask(served, "/leaderboard.html")
    assert (board.status, "has no leaderboard.html yet" in board.text) == (200, True)


def test_studies_that_run_come_first_and_what_was_killed_is_told(tmp_path: Path) -> None:
    leave(tmp_path, "ended", ago=20, state="ended")
    leave(tmp_path, "runs", ago=25)
    leave(tmp_path, "killed", ago=200)
    leave(tmp_path, "interrupted", ago=50, state="interrupted")
    (tmp_path / "studies" / "older").mkdir()
    found = {status.note.study_id: status.words for status in statuses(tmp_path)}
    assert list(found) == ["runs", "ended", "interrupted", "killed"]
    assert found["runs"] == "runs"
    assert found["ended"] == "has ended (20 s ago)"
    assert found["interrupted"].startswith("was interrupted: the same command goes on from there")
    assert found["killed"] == "was killed, or lost its folder: no word of it for 3.3 min"
    for number in range(20):
        leave(tmp_path, f"more{number}", ago=300, state="failed")
    assert len(statuses(tmp_path)) == MOST_STUDIES


def test_what_has_ended_has_no_time_left(served: ThreadingHTTPServer, tmp_path: Path) -> None:
    leave(tmp_path, "s", state="interrupted")
    assert "tuning, 36%<progress" in ask(served, "/panel").text


def test_what_nobody_foresaw_is_one_line(
    served: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "statuses", lambda _: 1 / 0)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(served, "/panel")
    assert capsys.readouterr().err == "no answer was given (ZeroDivisionError: division by zero)\n"


def test_a_folder_that_is_not_there_and_a_port_that_is_taken_are_one_line(
    served: ThreadingHTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(tmp_path / "nothere")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert main(["watch", str(tmp_path), "--port", str(served.server_address[1])]) == 2
    err = capsys.readouterr().err
    assert "cannot be had (Address already in use): give another one, or none" in err
    assert err.count("\n") == 1
    assert main(["watch", "--port", "99999"]) == 2


def test_ctrl_c_is_how_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module._Server, "serve_forever", pressed)
    assert watch(WatchConfig(results_dir=tmp_path)) == 0


def test_the_program_prints_its_address_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        # Whoever runs the tests in the background has SIGINT ignored, and so has what they start.
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from reviewtune.cli import main; status = main(['watch', sys.argv[1]]); "
        "print(sorted({'torch', 'ray', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules)), status)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
    assert rest.splitlines()[-1] == "[] 0"
