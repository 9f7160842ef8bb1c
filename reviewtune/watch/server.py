"""Serves the live view to this machine alone; everything it shows is read from files, so any machine that has them can.

The standard library's server is enough for a page that one person looks at every other second; uvicorn comes with no
dependency of the project.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from reviewtune.errors import ArtifactError, UsageError, one_line
from reviewtune.storage.place import bucket_of
from reviewtune.storage.refresh import refresh
from reviewtune.verb_config import WatchConfig
from reviewtune.watch.pages import BOARD, live_page, no_board, panel, pause
from reviewtune.watch.status import statuses

HOST = "127.0.0.1"
HOSTS = (HOST, "localhost")
"""What the server may be called: a page of elsewhere that has its own name lead here gets nothing."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BOARD_POLICY = "frame-ancestors 'self'"
"""The board brings its own besides."""
REFRESH_SECONDS = 3.0
"""Between two looks into a bucket."""
BOARDS = {
    "leaderboard.json": "application/json",
    "leaderboard.csv": "text/csv; charset=utf-8",
    "leaderboard.md": "text/plain; charset=utf-8",
}
HTML = "text/html; charset=utf-8"


class Answer(NamedTuple):
    """What is sent."""

    body: bytes
    kind: str = HTML
    policy: str = POLICY
    headers: Mapping[str, str] = MappingProxyType({})
    status: HTTPStatus = HTTPStatus.OK


def watch(config: WatchConfig) -> int:
    """Serve until Ctrl-C; its exit status, 0, since that is how it ends.

    Raises:
        ArtifactError: There is no such folder.
        UsageError: The port is taken.
    """
    results_dir = config.results_dir.expanduser().resolve()
    refresh(results_dir)
    if not results_dir.is_dir():
        raise ArtifactError(f"there is no folder {results_dir}: give the results directory of a study, or start one")
    try:
        server = make_server(results_dir, config.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--port {config.port} cannot be had ({reason}): give another one, or none") from None
    with server:
        if bucket_of(results_dir) is not None:
            Thread(target=_keep_fresh, args=(results_dir,), daemon=True).start()
        address = f"http://{HOST}:{server.server_address[1]}/"
        try:
            print(one_line(f"{address} shows {results_dir} as it grows; Ctrl-C ends it"), flush=True)
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            return 0
    return 0


def _keep_fresh(results_dir: Path) -> None:
    """Bring what changes in a bucket here, for as long as this process lives; what cannot be had now comes later."""
    while True:
        time.sleep(REFRESH_SECONDS)
        with suppress(OSError):
            refresh(results_dir)


def make_server(results_dir: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of a results directory, on a free port where none is given."""

    class Handler(_Handler):
        answers = _answers(results_dir)

    return _Server((HOST, port), Handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Say in one line what nobody foresaw, and nothing of browsers that left before their answer came."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            print(one_line(f"no answer was given ({type(error).__name__}: {error})"), file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    answers: dict[str, Callable[[], Answer]]

    def version_string(self) -> str:
        """What it calls itself: nobody needs to know the interpreter."""
        return "reviewtune"

    def do_GET(self) -> None:
        """Answer with one of the pages and files, and nothing else that lies there."""
        self._send(self._answer())

    def do_HEAD(self) -> None:
        """The same without the body."""
        self._send(self._answer(), head=True)

    def _answer(self) -> Answer:
        if str(self.headers.get("Host")).partition(":")[0] not in HOSTS:
            return _refusal(HTTPStatus.FORBIDDEN, f"ask for http://{HOST}")
        make = self.answers.get(urlsplit(self.path).path)
        if make is None:
            return _refusal(HTTPStatus.NOT_FOUND, "there is nothing of that name")
        try:
            return make()
        except FileNotFoundError:
            return _refusal(HTTPStatus.NOT_FOUND, "it is not there yet")

    def _send(self, answer: Answer, *, head: bool = False) -> None:
        self.send_response(answer.status)
        sent = {
            "Content-Type": answer.kind,
            "Content-Length": str(len(answer.body)),
            "Content-Security-Policy": answer.policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            **answer.headers,
        }
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        if not head:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing: a line every other second is of no use."""


def _answers(results_dir: Path) -> dict[str, Callable[[], Answer]]:
    """What is answered, by path. Texts of reviews lie in files that are not among them."""

    def page() -> Answer:
        return Answer(live_page(results_dir, statuses(results_dir)).encode())

    def changing() -> Answer:
        studies = statuses(results_dir)
        headers = {"X-Board": _version(results_dir / BOARD), "X-Pause": str(pause(studies))}
        return Answer(panel(studies).encode(), headers=headers)

    def told() -> Answer:
        studies = [{**study.note.model_dump(), "runs": study.runs} for study in statuses(results_dir)]
        return Answer(json.dumps({"studies": studies}).encode(), "application/json")

    def board() -> Answer:
        path = results_dir / BOARD
        return Answer(path.read_bytes() if path.is_file() else no_board(results_dir).encode(), policy=BOARD_POLICY)

    def asset(name: str, kind: str) -> Callable[[], Answer]:
        return lambda: Answer(files("reviewtune.watch").joinpath(name).read_bytes(), kind)

    def other(name: str, kind: str) -> Callable[[], Answer]:
        return lambda: Answer((results_dir / name).read_bytes(), kind)

    return {
        "/": page,
        "/panel": changing,
        "/status.json": told,
        "/live.js": asset("live.js", "text/javascript; charset=utf-8"),
        "/live.css": asset("live.css", "text/css; charset=utf-8"),
        f"/{BOARD}": board,
        **{f"/{name}": other(name, kind) for name, kind in BOARDS.items()},
    }


def _version(path: Path) -> str:
    """What changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_mtime_ns}-{found.st_size}"


def _refusal(status: HTTPStatus, line: str) -> Answer:
    return Answer(f"{line}\n".encode(), "text/plain; charset=utf-8", status=status)
