"""What a source may be, told without opening it: light, so that a wrong name is answered before anything heavy loads.

Nothing here imports pyarrow, pandas or what trains; a test holds that.
"""

import re
from pathlib import Path

from reviewtune.data.shown import shown
from reviewtune.errors import DataError

SAMPLE = "sample"
HUB_PREFIX = "hub:"
CSV_DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIX = ".parquet"
PACKED_SUFFIXES = (".gz", ".zip", ".bz2", ".xz")
KINDS = (
    f".csv, .tsv, .jsonl, .ndjson, .parquet (each also as {', '.join(PACKED_SUFFIXES)}), a folder of .parquet files, "
    f"{HUB_PREFIX}owner/name[@revision] or {SAMPLE}"
)

PLACE = re.compile(r"(s3|gs|gcs|abfss?|file)://")
"""How the names of places of Parquet begin that are no paths: pyarrow has a file system for each."""
TABLE_SUFFIXES = (*CSV_DELIMITERS, *JSON_SUFFIXES, PARQUET_SUFFIX)
_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def check_source(source: str) -> None:
    """Refuse a source that is not there or of no known kind. What it holds is not read, a hub is not asked.

    Args:
        source: One of `KINDS`. A file called `sample` is read as `./sample`.

    Raises:
        DataError: It is missing, empty, of an unknown kind, or names no data set of the hub.

    Examples:
        >>> check_source("sample")
        >>> check_source("hub:reviews")
        Traceback (most recent call last):
        reviewtune.errors.DataError: hub:reviews names no data set: write hub:owner/name or hub:owner/name@revision
    """
    if source == SAMPLE:
        return
    if source.startswith(HUB_PREFIX):
        hub_id(source)
        return
    try:
        _check_path(Path(source), source)
    except (OSError, ValueError) as error:
        # A name too long, a folder above it that may not be entered, a NUL in it.
        raise DataError(f"{shown(source)} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def hub_id(source: str) -> tuple[str, str | None]:
    """The repository and the revision, or None, that `hub:owner/name[@revision]` names.

    Raises:
        DataError: It names no data set.

    Examples:
        >>> hub_id("hub:owner/name@main")
        ('owner/name', 'main')
    """
    match = _HUB_ID.fullmatch(source.removeprefix(HUB_PREFIX))
    if match is None:
        raise DataError(
            f"{shown(source)} names no data set: write {HUB_PREFIX}owner/name or {HUB_PREFIX}owner/name@revision"
        )
    return match["repository"], match["revision"]


def packing(name: str) -> str | None:
    """The suffix of a packed file, in lower case; None where it is not packed.

    Examples:
        >>> packing("reviews.csv.gz"), packing("reviews.csv")
        ('.gz', None)
    """
    suffix = Path(name).suffix.lower()
    return suffix if suffix in PACKED_SUFFIXES else None


def table_suffix(name: str, source: str) -> str:
    """The suffix that tells how to read a file of this name, in lower case, without that of its packing.

    Args:
        name: The file, or the one that lies in an archive.
        source: What to call it in a message.

    Raises:
        DataError: Nothing reads such files, or the name of a packed one does not tell.
    """
    packed = packing(name)
    suffix = (Path(name).with_suffix("") if packed else Path(name)).suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return suffix
    if packed:
        raise DataError(
            f"{shown(source)} does not say what is packed in it: name it NAME.csv{packed} or alike; a source is {KINDS}"
        )
    raise DataError(
        f"{shown(source)} ends in '{shown(suffix) or 'no suffix'}', which has no reader: a source is {KINDS}"
    )


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files in a folder and those below it, in the order of their names.

    Raises:
        DataError: There is none.
    """
    files = sorted(file for file in folder.rglob(f"*{PARQUET_SUFFIX}") if file.is_file())
    if not files:
        raise DataError(f"the folder {shown(folder)} holds no {PARQUET_SUFFIX} file: a source is {KINDS}")
    return files


def _check_path(path: Path, source: str) -> None:
    if source.strip() and path.is_dir():
        parquet_files(path)
        return
    if not source.strip() or not path.exists():
        raise DataError(f"there is no file or folder {shown(source).strip() or 'without a name'}: a source is {KINDS}")
    if packing(source) != ".zip":  # What lies in an archive has a name of its own.
        table_suffix(source, source)
    if not path.is_file():
        raise DataError(f"{shown(source)} is neither a file nor a folder: a source is {KINDS}")
    if path.stat().st_size == 0:
        raise DataError(f"{shown(source)} is empty (0 bytes): export it again")
