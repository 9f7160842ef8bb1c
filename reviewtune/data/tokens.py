"""Reviews as token ids, tokenised once: one flat array and the offsets of each review in it.

Shape letters: `N` reviews, `T` tokens of all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from reviewtune.data.store import read_parquet
from reviewtune.errors import DataError
from reviewtune.files import in_one_step
from reviewtune.storage.mirror import fetch_once

SCHEMA = pa.schema([("ids", pa.large_list(pa.int32()))])
_ROWS = 8192
"""Reviews that are tokenised, written or taken at a time."""


@dataclass(frozen=True)
class Tokens:
    """Token ids of N reviews.

    Attributes:
        ids: (T,) int32, all reviews one after the other.
        offsets: (N + 1,) int64; review n is `ids[offsets[n]:offsets[n + 1]]`.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each review."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def take(self, indices: NDArray[np.int64]) -> "Tokens":
        """The reviews at `indices`, in that order."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths[indices])]).astype(np.int64)
        ids = np.empty(offsets[-1], dtype=np.int32)
        # Some at a time: the places of the ids take twice the memory of these.
        for start in range(0, len(indices), _ROWS):
            ends = offsets[start : start + _ROWS + 1]
            shift = np.repeat(self.offsets[indices[start : start + _ROWS]] - ends[:-1], np.diff(ends))
            ids[ends[0] : ends[-1]] = self.ids[np.arange(ends[0], ends[-1]) + shift]
        return Tokens(ids, offsets)

    def followed_by(self, other: "Tokens") -> "Tokens":
        """These reviews, then those of `other`."""
        offsets = np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]])
        return Tokens(np.concatenate([self.ids, other.ids]), offsets)


def from_lists(lists: Sequence[Sequence[int] | NDArray[np.int32]]) -> Tokens:
    """Tokens of reviews given as one sequence of ids each.

    Examples:
        >>> tokens = from_lists([[7, 8], [9]])
        >>> len(tokens), tokens[1].tolist(), tokens.lengths.tolist()
        (2, [9], [2, 1])
    """
    offsets = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in lists], out=offsets[1:])
    return Tokens(np.fromiter(chain.from_iterable(lists), np.int32, offsets[-1]), offsets)


def tokens_in_store(path: Path, texts: Sequence[str], tokenize: Callable[[Sequence[str]], Tokens]) -> Tokens:
    """The tokens of `texts`, read from `path` where they are kept, otherwise made and kept there.

    Args:
        path: A Parquet file whose name holds the content key: of the texts, the tokenizer and the maximum length.
        texts: N reviews.
        tokenize: Makes those of some texts, which are given to it some thousands at a time.

    Raises:
        DataError: The kept file is damaged or holds other reviews.
    """
    if fetch_once(path).is_file():
        return _read(path, len(texts))
    with in_one_step(path) as partial, parquet.ParquetWriter(partial, SCHEMA) as writer:
        for start in range(0, len(texts), _ROWS):
            tokens = tokenize(texts[start : start + _ROWS])
            array = pa.LargeListArray.from_arrays(tokens.offsets, tokens.ids)
            writer.write_table(pa.table([array], schema=SCHEMA))
    return _read(path, len(texts))


def _read(path: Path, count: int) -> Tokens:
    table, _ = read_parquet(path, SCHEMA)
    if len(table) != count:
        raise DataError(f"{path} holds {len(table)} reviews, not {count}: delete it, it is made again")
    chunks = [chunk for chunk in table["ids"].chunks if len(chunk)]
    lengths = [np.diff(chunk.offsets.to_numpy()) for chunk in chunks]
    ids = [chunk.flatten().to_numpy() for chunk in chunks]
    offsets = np.concatenate([[0], *lengths]).cumsum().astype(np.int64)
    return Tokens(np.concatenate([np.zeros(0, np.int32), *ids]), offsets)
