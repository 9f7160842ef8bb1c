from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data import embeddings
from reviewtune.data.embeddings import BATCH_ROWS, VECTOR, EmbeddingFolder, encode_missing
from reviewtune.data.watching import watched
from reviewtune.errors import DataError, EncoderError
from reviewtune.schema import ID, TEXT

WIDTH = 3


def counting_encoder() -> type[Any]:
    """Embeds a text as its number, and notes which texts it was given. Local, so that Ray sends the class itself."""

    class CountingEncoder:
        def __init__(self, log: str) -> None:
            self.log = log

        def embed(self, texts: list[str]) -> Any:
            import uuid
            from pathlib import Path

            import numpy as np

            assert len(texts) <= 128
            Path(self.log, uuid.uuid4().hex).write_text("\n".join(texts))
            return np.array([[int(text.split()[0]), len(text), 0.5] for text in texts], dtype=np.float32)

    return CountingEncoder


def failing_encoder(where: str) -> type[Any]:
    class FailingEncoder:
        def __init__(self) -> None:
            from reviewtune.errors import EncoderError

            if where == "loading":
                raise EncoderError("the base model of x cannot be loaded: mend it")

        def embed(self, texts: list[str]) -> Any:
            raise RuntimeError("out of memory\nand more lines: of this")

    return FailingEncoder


def make_reviews(numbers: range) -> pa.Table:
    texts = [f"{number} {'word ' * (number % 7)}" for number in numbers]
    return pa.table({ID: [f"id{number:04}" for number in numbers], TEXT: texts, "fake": [True] * len(texts)})


def encode(folder: EmbeddingFolder, reviews: pa.Table, log: Path) -> int:
    log.mkdir(exist_ok=True)
    return encode_missing(folder, reviews, counting_encoder(), {"log": str(log)}, cpus=2, gpus=0)


def encoded(log: Path) -> Counter[int]:
    return Counter(int(line.split()[0]) for file in log.iterdir() for line in file.read_text().splitlines())


def store(folder: EmbeddingFolder, numbers: range) -> None:
    """What `encode_missing` leaves, without Ray."""
    vectors = pa.array([[number, 1.0, 0.5] for number in numbers], pa.list_(pa.float32(), WIDTH))
    folder.path.mkdir(parents=True, exist_ok=True)
    table = pa.table({ID: [f"id{number:04}" for number in numbers], VECTOR: vectors})
    parquet.write_table(table, folder.path / f"{numbers.start}.parquet", row_group_size=4)


def slow_encoder() -> type[Any]:
    class SlowEncoder:
        def embed(self, texts: list[str]) -> Any:
            import time

            import numpy as np

            time.sleep(1)
            return np.zeros((len(texts), 3), dtype=np.float32)

    return SlowEncoder


def test_it_is_told_how_many_reviews_are_encoded(local_ray: None, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    reviews = make_reviews(range(3 * BATCH_ROWS + 1))
    with watched(lambda *count: told.append(count)):
        encode_missing(EmbeddingFolder(tmp_path / "e"), reviews, slow_encoder(), {}, cpus=1, gpus=0)
    assert {(what, total) for what, _, total in told} == {("embedding", len(reviews))}
    counts = [done for _, done, _ in told]
    assert counts == sorted(counts)
    assert {BATCH_ROWS, 2 * BATCH_ROWS} <= set(counts)


def test_each_review_is_encoded_once(local_ray: None, tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path / "embeddings")
    some, more = make_reviews(range(2 * BATCH_ROWS + 30)), make_reviews(range(2 * BATCH_ROWS + 45))
    assert encode(folder, some, tmp_path / "first") == len(some)
    assert encoded(tmp_path / "first") == Counter(range(len(some)))
    assert encode(folder, some, tmp_path / "second") == 0
    assert encoded(tmp_path / "second") == Counter()
    assert encode(folder, more, tmp_path / "third") == 15
    assert encoded(tmp_path / "third") == Counter(range(len(some), len(more)))
    ids = more[ID].to_pylist()[::-1]
    vectors = folder.array(ids)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(ids), WIDTH))
    assert vectors[:, 0].tolist() == list(range(len(ids)))[::-1]
    assert [path for path in folder.path.iterdir() if path.suffix != ".parquet"] == []
    dataset = folder.dataset()
    assert dataset.count() == len(more)
    assert {row[ID]: row[VECTOR][0] for row in dataset.take_all()} == {f"id{n:04}": n for n in range(len(more))}


