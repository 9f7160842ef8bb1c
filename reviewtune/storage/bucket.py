"""A bucket, through pyarrow's file systems, or fsspec's where pyarrow has none: whole objects in, whole objects out."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
from pyarrow import fs

from reviewtune.errors import StorageError, UsageError

OF_PYARROW = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs")
ATTEMPTS = 8
"""Of a request that fails for the moment, with pauses that double: half a minute in all."""
CHUNK_BYTES = 16 * 2**20
"""That are read or written at a time."""
SECONDS = {"connect_timeout": 10.0, "request_timeout": 120.0}
WHOLE_ONLY_BY_NAME = ("local", "hdfs")
"""File systems that show a file while it is written: there it gets its name at the end."""


@dataclass(frozen=True)
class Object:
    """What lies under a key.

    Attributes:
        key: Of it.
        size: Bytes.
        changed: When it was written, in nanoseconds.
    """

    key: str
    size: int
    changed: int


@dataclass(frozen=True)
class Bucket:
    """Objects by key. Every method raises StorageError where the bucket cannot be reached or refuses.

    Attributes:
        address: `SCHEME://BUCKET`.
        files: Its file system.
        root: What a key comes after there.
    """

    address: str
    files: fs.FileSystem
    root: str

    def put(self, path: Path, key: str) -> None:
        """Write a file as an object: readers see the old one or the whole new one."""
        with self._asked():
            by_name = self.files.type_name in WHOLE_ONLY_BY_NAME
            place = self._at(f"{key}.partial" if by_name else key)
            if by_name:
                self.files.create_dir(place.rpartition("/")[0])
            # In a thread, which no Ctrl-C reaches: it would end the object where it stands, as if it were whole.
            with ThreadPoolExecutor(1) as pool:
                pool.submit(_upload, path, self.files, place).result()
            if by_name:
                self.files.move(place, self._at(key))

    def get(self, key: str, path: Path) -> None:
        """Write an object to a file that is not there yet.

        Raises:
            FileNotFoundError: There is none.
        """
        with self._asked(), self.files.open_input_stream(self._at(key)) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)

    def read(self, key: str) -> bytes | None:
        """A small object; None where there is none."""
        try:
            with self._asked(), self.files.open_input_stream(self._at(key)) as stream:
                content: bytes = stream.read()
        except FileNotFoundError:
            return None
        return content

    def kinds(self, *keys: str) -> list[str]:
        """Of each key `object`, `folder` (it begins other keys) or `nothing`."""
        names = {fs.FileType.File: "object", fs.FileType.Directory: "folder"}
        with self._asked():
            found = self.files.get_file_info([self._at(key) for key in keys])
        return [names.get(info.type, "nothing") for info in found]

    def must_exist(self) -> None:
        """Refuse a bucket that is not there; one that only begins names, as on a disk, is made when it is needed.

        Raises:
            StorageError: It is not there.
        """
        if self.root and self.files.type_name != "py" and self.kinds("") == ["nothing"]:
            raise StorageError(f"there is no bucket {self.address}: make it, or give another")

    def list(self, key: str) -> list[Object]:
        """All objects below a key, however deep; no key of ours is like one that would lead out of its folder."""
        with self._asked():
            select = fs.FileSelector(self._at(key), recursive=True, allow_not_found=True)
            found = self.files.get_file_info(select)
        # Some file systems begin a path with a slash, whatever was asked for.
        start = len(self._at("").strip("/"))
        return [
            Object(info.path.lstrip("/")[start:].lstrip("/"), info.size, info.mtime_ns or 0)
            for info in found
            if info.type == fs.FileType.File
            and not info.path.endswith(".partial")
            and not {".", ".."} & set(info.path.split("/"))
        ]

    def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        with self._asked():
            try:
                self.files.delete_file(self._at(key))
            except FileNotFoundError:
                return

    def delete_folder(self, key: str) -> None:
        """Remove all objects below a key, and what file systems keep of a folder that is empty."""
        with self._asked():
            try:
                self.files.delete_dir(self._at(key))
            except FileNotFoundError:
                return

    def copy(self, key: str, to: str) -> None:
        """Write an object under another key too; it goes through no machine of ours."""
        with self._asked():
            if self.files.type_name in WHOLE_ONLY_BY_NAME:
                self.files.create_dir(self._at(to).rpartition("/")[0])
            self.files.copy_file(self._at(key), self._at(to))

    def _at(self, key: str) -> str:
        return f"{self.root}/{key}".strip("/") if self.files.type_name != "local" else f"{self.root}/{key}"

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Tell in one line why the bucket did not do what it was asked; that nothing is there stays as it is."""
        try:
            yield
        except FileNotFoundError as error:
            if not _says(error, "no_such_bucket", "bucket does not exist", "container"):
                raise
            raise StorageError(_line(self.address, error)) from None
        except (OSError, pa.ArrowException) as error:
            raise StorageError(_line(self.address, error)) from None


