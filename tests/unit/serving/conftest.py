"""A server over a small artifact, on a loopback port, and what asks it."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import reviewtune
from reviewtune.artifact import write_artifact
from reviewtune.families.base import Rows, Setting
from reviewtune.families.tfidf import TfidfFamily, TfidfParams
from reviewtune.profile import Profile
from tests.unit.artifact_infos import info_of

TEXTS = ["Great café, works as described.", "the strap broke twice on tuesday", "love it", "sadly the lid is rusty"]
FAKE = np.array([True, False, True, False])
TOKEN = "0123456789abcdef"


class Answered(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


class Client:
    """Asks a server, a connection a request."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            raw = answer.read()
            told = dict(answer.getheaders())
            is_json = told.get("content-type", "").startswith("application/json")
            return Answered(answer.status, json.loads(raw) if is_json else raw.decode(), told)
        finally:
            connection.close()

    def predict(self, asked: Any, **headers: str) -> Answered:
        return self.ask("POST", "/predict", json.dumps(asked).encode(), content_type="application/json", **headers)

    def raw(self, sent: bytes, *, leave: bool = False) -> bytes:
        """What comes back for bytes that need be no HTTP, until the server, or the client, closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(sent)
            if leave:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def make_words(folder: Path) -> Path:
    """An artifact that knows the words of `TEXTS`."""
    rows = Rows(TEXTS * 3, np.tile(FAKE, 3))
    model: Any = next(iter(TfidfFamily().fit(TfidfParams(min_df=1), rows, Setting()))).model
    write_artifact(folder, info_of("tfidf", threshold=0.4), model, Profile.of(TEXTS, FAKE, np.arange(4)))
    return folder


@pytest.fixture(scope="package")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_words(tmp_path_factory.mktemp("results") / "words")


@pytest.fixture(scope="package")
def classifier(artifact: Path) -> Any:
    return reviewtune.load(artifact)


Start = Callable[..., Client]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server of an application, until the test ends."""
    uvicorn = pytest.importorskip("uvicorn", reason="comes with the extra `serve`")
    servers: list[tuple[Any, threading.Thread]] = []

    def begin(app: Any) -> Client:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", log_config=None, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        end = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < end
            time.sleep(0.005)
        return Client(listener.getsockname()[1])

    yield begin
    for server, thread in servers:
        server.should_exit = True
        thread.join(30)
