"""Embeddings, each review's once: encoded by a pool of Ray Data actors, kept as Parquet, opened as a Ray Dataset.

A folder holds the vectors of one encoder (and its revision, pooling, length and quantisation) by review id, which is a
hash of the text. Other data, or more of it, adds a file with what is new; nothing is encoded twice.
Shape letters: `N` reviews, `D` embedding width.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from numpy.typing import NDArray
from pyarrow import parquet

from reviewtune.data.store import content_key, write_parquet
from reviewtune.data.watching import tell
from reviewtune.errors import DataError, EncoderError
from reviewtune.schema import ID, TEXT
from reviewtune.storage.mirror import fetch
from reviewtune.tracebacks import reason_in

VECTOR = "vector"
BATCH_ROWS = 128
"""Reviews of like length that a block, and so a file, has at least."""
_MOST_BATCHES, _BLOCKS_AN_ACTOR = 16, 8
"""A block is of so many batches at most; each actor gets so many blocks at least, where there are."""
_COUNT = "count"
_PART_ROWS = 16_384
"""Vectors that are read at a time."""
LOOK_SECONDS = 0.5
"""Between two looks at how far the actors are."""


class EmbedsTexts(Protocol):
    """What an actor holds: built once from its arguments, then called batch by batch."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """(B, D) embeddings of B texts."""
        ...


@dataclass(frozen=True)
class EmbeddingFolder:
    """The embeddings of one encoder.

    Attributes:
        path: `<store>/embeddings/<key>`.
    """

    path: Path

    def ids(self) -> set[str]:
        """The reviews whose vectors are kept."""
        return set(self._kept(self._files()).to_pylist())

    def missing(self, reviews: pa.Table) -> pa.Table:
        """The rows of `reviews` (id, text) whose vectors are not kept yet."""
        return reviews.filter(pc.invert(pc.is_in(reviews[ID], value_set=self._kept(self._files())))).select([ID, TEXT])

    def array(self, ids: list[str]) -> NDArray[np.float32]:
        """(N, D) vectors of the reviews `ids`, in that order.

        Raises:
            DataError: One of them has not been encoded.
        """
        wanted = pa.array(ids, pa.string())
        files = self._files()
        places = pc.index_in(wanted, value_set=self._kept(files))
        if places.null_count:
            absent = wanted.filter(pc.is_null(places))[0]
            raise DataError(f"{self.path} has no vector of review {absent}: delete the folder, it is made again")
        row = np.asarray(places, dtype=np.int64)
        order = np.argsort(row, kind="stable")
        matrix: NDArray[np.float32] | None = None
        begin = 0
        # A part of the folder at a time: what is wanted of it goes where it is wanted.
        for part in self._vectors(files):
            if matrix is None:
                matrix = np.empty((len(ids), part.shape[1]), dtype=np.float32)
            own = order[slice(*np.searchsorted(row[order], [begin, begin + len(part)]))]
            matrix[own] = part[row[own] - begin]
            begin += len(part)
        assert matrix is not None, "there are places in no part"
        return matrix

    def _kept(self, files: list[Path]) -> pa.Array:
        """The ids of the vectors in some files, in the order of these and of the rows in them."""
        return pa.concat_arrays([pa.array([], pa.string()), *(batch[ID] for batch in self._read(files, ID))])

    def _vectors(self, files: list[Path]) -> Iterator[NDArray[np.float32]]:
        """The (B, D) vectors in the same order, part by part."""
        for batch in self._read(files, VECTOR):
            if len(batch):
                yield batch[VECTOR].flatten().to_numpy().reshape(len(batch), -1)

    def add(self, ids: list[str], vectors: NDArray[np.float32]) -> None:
        """Keep the (N, D) vectors of N texts, given by their ids, which have none yet."""
        write_parquet(_table(pa.array(ids, pa.string()), vectors), self.path / f"{uuid.uuid4().hex}.parquet")

    def dataset(self) -> Any:
        """The folder as a `ray.data.Dataset` with the columns id and vector."""
        import ray

        return ray.data.read_parquet([str(file) for file in self._files()])

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.parquet"))

    def _read(self, files: list[Path], column: str) -> Iterator[pa.RecordBatch]:
        if not files:
            return
        try:
            found = pads.dataset([str(file) for file in files], format="parquet")
            # Few at a time, in order: arrow reads sixteen ahead unless told.
            yield from found.to_batches(
                columns=[column], batch_size=_PART_ROWS, batch_readahead=1, fragment_readahead=1
            )
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{self.path} is damaged ({reason}): delete it, it is made again") from None


class _Actor:
    """Adapts an `EmbedsTexts` to Ray Data's blocks: keeps the vectors of a block, and returns how many these are."""

    def __init__(self, factory: type[Any], arguments: dict[str, Any], folder: Path) -> None:
        self.model: EmbedsTexts = factory(**arguments)
        self.folder = folder

    def __call__(self, block: pa.Table) -> pa.Table:
        vectors = self.model.embed(block[TEXT].to_pylist())
        # Named by what is in it: a block that is encoded again, after its worker died, is kept once.
        path = self.folder / f"{content_key(block[ID].to_pylist())}.parquet"
        write_parquet(_table(block[ID], vectors), path)
        return pa.table({_COUNT: [len(block)]})


