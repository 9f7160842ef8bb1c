"""Ray nodes on this machine, each as if it were a machine of its own: no home, folder or mirror is another's."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.study import ENVIRONMENT
from tests.s3_server import S3

TOKEN = "a-token-of-this-test-alone"
POLL_SECONDS = 0.5
START_SECONDS = 90.0


@dataclass(frozen=True)
class Node:
    """A `ray start --block` with folders of its own.

    Attributes:
        name: Of it.
        process: That runs it.
        environment: That it and what runs on it have.
    """

    name: str
    process: "subprocess.Popen[bytes]"
    environment: dict[str, str]

    def kill(self) -> None:
        """End it and all that runs on it at once, as when a machine is gone."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            for process in [own, *own.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.wait()


@dataclass
class Nodes:
    """The nodes of one Ray.

    Args:
        folder: For those of the nodes.
        server: That has the bucket.
    """

    folder: Path
    server: S3
    port: int = 0
    running: dict[str, Node] = field(default_factory=dict)

    def environment(self, name: str) -> dict[str, str]:
        """Of a machine of that name: nothing in it is another's."""
        home = self.folder / name
        home.mkdir(parents=True, exist_ok=True)
        own = {"HOME": str(home), "REVIEWTUNE_MIRROR": str(home / "mirror")}
        without = {key: value for key, value in ENVIRONMENT.items() if key != "RAY_OVERRIDE_RESOURCES"}
        ray = {"RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **without, **ray, **self.server.environment, **own}

    def start(self, name: str, cpus: int = 1) -> Node:
        """Start one; the first is the head."""
        environment = self.environment(name)
        words = ["ray", "start", "--block", "--num-cpus", str(cpus), "--num-gpus", "0", "--disable-usage-stats"]
        # A socket's path is short.
        words += ["--temp-dir", tempfile.mkdtemp(prefix=f"ray-{name}-", dir="/tmp")]
        if self.port:
            words += ["--address", f"127.0.0.1:{self.port}"]
        else:
            self.port = _free_port()
            words += ["--head", "--port", str(self.port), "--dashboard-port", str(_free_port())]
            words += ["--ray-client-server-port", str(_free_port())]
        log = (self.folder / f"{name}.log").open("wb")
        program = [str(Path(sys.executable).with_name("ray")), *words[1:]]
        process = subprocess.Popen(program, stdout=log, stderr=log, env=environment, start_new_session=True)
        self.running[name] = Node(name, process, environment)
        return self.running[name]

    def wait_for(self, count: int) -> None:
        """Return when so many nodes answer."""
        join = f"import ray; ray.init('127.0.0.1:{self.port}', log_to_driver=False)"
        ask = f"{join}; print(sum(node['Alive'] for node in ray.nodes()))"
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            found = subprocess.run(
                [sys.executable, "-c", ask], env=self.environment("head"), capture_output=True, text=True, check=False
            )
            if found.stdout.strip().endswith(str(count)):
                return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"no {count} nodes after {START_SECONDS:.0f} s: {found.stderr[-500:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def nodes(folder: Path, server: S3) -> Iterator[Nodes]:
    """Nodes that are ended with the block."""
    own = Nodes(folder, server)
    try:
        yield own
    finally:
        for node in own.running.values():
            node.kill()
