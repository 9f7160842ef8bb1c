"""A hub on this machine that takes pushes: the few calls that huggingface_hub makes for one, and what came of them."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COMMIT = "c0ffee" * 6 + "beef"


@dataclass
class Hub:
    """What the hub has.

    Attributes:
        url: Where it listens.
        token: That may write; all others are refused.
        files: Committed bytes, by repository, branch and path.
        private: By repository, those that are there.
        refuse: Status of the answer to a commit; None takes it.
        calls: Methods and paths, in their order.
    """

    url: str = ""
    token: str = "hf_right"
    files: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    refuse: int | None = None
    calls: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send(200, None)

    def do_GET(self) -> None:
        self.hub.calls.append(f"GET {self.path}")
        repo = "/".join(self.path.strip("/").split("/")[2:4])
        if repo not in self.hub.private:
            self.send(404, {"error": "Repository not found"})
        else:
            self.send(200, {"id": repo, "private": self.hub.private[repo], "tags": [], "downloads": 0})

    def do_PUT(self) -> None:
        body = self.body()
        assert sha256(body).hexdigest() == self.path.rpartition("/")[2]
        self.hub.objects[self.path.rpartition("/")[2]] = body
        self.send(200, {})

    def do_POST(self) -> None:
        self.hub.calls.append(f"POST {self.path}")
        body = self.body()
        if self.headers.get("authorization") != f"Bearer {self.hub.token}":
            self.send(401, {"error": "Invalid username or password."})
            return
        parts = self.path.strip("/").split("/")
        if parts[:3] == ["api", "repos", "create"]:
            self.create(json.loads(body))
        elif parts[:2] == ["api", "validate-yaml"]:
            assert json.loads(body)["content"].startswith("---\n")
            self.send(200, {"errors": [], "warnings": []})
        elif parts[-2:] == ["objects", "batch"]:
            self.batch(json.loads(body))
        elif parts[4] == "branch":
            self.hub.files.setdefault(("/".join(parts[2:4]), parts[5]), {})
            self.send(201, {})
        elif parts[4] == "preupload":
            # As the hub: what is binary goes to its large files.
            modes = [
                {"path": name, "uploadMode": "lfs" if name.endswith((".safetensors", ".skops")) else "regular"}
                for name in (each["path"] for each in json.loads(body)["files"])
            ]
            self.send(200, {"files": [{**mode, "shouldIgnore": False} for mode in modes]})
        elif parts[4] == "commit":
            self.commit("/".join(parts[2:4]), parts[5], body)

    def create(self, asked: dict[str, Any]) -> None:
        repo = f"{asked['organization']}/{asked['name']}"
        known = repo in self.hub.private
        self.hub.private.setdefault(repo, asked.get("visibility") == "private")
        self.send(409 if known else 200, {"url": f"{self.hub.url}/{repo}"})

    def batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.url}/object/{each['oid']}"}}}
            for each in asked["objects"]
        ]
        self.send(200, {"transfer": "basic", "objects": objects})

    def commit(self, repo: str, branch: str, body: bytes) -> None:
        if self.hub.refuse is not None:
            self.send(self.hub.refuse, {"error": "no\nway"})
            return
        files = self.hub.files.setdefault((repo, branch), {})
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        self.send(200, {"commitUrl": f"{self.hub.url}/{repo}/commit/{COMMIT}", "commitOid": COMMIT})

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def send(self, status: int, answer: Any) -> None:
        contents = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(contents)))
        self.end_headers()
        self.wfile.write(contents)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
