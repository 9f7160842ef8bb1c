"""Where a bucket's objects lie on this machine: the address `s3://bucket/prefix/a` has a path in the mirror, and back.

The mirror is a folder of each machine's own. A path in it says by itself which address it stands for, so that whatever
is told a path can find the bucket. Between processes such a path travels as its address.
"""

import os
import re
from pathlib import Path, PosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

MIRROR = "REVIEWTUNE_MIRROR"
"""Names the folder that the mirror is made in. Default: the user's cache."""
FOLDER = "reviewtune-mirror"
LONGEST_NAME = 255
"""Bytes, of a folder: what file systems allow."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_OF_BUCKET = "%3A%2F%2F"
"""What is in the name of a bucket's folder in the mirror, and in few others."""
_MIRRORED = re.compile(rf"/[^\s'\"]*?/{FOLDER}/([a-z][a-z0-9+.-]*{_OF_BUCKET}[^/\s'\"]*)([^\s'\":;,)]*)")


class Mirrored(PosixPath):
    """A path in the mirror. A process of another machine that is sent it gets the path there."""

    def __reduce__(self) -> Any:
        """Travel as the address; what is above the mirror, as it is."""
        address = address_of(self)
        return (as_folder, (address,)) if address else (Path, (str(self),))


def is_address(value: object) -> bool:
    """Whether a value is `SCHEME://...`, as it is or as a path that lost a slash."""
    return _ADDRESS.match(str(value)) is not None


def as_folder(value: str | Path) -> Path:
    """The path of a folder: of an address that in the mirror, of anything else its own.

    Raises:
        UsageError: An address has no bucket, a password, or a part that is no name.

    Examples:
        >>> as_folder("results").as_posix()
        'results'
        >>> address_of(as_folder("s3://reviews/tuned/") / "leaderboard.json")
        's3://reviews/tuned/leaderboard.json'
    """
    return _mirrored(str(value)) if is_address(value) else Path(value)


def bucket_of(path: str | Path) -> tuple[str, str] | None:
    """The address of the bucket and the key that a path stands for; None where it is in no mirror."""
    text = str(path)
    if _OF_BUCKET not in text:
        return None
    parts = Path(text).parts
    at = next((place for place, part in enumerate(parts) if part == FOLDER), len(parts)) + 1
    if at >= len(parts) or _OF_BUCKET not in parts[at]:
        return None
    return unquote(parts[at]), "/".join(parts[at + 1 :])


def address_of(path: str | Path) -> str | None:
    """The address that a path stands for; None where it is in no mirror."""
    found = bucket_of(path)
    if found is None:
        return None
    bucket, _, options = found[0].partition("?")
    return bucket + (found[1] and f"/{found[1]}") + (options and f"?{options}")


def shown(path: str | Path) -> str:
    """A path as people gave it: an address where it stands for one."""
    return address_of(path) or str(path)


def named(text: str) -> str:
    """A text with the addresses in the place of the mirror's paths."""
    return _MIRRORED.sub(_address, text) if _OF_BUCKET in text else text


def _address(found: re.Match[str]) -> str:
    return address_of(found[0]) or found[0]


def _mirrored(address: str) -> Path:
    from reviewtune.errors import UsageError

    # A path that was made of an address has one slash where there were two.
    parts = urlsplit(_ADDRESS.sub(_with_slashes, address, count=1))
    if ":" in (parts.netloc.partition("@")[0] if "@" in parts.netloc else ""):
        raise UsageError(f"{parts.scheme}://{parts.hostname} must have no password in it: set it in the environment")
    if not parts.netloc and parts.scheme != "file":
        raise UsageError(f"{address} names no bucket: give {parts.scheme}://BUCKET/FOLDER")
    keys = parts.path.strip("/").split("/") if parts.path.strip("/") else []
    if any(key in ("", ".", "..") for key in keys) or parts.fragment:
        raise UsageError(f"{address} has a part that names nothing: give {parts.scheme}://{parts.netloc}/FOLDER")
    bucket = f"{parts.scheme}://{parts.netloc}" + (parts.query and f"?{parts.query}")
    folder = quote(bucket, safe="")
    if max(map(len, map(os.fsencode, [folder, *keys]))) > LONGEST_NAME:
        raise UsageError(f"{address} is too long for a folder to stand for it: give a shorter one")
    return Mirrored(mirror_root() / folder, *keys)


def _with_slashes(found: re.Match[str]) -> str:
    scheme = found[1].lower()
    return f"{scheme}:///" if scheme == "file" or found[0].endswith(":///") else f"{scheme}://"


def mirror_root() -> Path:
    """Where this machine's mirror is."""
    given = os.environ.get(MIRROR) or os.environ.get("XDG_CACHE_HOME")
    return (Path(given).expanduser() if given else Path.home() / ".cache").absolute() / FOLDER