@lru_cache(maxsize=16)
def open_bucket(address: str) -> Bucket:
    """The bucket of an address `SCHEME://BUCKET[?OPTIONS]`.

    Credentials are those that the environment has, as the bucket's own tools find them.

    Raises:
        UsageError: No file system is known for it, or an option is not.
        StorageError: It cannot be reached.
    """
    parts = urlsplit(address)
    shown = f"{parts.scheme}://{parts.netloc}"
    try:
        if parts.scheme == "s3":
            return Bucket(shown, _s3(parts.netloc, dict(parse_qsl(parts.query))), parts.netloc)
        if parts.scheme == "file":
            return Bucket(shown, fs.LocalFileSystem(), "")
        if parts.scheme in OF_PYARROW:
            return Bucket(shown, *fs.FileSystem.from_uri(address))
        import fsspec

        return Bucket(shown, fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(parts.scheme))), parts.netloc)
    except (ValueError, TypeError, ImportError, pa.ArrowInvalid) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{shown} cannot be opened ({reason}): give s3://, gs:// or abfs://, or a folder") from None
    except OSError as error:
        raise StorageError(_line(shown, error)) from None


def _s3(bucket: str, options: dict[str, str]) -> fs.FileSystem:
    endpoint = options.pop("endpoint_override", None)
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = options.pop("region", None) or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint:
        options["endpoint_override"] = endpoint
    elif not region:
        region = fs.resolve_s3_region(bucket)
    retried = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    # A small object goes up in one request.
    return fs.S3FileSystem(
        **options, **SECONDS, region=region or "us-east-1", retry_strategy=retried, allow_delayed_open=True
    )


def _upload(path: Path, files: fs.FileSystem, place: str) -> None:
    """Write a file as an object; it is there once the stream is closed, and `copy_files` is silent where that fails."""
    stream = files.open_output_stream(place)
    with path.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            stream.write(chunk)
    stream.close()


def _line(address: str, error: Exception) -> str:
    reason = " ".join(str(error).split())
    last = reason.rpartition("Details: ")[2]
    if _says(error, "no_such_bucket", "bucket does not exist", "nosuchbucket", "container does not exist"):
        return f"there is no bucket {address}: make it, or give another"
    if _says(error, "access_denied", "accessdenied", "forbidden", "http status 403", "credential", "permission"):
        return (
            f"{address} refuses ({reason[:200]}): set credentials in every node's environment that may list, read, "
            "write and delete there"
        )
    if _says(error, "network_connection", "curlcode", "could not connect", "timeout", "timed out", "resolve host"):
        return f"{address} cannot be reached ({last[-160:]}): check the network and the address; what is kept stays"
    return f"{address} did not do what it was asked ({reason[:240]}): the same command goes on from what is kept"


def _says(error: Exception, *words: str) -> bool:
    said = str(error).lower()
    return any(word in said for word in words)
