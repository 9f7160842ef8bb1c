"""An S3 server on this machine, by moto: real requests over HTTP, and objects in memory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

BUCKET = "reviews"
PATIENCE_SECONDS = 60
SERVE = """
import logging, sys, time
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(1e6)
"""


@dataclass(frozen=True)
class S3:
    """A server with one bucket.

    Attributes:
        endpoint: Where it listens.
        environment: What a process needs to find it and to be let in.
    """

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
        return {**keys, "AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}

    @property
    def address(self) -> str:
        """Of the bucket, for processes with that environment."""
        return f"s3://{BUCKET}"

    def files(self, **options: object) -> fs.S3FileSystem:
        keys = {"access_key": "any", "secret_key": "any", "region": "us-east-1"}
        return fs.S3FileSystem(endpoint_override=self.endpoint, **keys, **options)

    def download(self, prefix: str, folder: Path, part: str = "") -> Path:
        """What lies under a prefix and has `part` in its key, as any other tool would get it."""
        folder.mkdir(parents=True, exist_ok=True)
        files, local, start = self.files(), fs.LocalFileSystem(), f"{BUCKET}/{prefix}/"
        for info in files.get_file_info(fs.FileSelector(start, recursive=True, allow_not_found=True)):
            if info.type == fs.FileType.File and part in info.path:
                target = folder / info.path.removeprefix(start)
                target.parent.mkdir(parents=True, exist_ok=True)
                fs.copy_files(info.path, str(target), source_filesystem=files, destination_filesystem=local)
        return folder


@contextmanager
def s3_server() -> Iterator[S3]:
    process = subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True, env={**os.environ})
    try:
        assert process.stdout
        port = process.stdout.readline().strip()
        assert port, "moto did not start"
        server = S3(f"http://127.0.0.1:{port}")
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                server.files(allow_bucket_creation=True).create_dir(BUCKET)
                break
            except OSError:
                assert time.monotonic() < end, "moto does not answer"
        yield server
    finally:
        process.kill()
        process.wait()
