"""Reviews as token ids, tokenised once: one flat array and the offsets of each review in it.

Shape letters: `N` reviews, `T` tokens of all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reviewtune.data.store import read_parquet, write_parquet
from reviewtune.errors import DataError
from reviewtune.storage.mirror import fetch_once

SCHEMA = pa.schema([("ids", pa.large_list(pa.int32()))])


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
        parts = [self[int(index)] for index in indices]
        return from_lists(parts)

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
    ids = np.concatenate([np.asarray(ids, dtype=np.int32) for ids in lists]) if lists else np.zeros(0, np.int32)
    return Tokens(ids, offsets)


def tokens_in_store(path: Path, texts: Sequence[str], tokenize: Callable[[Sequence[str]], Tokens]) -> Tokens:
    """The tokens of `texts`, read from `path` where they are kept, otherwise made and kept there.

    Args:
        path: A Parquet file whose name holds the content key: of the texts, the tokenizer and the maximum length.
        texts: N reviews.
        tokenize: Makes them.

    Raises:
        DataError: The kept file is damaged or holds other reviews.
    """
    if fetch_once(path).is_file():
        return _read(path, len(texts))
    tokens = tokenize(texts)
    array = pa.LargeListArray.from_arrays(tokens.offsets, tokens.ids)
    write_parquet(pa.table([array], schema=SCHEMA), path)
    return tokens


def _read(path: Path, count: int) -> Tokens:
    table, _ = read_parquet(path, SCHEMA)
    if len(table) != count:
        raise DataError(f"{path} holds {len(table)} reviews, not {count}: delete it, it is made again")
    chunks = [chunk for chunk in table["ids"].chunks if len(chunk)]
    lengths = [np.diff(chunk.offsets.to_numpy()) for chunk in chunks]
    ids = [chunk.flatten().to_numpy() for chunk in chunks]
    offsets = np.concatenate([[0], *lengths]).cumsum().astype(np.int64)
    return Tokens(np.concatenate([np.zeros(0, np.int32), *ids]), offsets)