def _table(ids: Any, vectors: NDArray[np.float32]) -> pa.Table:
    """N ids and their (N, D) vectors as the folder keeps them."""
    flat = pa.array(vectors.reshape(-1), pa.float32())
    return pa.table({ID: ids, VECTOR: pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})


def encode_missing(
    folder: EmbeddingFolder, reviews: pa.Table, factory: type[Any], arguments: dict[str, Any], *, cpus: int, gpus: int
) -> int:
    """Encode what `folder` lacks of `reviews`, exactly once each.

    Each actor writes the vectors of a block as soon as it has them, so that no process holds those of another, and what
    is encoded stays where the rest fails or is interrupted.

    Args:
        folder: Where the vectors are kept.
        reviews: Columns id and text.
        factory: Class of the encoder, an `EmbedsTexts`.
        arguments: It is built with these, once an actor.
        cpus: What Ray has: one actor a CPU, where there is no GPU.
        gpus: What Ray has: one actor a GPU.

    Returns:
        How many reviews were encoded.

    Raises:
        EncoderError: The encoder cannot be loaded, or fails.
    """
    import ray
    from ray.exceptions import RayError

    fetch(folder.path)
    missing = folder.missing(reviews)
    if not len(missing):
        return 0
    folder.path.mkdir(parents=True, exist_ok=True)
    # A task drives Ray Data, so that what Ray's C++ parts print about its actors goes to Ray's logs. Its process ends
    # with it: the actors of what failed would keep their CPUs for as long as it holds the error, and the next one wait.
    work, rows = ray.remote(num_cpus=0, max_calls=1)(_encode), dict.fromkeys(folder.path.glob("*.parquet"), 0)
    try:
        task = work.remote(missing, factory, arguments, folder.path, actors=max(1, gpus or cpus), gpus=gpus > 0)
        while not ray.wait([task], timeout=LOOK_SECONDS)[0]:
            tell("embedding", min(_come_since(folder.path, rows), len(missing)), len(missing))
        ray.get(task)
        fetch(folder.path)
    except RayError as error:
        raise EncoderError(f"the reviews cannot be encoded: {reason_in(str(error))}") from None
    return len(missing)


def _come_since(folder: Path, rows: dict[Path, int]) -> int:
    """Reviews in the files of a folder beside those that were there, whose numbers are looked up once.

    Args:
        folder: Of embeddings; of a bucket's, what this machine has written of it.
        rows: Of the files that are known; grows.
    """
    for file in folder.glob("*.parquet"):
        if file not in rows:
            rows[file] = parquet.read_metadata(file).num_rows
    return sum(rows.values())


def _encode(
    missing: pa.Table, factory: type[Any], arguments: dict[str, Any], folder: Path, *, actors: int, gpus: bool
) -> None:
    """Write the vectors of `missing` to `folder`, the longest texts first so that the actors end together."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    DataContext.get_current().enable_progress_bars = False
    longest_first = pc.array_sort_indices(pc.utf8_length(missing[TEXT]), order="descending")
    rows = BATCH_ROWS * min(max(1, len(missing) // (_BLOCKS_AN_ACTOR * actors * BATCH_ROWS)), _MOST_BATCHES)
    # Block by block into Ray's object store, which leaves to the disk what memory cannot hold.
    blocks = [
        ray.put(missing.take(longest_first.slice(start, rows)).combine_chunks())
        for start in range(0, len(missing), rows)
    ]
    encoded = ray.data.from_arrow_refs(blocks).map_batches(
        _Actor,
        fn_constructor_args=(factory, arguments, folder),
        batch_size=None,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=min(len(blocks), actors)),
        num_cpus=1,
        num_gpus=1 if gpus else 0,
    )
    encoded.materialize()
