"""Reviews as token ids, tokenised once: one flat array and the offsets of each review in it.

Shape letters: `N` reviews, `T` tokens of all of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.data.store import write_parquet



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

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each review."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        return self.ids[self.offsets[index] : self.offsets[index + 1]]

    def take(self, indices: NDArray[np.int64]) -> "Tokens":
        """The reviews at `indices`, in that order."""
        parts = [self[int(index)] for index in indices]
        return from_lists(parts)


def from_lists(lists: Sequence[Sequence[int] | NDArray[np.int32]]) -> Tokens:
    """Tokens of reviews given as one sequence of ids each."""
    offsets = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in lists], out=offsets[1:])
    ids = np.concatenate([np.asarray(ids, dtype=np.int32) for ids in lists]) if lists else np.zeros(0, np.int32)
    return Tokens(ids, offsets)


def tokens_in_store(path: Path, texts: Sequence[str], tokenize: Callable[[Sequence[str]], "Tokens"]) -> Tokens:
    """The tokens of `texts`, read from `path` where they are kept, otherwise made and kept there.

    Args:
        path: A Parquet file whose name holds the content key: of the texts, the tokenizer and the maximum length.
        texts: N reviews.
        tokenize: Makes them.
    """
    if path.is_file():
        column = pq.read_table(path, columns=["ids"])["ids"].combine_chunks()
        offsets = column.offsets.to_numpy().astype(np.int64)
        return Tokens(column.flatten().to_numpy(), offsets - offsets[0])
    tokens = tokenize(texts)
    array = pa.LargeListArray.from_arrays(tokens.offsets, tokens.ids)
    write_parquet(pa.table({"ids": array}), path)
    return tokens
