"""Base models by hub id, against a hub of one repository on this machine, and without any hub."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reviewtune import reach
from reviewtune.encoders.hub import commit_of, commit_of_folder
from reviewtune.encoders.registry import Encoder
from reviewtune.encoders.vetting import pinned

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = ["owner/base", f"owner/base@{COMMIT}", "owner/base@v9", "owner/absent"]
PROGRAM = """
import json, sys
from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.vetting import vetted
from reviewtune.errors import EncoderError
for name in sys.argv[1:]:
    try:
        encoder = vetted(resolve_encoder(name), "nf4")
        vectors = TextEncoder(encoder).embed(["great tent"])
        print(json.dumps([encoder.name, encoder.title, encoder.revision, encoder.max_length, float(vectors[0, 0])]))
    except EncoderError as error:
        print(json.dumps(str(error)))
"""

UNREACHABLE = """
import json, sys, time
from transformers import AutoTokenizer
from reviewtune.encoders.loading import load_backbone, load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import EncoderError
encoder = resolve_encoder(sys.argv[1])
start = time.time()
for load in (load_tokenizer, load_backbone):
    try:
        load(encoder)
    except EncoderError as error:
        message = str(error)
print(json.dumps(message), time.time() - start, sep="\\n")
"""


def run(names: list[str], program: str = PROGRAM, **environment: str) -> list[Any]:
    """What a fresh process finds of base models: huggingface_hub reads its environment when it is imported."""
    done = subprocess.run(
        [sys.executable, "-c", program, *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_DISABLE_XET": "1", **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Hub(BaseHTTPRequestHandler):
    """A hub that has `owner/base`, whose branch `main` is at COMMIT, and nothing else."""

    folder: Path

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[0] == "api":
            self.send(b'{"id": "owner/base", "tags": []}') if "tree" not in parts else self.refuse("EntryNotFound")
            return
        file = self.folder / "/".join(parts[4:])
        if parts[:3] != ["owner", "base", "resolve"]:
            self.refuse("RepoNotFound")
        elif parts[3] not in ("main", COMMIT):
            self.refuse("RevisionNotFound")
        elif not file.is_file():
            self.refuse("EntryNotFound")
        else:
            self.send(file.read_bytes(), body=body)

    def send(self, contents: bytes, *, body: bool = True) -> None:
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha256(contents).hexdigest()}"')
        self.send_header("Content-Length", str(len(contents)))
        self.end_headers()
        if body:
            self.wfile.write(contents)

    def refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint(stella_base: Any) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("StellaHub", (Hub,), {"folder": stella_base(projection=8)}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def cached(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Any]]:
    """Where base models lie that were asked for by NAMES, and what was said."""
    home = str(tmp_path_factory.mktemp("home"))
    return home, run(NAMES, HF_ENDPOINT=endpoint, HF_HOME=home)


def test_a_base_model_is_downloaded_once_pinned_and_found_again_without_the_hub(cached: tuple[str, list[Any]]) -> None:
    home, (main, commit, wrong, absent) = cached
    assert main[:4] == [f"owner/base@{COMMIT}", f"owner/base@{COMMIT[:12]}", COMMIT, 48]
    assert commit == main
    assert "owner/base@v9 cannot be loaded" in wrong
    assert "give a branch, tag or commit that the hub has" in wrong
    assert "owner/absent cannot be loaded" in absent
    assert "--base-model FOLDER" in absent
    offline = run([*NAMES[:3], "stella"], HF_HUB_OFFLINE="1", HF_HOME=home)
    assert offline[:2] == [main, main]
    for line in offline[2:]:
        assert "cannot be loaded" in line
        assert "HF_HUB_OFFLINE is set" in line
        assert "\n" not in line


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """A hub that takes connections and never answers, as behind a firewall that drops packets."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["refusing", "silent"])
def test_a_hub_that_does_not_answer_is_tried_once(kind: str, silent_endpoint: str, tmp_path: Path) -> None:
    endpoint = "http://127.0.0.1:9" if kind == "refusing" else silent_endpoint
    line, seconds = run(["flan-t5-small"], UNREACHABLE, HF_ENDPOINT=endpoint, HF_HOME=str(tmp_path))
    assert "flan-t5-small cannot be loaded (the hub does not answer" in line
    assert "check the id and the network, or download it and give --base-model FOLDER" in line
    assert seconds < reach.PATIENCE_S + 5  # once for both, and what is imported late


def test_what_is_cached_needs_no_hub(cached: tuple[str, list[Any]], silent_endpoint: str) -> None:
    home, online = cached
    assert run(NAMES[:2], HF_ENDPOINT=silent_endpoint, HF_HOME=home) == online[:2]


def test_the_commit_of_a_file_in_the_cache() -> None:
    cached = Path("/cache/hub/models--owner--base/snapshots") / COMMIT
    assert commit_of(cached / "config.json") == COMMIT
    assert commit_of(cached / "2_Dense_1024" / "config.json") == COMMIT
    assert commit_of(Path("/models/base/config.json")) is None
    assert commit_of(Path("/models/snapshots/config.json")) is None


def test_the_commit_of_a_folder_that_was_downloaded(tmp_path: Path) -> None:
    assert commit_of_folder(tmp_path) is None
    note = tmp_path / ".cache" / "huggingface" / "download" / "config.json.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{COMMIT}\n0123\n1700000000.0\n")
    assert commit_of_folder(tmp_path) == COMMIT
    assert commit_of_folder(Path("/cache/hub/models--owner--base/snapshots") / COMMIT) == COMMIT


def test_a_pinned_base_model_keeps_its_name() -> None:
    stella = Encoder("stella", "NovaSearch/stella_en_400M_v5", COMMIT)
    assert pinned(stella, COMMIT) is stella
    assert pinned(stella, None) is stella
    tagged = Encoder("owner/base@v1", "owner/base", "v1")
    assert pinned(tagged, COMMIT) == Encoder(f"owner/base@{COMMIT}", "owner/base", COMMIT)
