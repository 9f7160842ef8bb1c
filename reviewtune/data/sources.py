"""Where reviews come from: a table of columns from a file, a folder of Parquet, the Hugging Face Hub or the sample.

Every reader either returns all rows or raises; a damaged file never loses rows in silence.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import json as arrow_json
from pyarrow import parquet

from reviewtune.data.hub import HUB_PREFIX, read_hub
from reviewtune.errors import DataError

SAMPLE = "sample"
CSV_DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_SUFFIXES = (".jsonl", ".ndjson")
PARQUET_SUFFIX = ".parquet"
_BINARY_BYTES = 1024
"""Where bytes are no text, a NUL among the first so many tells what they are."""
KINDS = (
    f".csv, .tsv, .jsonl, .ndjson, .parquet, a folder of .parquet files, {HUB_PREFIX}owner/name[@revision] or {SAMPLE}"
)


@dataclass(frozen=True)
class Source:
    """Rows as they were found.

    Attributes:
        name: What to call them in reports: a file or folder name, a hub id with its commit, or `sample`.
        table: All rows in the source's order. Columns of csv and tsv are strings, blank where a field is.
    """

    name: str
    table: pa.Table


def read_source(source: str) -> Source:
    """All rows of a source, at least one.

    Args:
        source: One of `KINDS`. A file called `sample` is read as `./sample`.

    Raises:
        DataError: The source is missing, empty, damaged, not UTF-8 or of an unknown kind.
    """
    if source == SAMPLE:
        from reviewtune.data.sample import generate

        found = Source(SAMPLE, generate())
    elif source.startswith(HUB_PREFIX):
        found = Source(*read_hub(source))
    else:
        path = Path(source)
        try:
            found = Source(path.resolve().name, _read_path(path))
        except pa.ArrowException as error:
            raise DataError(
                f"{source} is damaged or not what its name says: {_one_line(error)}; export it again"
            ) from None
        except OSError as error:
            raise DataError(f"{source} cannot be read: {error.strerror or _one_line(error)}") from None
    if found.table.num_rows == 0:
        raise DataError(f"{source} has no rows below its columns: give a source with labelled reviews, or `{SAMPLE}`")
    return found


def _read_path(path: Path) -> pa.Table:
    if path.is_dir():
        files = sorted(path.rglob(f"*{PARQUET_SUFFIX}"))
        if not files:
            raise DataError(f"the folder {path} holds no {PARQUET_SUFFIX} file: a source is {KINDS}")
        return pa.concat_tables([_read_parquet(file) for file in files], promote_options="default")
    if not path.exists():
        raise DataError(f"there is no file or folder {path}: a source is {KINDS}")
    suffix = path.suffix.lower()
    if suffix not in (*CSV_DELIMITERS, *JSON_SUFFIXES, PARQUET_SUFFIX):
        raise DataError(f"{path} ends in {suffix or 'no suffix'!r}, which has no reader: a source is {KINDS}")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes): export it again")
    if suffix == PARQUET_SUFFIX:
        return _read_parquet(path)
    text = _decode(path.read_bytes(), str(path))
    if suffix in CSV_DELIMITERS:
        return _parse_csv(path, text, CSV_DELIMITERS[suffix])
    raw = text.encode()
    # One block for the whole file: types are inferred from all rows, and no row is too long for its block.
    return arrow_json.read_json(
        pa.BufferReader(raw), arrow_json.ReadOptions(use_threads=False, block_size=len(raw) + 1)
    )


def _read_parquet(path: Path) -> pa.Table:
    # ParquetFile, unlike read_table, takes no columns from the names of the folders above.
    with parquet.ParquetFile(path) as file:
        return file.read()


def read_lines(raw: bytes, name: str) -> list[str]:
    """The lines of a stream, blank ones too, without their ends.

    Args:
        raw: All of it.
        name: What to call it in a message.

    Raises:
        DataError: It is not UTF-8 text.
    """
    text = _decode(raw, name).replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def _decode(raw: bytes, name: str) -> str:
    """The text in the bytes of a file, without a byte order mark."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in raw[:_BINARY_BYTES]:
            raise _binary(raw, name) from None
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} is not UTF-8 text: byte 0x{raw[error.start]:02x} at offset {error.start} (line {line}); "
            "save it as UTF-8"
        ) from None
    if "\0" in text.partition("\n")[0]:
        raise _binary(raw, name)
    return text


def _binary(raw: bytes, name: str) -> DataError:
    at = raw.index(b"\0")
    return DataError(f"{name} is a binary file or UTF-16: there is a NUL byte at offset {at}; save it as UTF-8 text")


def _parse_csv(path: Path, text: str, delimiter: str) -> pa.Table:
    """The rows of a csv text as string columns.

    The standard library's strict parser: pyarrow's takes a stray quote and merges all rows up to the next one.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        header = next(reader, [])
        for row in reader:
            # A blank line is an empty value where there is one column, and nothing where there are several.
            fields = row or [""] * (len(header) == 1)
            if fields and len(fields) != len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(fields)} fields where the header has {len(header)}; "
                    'quote fields that contain the delimiter, and double the quotes inside them ("")'
                )
            if fields:
                rows.append(fields)
    except csv.Error as error:
        raise DataError(
            f'{path}, line {reader.line_num}: {error}; double the quotes inside quoted fields ("")'
        ) from None
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], names=header)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