@pytest.mark.parametrize(
    ("where", "line"),
    [("loading", "the base model of x cannot be loaded: mend it"), ("encoding", "RuntimeError: out of memory")],
)
def test_a_failing_encoder_is_an_error_in_one_line(local_ray: None, tmp_path: Path, where: str, line: str) -> None:
    folder = EmbeddingFolder(tmp_path / "embeddings")
    with pytest.raises(EncoderError) as error:
        encode_missing(folder, make_reviews(range(3)), failing_encoder(where), {}, cpus=2, gpus=0)
    assert str(error.value) == f"the reviews cannot be encoded: {line}"
    assert list(folder.path.iterdir()) == []


def test_vectors_come_in_the_order_asked_for(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path)
    store(folder, range(10, 20))
    store(folder, range(10))
    assert folder.array(["id0012", "id0003", "id0012", "id0019"])[:, 0].tolist() == [12, 3, 12, 19]
    assert folder.ids() == {f"id{number:04}" for number in range(20)}


def test_missing_are_the_reviews_without_a_vector(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path / "embeddings")
    reviews = make_reviews(range(8))
    assert folder.missing(reviews).equals(reviews.select([ID, TEXT]))
    store(folder, range(5))
    assert folder.missing(reviews)[ID].to_pylist() == ["id0005", "id0006", "id0007"]


@pytest.mark.parametrize("stored", [range(0), range(3)])
def test_a_review_without_a_vector_is_named(tmp_path: Path, stored: range) -> None:
    folder = EmbeddingFolder(tmp_path)
    if stored:
        store(folder, stored)
    with pytest.raises(DataError, match="no vector of review id0007"):
        folder.array(["id0007"])


@pytest.mark.parametrize("harm", ["empty", "cut short", "other columns"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, harm: str) -> None:
    folder = EmbeddingFolder(tmp_path)
    store(folder, range(5))
    path = tmp_path / "0.parquet"
    if harm == "other columns":
        parquet.write_table(pa.table({"x": [1]}), path)
    else:
        path.write_bytes(path.read_bytes()[:-30] if harm == "cut short" else b"")
    for read in (folder.ids, lambda: folder.array(["id0001"])):
        with pytest.raises(DataError, match="delete it, it is made again") as refusal:
            read()
        assert "\n" not in str(refusal.value)
        assert str(tmp_path) in str(refusal.value)


def test_vectors_that_were_made_elsewhere_are_added(tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path / "new")
    first, second = np.eye(2, WIDTH, dtype=np.float32), np.full((1, WIDTH), 7, dtype=np.float32)
    folder.add(["b", "a"], first)
    folder.add(["c"], second)
    assert folder.ids() == {"a", "b", "c"}
    np.testing.assert_array_equal(folder.array(["c", "a", "b"]), np.concatenate([second, first[::-1]]))


def breaking_encoder() -> type[Any]:
    class BreakingEncoder:
        def embed(self, texts: list[str]) -> Any:
            import numpy as np

            if any(text.startswith("300 ") for text in texts):
                raise RuntimeError("out of memory")
            return np.array([[int(text.split()[0]), len(text), 0.5] for text in texts], dtype=np.float32)

    return BreakingEncoder


def test_what_is_encoded_stays_where_the_rest_fails(local_ray: None, tmp_path: Path) -> None:
    folder = EmbeddingFolder(tmp_path / "embeddings")
    # The shortest text is in the last block.
    reviews = make_reviews(range(301)).append_column("length", pa.array([9] * 300 + [0]))
    reviews = reviews.set_column(1, TEXT, pa.array([f"{n} word" if n < 300 else "300 " for n in range(301)]))
    with pytest.raises(EncoderError, match="out of memory"):
        encode_missing(folder, reviews, breaking_encoder(), {}, cpus=1, gpus=0)
    kept = folder.ids()
    assert len(kept) == 2 * BATCH_ROWS
    assert encode(folder, reviews, tmp_path / "log") == 301 - len(kept)
    assert folder.array(reviews[ID].to_pylist())[:, 0].tolist() == list(range(301))


def test_a_folder_of_many_parts_is_read_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_PART_ROWS", 3)
    folder = EmbeddingFolder(tmp_path)
    rng = np.random.default_rng(0)
    numbers = rng.permutation(60)
    for some in np.split(numbers, 6):
        folder.add([f"id{number:04}" for number in some], np.tile(some[:, None], (1, WIDTH)).astype(np.float32))
    asked = rng.integers(60, size=200)
    vectors = folder.array([f"id{number:04}" for number in asked])
    np.testing.assert_array_equal(vectors, np.tile(asked[:, None], (1, WIDTH)))
    assert folder.array(["id0007"]).tolist() == [[7.0] * WIDTH]
    assert folder.array([]).shape[0] == 0
