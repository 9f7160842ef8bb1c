"""What is packed in a .gz, .bz2, .xz or .zip file, by the standard library."""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from reviewtune.data.kinds import TABLE_SUFFIXES, packing
from reviewtune.data.shown import listed, shown
from reviewtune.errors import DataError

LARGEST_BYTES = 2**31
"""Of a text file, unpacked: what holds more is read as Parquet, a column at a time."""

_PART_BYTES = 2**22
_OPEN: dict[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_DAMAGED = (EOFError, OSError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What those raise, RuntimeError where a password is wanted or the packing is unknown."""
_OF_A_MAC = re.compile(r"__MACOSX/|(.*/)?\.DS_Store")


def read_bytes(path: Path) -> tuple[str, bytes]:
    """The name that tells what a file holds, which for an archive may be that of what lies in it, and the bytes.

    Raises:
        DataError: It is damaged, encrypted, holds several files or more than `LARGEST_BYTES`.
        OSError: It cannot be read.
    """
    with opened(path) as (name, stream):
        return name, _read(stream, path)


@contextmanager
def opened(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The name, as `read_bytes` gives it, and what the bytes are read from; within the block nothing else may fail.

    Raises:
        DataError: It is damaged, encrypted or holds several files.
        OSError: It cannot be read.
    """
    packed = packing(path.name)
    with path.open("rb") as file:
        if packed is None:
            yield path.name, file
            return
        try:
            if packed == ".zip":
                with zipfile.ZipFile(file) as archive:
                    member = _only_member(archive, path)
                    with archive.open(member) as stream:
                        says = path.with_suffix("").suffix.lower() in TABLE_SUFFIXES
                        yield path.name if says else member.filename, stream
            else:
                with _OPEN[packed](file) as stream:
                    yield path.name, stream
        except _DAMAGED as error:
            raise DataError(
                f"{shown(path)} cannot be unpacked: {shown(' '.join(str(error).split()))}; pack it again, or unpack it"
            ) from None


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    files = [member for member in archive.infolist() if not member.filename.endswith("/")]
    members = [member for member in files if not _OF_A_MAC.match(member.filename)]
    if len(members) != 1:
        raise DataError(
            f"{shown(path)} holds {len(members)} files ({listed([member.filename for member in members])}): "
            "pack one file of reviews"
        )
    return members[0]


def _read(stream: IO[bytes], path: Path) -> bytes:
    # Bit by bit: the standard library takes the memory for all that it is asked for at once.
    parts: list[bytes] = []
    while part := stream.read(_PART_BYTES):
        parts.append(part)
        if len(parts) * _PART_BYTES > LARGEST_BYTES:
            raise DataError(f"{shown(path)} holds more than {LARGEST_BYTES:,} bytes of text: save it as .parquet")
    return b"".join(parts)
