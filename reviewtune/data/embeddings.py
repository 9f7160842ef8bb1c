"""Embeddings, each review's once: encoded by a pool of Ray Data actors, kept as Parquet, opened as a Ray Dataset.

A folder holds the vectors of one encoder (and its revision, pooling, length and quantisation) by review id, which is a
hash of the text. Other data, or more of it, adds a file with what is new; nothing is encoded twice.
Shape letters: `N` reviews, `D` embedding width.
"""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from numpy.typing import NDArray

from reviewtune.data.store import write_parquet
from reviewtune.data.watching import tell
from reviewtune.errors import DataError, EncoderError
from reviewtune.schema import ID, TEXT
from reviewtune.storage.mirror import fetch
from reviewtune.storage.place import bucket_of
from reviewtune.tracebacks import reason_in

VECTOR = "vector"
BATCH_ROWS = 128
"""Reviews that an actor takes at a time: of like length, so that little is padded."""
FILE_ROWS = 65_536
"""Reviews in a file that goes into a bucket."""
DONE = ".done"
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
        return set(self._read([ID])[ID].to_pylist()) if self._files() else set()

    def missing(self, reviews: pa.Table) -> pa.Table:
        """The rows of `reviews` (id, text) whose vectors are not kept yet."""
        known = pa.array(sorted(self.ids()), pa.string())
        return reviews.filter(pc.invert(pc.is_in(reviews[ID], value_set=known))).select([ID, TEXT])

    def array(self, ids: list[str]) -> NDArray[np.float32]:
        """(N, D) vectors of the reviews `ids`, in that order.

        Raises:
            DataError: One of them has not been encoded.
        """
        table = self._read([ID, VECTOR]) if self._files() else pa.table({ID: pa.array([], pa.string()), VECTOR: []})
        position = {review: row for row, review in enumerate(table[ID].to_pylist())}
        absent = next((review for review in ids if review not in position), None)
        if absent is not None:
            raise DataError(f"{self.path} has no vector of review {absent}: delete the folder, it is made again")
        # A chunk at a time: one Arrow array holds fewer than 2**31 values.
        parts = [chunk.flatten().to_numpy().reshape(len(chunk), -1) for chunk in table[VECTOR].chunks if len(chunk)]
        matrix = np.concatenate(parts)
        return np.ascontiguousarray(matrix[[position[review] for review in ids]])

    def add(self, ids: list[str], vectors: NDArray[np.float32]) -> None:
        """Keep the (N, D) vectors of N texts, given by their ids, which have none yet."""
        write_parquet(_table(pa.array(ids, pa.string()), vectors), self.path / f"{uuid.uuid4().hex}.parquet")

    def dataset(self) -> Any:
        """The folder as a `ray.data.Dataset` with the columns id and vector."""
        import ray

        return ray.data.read_parquet([str(file) for file in self._files()])

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.parquet"))

    def _read(self, columns: list[str]) -> pa.Table:
        try:
            return pads.dataset([str(file) for file in self._files()], format="parquet").to_table(columns=columns)
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"{self.path} is damaged ({reason}): delete it, it is made again") from None


class _Actor:
    """Adapts an `EmbedsTexts` to Ray Data's batches; leaves a byte in `folder` for each review that is done."""

    def __init__(self, factory: type[Any], arguments: dict[str, Any], folder: Path) -> None:
        self.model: EmbedsTexts = factory(**arguments)
        folder.mkdir(parents=True, exist_ok=True)
        self.done = folder / f"{uuid.uuid4().hex}{DONE}"

    def __call__(self, batch: pa.Table) -> pa.Table:
        vectors = self.model.embed(batch[TEXT].to_pylist())
        with self.done.open("ab") as file:
            file.write(b"." * len(batch))
        return _table(batch[ID], vectors)


def _table(ids: Any, vectors: NDArray[np.float32]) -> pa.Table:
    """N ids and their (N, D) vectors as the folder keeps them."""
    flat = pa.array(vectors.reshape(-1), pa.float32())
    return pa.table({ID: ids, VECTOR: pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})


def encode_missing(
    folder: EmbeddingFolder, reviews: pa.Table, factory: type[Any], arguments: dict[str, Any], *, cpus: int, gpus: int
) -> int:
    """Encode what `folder` lacks of `reviews`, exactly once each.

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
    partial = folder.path / f".partial-{uuid.uuid4().hex}"
    partial.mkdir(parents=True)
    shared = bucket_of(folder.path) is not None
    # A task drives Ray Data, so that what Ray's C++ parts print about its actors goes to Ray's logs.
    work = ray.remote(num_cpus=0)(_encode)
    try:
        written = folder.path if shared else None
        task = work.remote(missing, factory, arguments, partial, written, actors=max(1, gpus or cpus), gpus=gpus > 0)
        while not ray.wait([task], timeout=LOOK_SECONDS)[0]:
            # A batch that was encoded again, after its worker died, counts twice.
            tell("embedding", min(_done(partial), len(missing)), len(missing))
        ray.get(task)
        for file in sorted(partial.glob("*.parquet")):
            file.replace(folder.path / f"{uuid.uuid4().hex}.parquet")
        fetch(folder.path)
    except RayError as error:
        raise EncoderError(f"the reviews cannot be encoded: {reason_in(str(error))}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return len(missing)


def _done(folder: Path) -> int:
    """How many reviews the actors have encoded so far."""
    return sum(file.stat().st_size for file in folder.glob(f"*{DONE}"))


def _encode(
    missing: pa.Table,
    factory: type[Any],
    arguments: dict[str, Any],
    folder: Path,
    bucket: Path | None,
    *,
    actors: int,
    gpus: bool,
) -> None:
    """Write the vectors of `missing` to `folder`, the longest texts first so that the actors end together.

    With a bucket, whose mirror of this machine the driver does not see, they go there instead, file by file.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    DataContext.get_current().enable_progress_bars = False
    lengths = pc.utf8_length(missing[TEXT])
    longest_first = missing.take(pc.array_sort_indices(lengths, order="descending"))
    blocks = [longest_first.slice(start, BATCH_ROWS) for start in range(0, len(longest_first), BATCH_ROWS)]
    encoded = ray.data.from_arrow([block.combine_chunks() for block in blocks]).map_batches(
        _Actor,
        fn_constructor_args=(factory, arguments, folder),
        batch_size=BATCH_ROWS,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=min(len(blocks), actors)),
        num_cpus=1,
        num_gpus=1 if gpus else 0,
    )
    if bucket is None:
        encoded.write_parquet(str(folder))
        return
    for batch in encoded.iter_batches(batch_size=FILE_ROWS, batch_format="pyarrow"):
        write_parquet(batch, bucket / f"{uuid.uuid4().hex}.parquet")
