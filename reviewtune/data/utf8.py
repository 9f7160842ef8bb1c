"""Text that is read bit by bit, of which it is known in one line where it is none."""

import codecs
import io
from typing import IO, Any

from reviewtune.errors import DataError

_PART_BYTES = 2**16
_BINARY_BYTES = 1024
"""A NUL among the first so many tells that a file is no text."""


def text_of(stream: IO[bytes], name: str, newline: str | None, most_bytes: int | None = None) -> io.TextIOWrapper:
    """The text of a stream, without a byte order mark.

    Reading it raises DataError where it is not UTF-8, or binary.

    Args:
        stream: Read once, from where it stands.
        name: What to call it in a message.
        newline: As `open` takes it.
        most_bytes: After which it is refused; None: it may have any number.
    """
    raw = _Utf8(stream, name, most_bytes)
    return io.TextIOWrapper(io.BufferedReader(raw, _PART_BYTES), encoding="utf-8-sig", newline=newline)


class _Utf8(io.RawIOBase):
    """The bytes of a stream, each decoded on its way."""

    def __init__(self, stream: IO[bytes], name: str, most_bytes: int | None) -> None:
        self._stream, self._name, self._most = stream, name, most_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = self._lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._stream.read(len(buffer))
        pending = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(part, final=not part)
        except UnicodeDecodeError as error:
            at = self._offset - pending + error.start
            if not self._offset and b"\0" in part[:_BINARY_BYTES]:
                raise self._binary(part) from None
            line = self._lines + part.count(b"\n", 0, max(0, error.start - pending)) + 1
            raise DataError(
                f"{self._name} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at offset {at} (line {line}); "
                "save it as UTF-8"
            ) from None
        if not self._offset and b"\0" in part.partition(b"\n")[0]:
            raise self._binary(part)
        self._offset += len(part)
        self._lines += part.count(b"\n")
        if self._most is not None and self._offset > self._most:
            raise DataError(f"{self._name} holds more than {self._most:,} bytes of text: save it as .parquet")
        buffer[: len(part)] = part
        return len(part)

    def _binary(self, part: bytes) -> DataError:
        at = part.index(b"\0")
        return DataError(
            f"{self._name} is a binary file or UTF-16: there is a NUL byte at offset {at}; save it as UTF-8 text"
        )
