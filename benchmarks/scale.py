"""What each station of the data's way costs by the number of reviews: CPU microseconds a review, and peak memory.

The reviews are made of those of `--data` (`many_reviews`). Each station runs in a process of its own, on the files that
those before it have left, after it has run on a few reviews, for what it imports; its memory is that process's, Python
and libraries within. CPU seconds are those of all threads: others at work on the machine count for little.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDTH = 384
FILE_ROWS = 16_384
FEW, FEW_ROWS = "few", 500


def load(folder: Path) -> None:
    """The table to validated reviews in the store."""
    from reviewtune.data.reviews import load_reviews, reviews_in_store
    from reviewtune.data.store import Store

    kept = reviews_in_store(load_reviews(str(folder / "made.parquet")), Store(folder))
    kept.rename(folder / "reviews.parquet")


def clusters(folder: Path) -> None:
    """Texts to near-duplicate clusters."""
    from reviewtune.data.duplicates import near_duplicate_clusters
    from reviewtune.data.plain_columns import values_of

    near_duplicate_clusters(values_of(_column(folder, "text")))


def split(folder: Path) -> None:
    """Reviews to a split, clusters within, and to five folds of a part of it."""
    from reviewtune.data.folds import make_folds
    from reviewtune.data.reviews import read_reviews
    from reviewtune.data.splits import make_split

    reviews = read_reviews(folder / "reviews.parquet")
    made = make_split(reviews)
    train = made.indices(reviews)["train"]
    fake = reviews.table["fake"].to_numpy(zero_copy_only=False)[train]
    make_folds(made.table["cluster"].to_numpy()[train], fake, folds=5, seed=0)


def tokens(folder: Path) -> None:
    """Texts to MiniLM's tokens in the store, and nine tenths of them taken as training rows."""
    import numpy as np

    from reviewtune.data.tokens import tokens_in_store
    from reviewtune.encoders.encode import tokenize
    from reviewtune.encoders.loading import load_tokenizer
    from reviewtune.encoders.registry import resolve_encoder

    encoder = resolve_encoder("minilm")
    tokenizer = load_tokenizer(encoder)
    texts = _column(folder, "text").to_pylist()
    made = tokens_in_store(folder / "tokens.parquet", texts, lambda some: tokenize(tokenizer, some, encoder.max_length))
    made.take(np.flatnonzero(np.arange(len(made)) % 10))


def vectors(folder: Path) -> None:
    """Embeddings: which are missing, and all of them as one array; MiniLM's width, drawn at random."""
    import pyarrow as pa

    from reviewtune.data.embeddings import EmbeddingFolder

    kept = EmbeddingFolder(folder / "embeddings")
    ids = _column(folder, "id")
    assert not len(kept.missing(pa.table({"id": ids, "text": ids})))
    assert kept.array(ids.to_pylist()).shape == (len(ids), WIDTH)


STATIONS: list[Callable[[Path], None]] = [load, clusters, split, tokens, vectors]


def _column(folder: Path, name: str) -> Any:
    from pyarrow import parquet

    return parquet.read_table(folder / "reviews.parquet", columns=[name])[name]


def _draw_vectors(folder: Path) -> None:
    import numpy as np

    from reviewtune.data.embeddings import EmbeddingFolder

    rng = np.random.default_rng(0)
    ids = _column(folder, "id").to_pylist()
    for start in rng.permutation(range(0, len(ids), FILE_ROWS)):
        some = ids[start : start + FILE_ROWS]
        EmbeddingFolder(folder / "embeddings").add(some, rng.random((len(some), WIDTH), dtype=np.float32))


def measured(station: str, folder: Path) -> dict[str, float]:
    """CPU seconds and peak bytes of a station in a process of its own."""
    command = [sys.executable, __file__, "--station", station, "--folder", str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def _run(station: str, folder: Path) -> None:
    work = {one.__name__: one for one in [*STATIONS, _draw_vectors]}[station]
    if (folder / FEW).is_dir():
        work(folder / FEW)
    before = time.process_time()
    work(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": time.process_time() - before, "bytes": peak}))


def main() -> None:
    """Print a row a station."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="sample", help="labelled reviews that others are made of")
    parser.add_argument("--fake-label")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--stations", nargs="+", default=[one.__name__ for one in STATIONS])
    parser.add_argument("--station", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where the files are left; default: nowhere")
    asked = parser.parse_args()
    if asked.station:
        _run(asked.station, asked.folder)
        return
    print("| reviews | station | CPU us a review | peak GiB |\n|---:|---|---:|---:|", flush=True)
    for rows in asked.rows:
        with tempfile.TemporaryDirectory(dir=asked.folder) as name:
            folder = Path(name)
            for count, where in ((FEW_ROWS, folder / FEW), (rows, folder)):
                where.mkdir(exist_ok=True)
                _make(asked.data, asked.fake_label, count, where)
            for station in asked.stations:
                if station == vectors.__name__:
                    measured("_draw_vectors", folder / FEW)
                    measured("_draw_vectors", folder)
                found = measured(station, folder)
                cost, peak = 1e6 * found["seconds"] / rows, found["bytes"] / 2**30
                print(f"| {rows:,} | {station} | {cost:.1f} | {peak:.2f} |", flush=True)


def _make(data: str, fake_label: str | None, rows: int, folder: Path) -> None:
    """The reviews, by another process, whose memory is not that of a station."""
    script = Path(__file__).with_name("many_reviews.py")
    label = ["--fake-label", fake_label] if fake_label else []
    output = ["--rows", str(rows), "--output", str(folder / "made.parquet")]
    subprocess.run([sys.executable, str(script), "--data", data, *label, *output], check=True)
    measured("load", folder)


if __name__ == "__main__":
    main()
