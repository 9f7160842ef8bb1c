"""What `predict` costs by the length of its input: CPU seconds a thousand reviews and the peak of its memory.

Each length is a process of its own. The peer, for lengths up to `--peer-rows`, is what one would write in five lines:
pandas reads the file, scikit-learn's pipeline scores all of it, pandas writes it.

    python benchmarks/labelling.py [--rows 10000 100000 1000000] [--kind csv] [--artifact DIR] [--output labelling.json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from reviewtune.data.sample import generate
from reviewtune.tables import table_writer

PART_ROWS = 50_000
PEER = """
import sys, pandas as pd, reviewtune
classifier = reviewtune.load(sys.argv[1])
read, write = (pd.read_parquet, "to_parquet") if sys.argv[2].endswith(".parquet") else (pd.read_csv, "to_csv")
table = read(sys.argv[2])
table["fake_probability"] = classifier.fake_probability(table["text"])
getattr(table, write)(sys.argv[3], index=False)
"""


def parts(rows: int) -> Iterator[pa.Table]:
    """Reviews of the sample again and again, each with a number that makes it another one."""
    texts, random = generate()["text"].to_pylist(), np.random.default_rng(0)
    for start in range(0, rows, PART_ROWS):
        numbers = range(start, min(rows, start + PART_ROWS))
        drawn = random.integers(0, len(texts), len(numbers))
        yield pa.table(
            {"id": [*map(str, numbers)], "text": [f"{texts[row]} {n}" for row, n in zip(drawn, numbers, strict=True)]}
        )


def make_artifact(folder: Path) -> Path:
    """TF-IDF of the sample, in its default configuration."""
    words = ["tune", "--data", "sample", "--families", "tfidf", "--num-trials", "1", "--finalists", "0"]
    subprocess.run([sys.executable, "-m", "reviewtune", *words, "--results-dir", str(folder)], check=True)
    return next((folder / "artifacts").iterdir())


def cost(words: list[str]) -> dict[str, float]:
    """CPU seconds, seconds and the peak of the memory of a process."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(words[:4])} ended with {status}")
    return {
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "seconds": time.perf_counter() - begun,
        "peak_mib": used.ru_maxrss / 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--kind", choices=["csv", "jsonl", "parquet"], default="csv")
    parser.add_argument("--peer-rows", type=int, default=20_000)
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--output", type=Path)
    told = parser.parse_args()
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        artifact = str(told.artifact or make_artifact(here / "results"))
        for rows in told.rows:
            source, output = here / f"in.{told.kind}", here / f"out.{told.kind}"
            with table_writer(source, f".{told.kind}") as write:
                for part in parts(rows):
                    write(part)
            words = ["predict", "--artifact", artifact, "--input", str(source), "--output", str(output)]
            measured = {"reviewtune predict": cost(["-m", "reviewtune", *words])}
            if rows <= told.peer_rows and told.kind != "jsonl":
                measured["all at once"] = cost(["-c", PEER, artifact, str(source), str(output)])
            for name, each in measured.items():
                found.append({"name": name, "rows": rows, **each})
                print(
                    f"{name:20} {rows:>10,} reviews  {each['cpu_seconds']:8.1f} s of CPU  "
                    f"{1000 * each['cpu_seconds'] / rows:6.2f} s a thousand  {each['peak_mib']:7.0f} MiB at most",
                    flush=True,
                )
            if told.kind == "parquet":
                assert parquet.read_metadata(output).num_rows == rows
    if told.output:
        told.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
