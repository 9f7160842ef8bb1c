"""Train, validation and test without leaks: near-duplicates and groups never straddle two splits.

Shape letters: `N` reviews.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from reviewtune.data.assignment import assign_units, join_units, strata_of
from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.plain_columns import values_of
from reviewtune.data.reviews import Reviews
from reviewtune.data.shingles import VERSION
from reviewtune.data.split_report import SplitReport, report_split
from reviewtune.data.store import Store, content_key, read_parquet, report_in, write_parquet
from reviewtune.errors import DataError, UsageError
from reviewtune.schema import CLUSTER, FAKE, GROUP, ID, LABEL_NAMES, SOURCE, SPLIT, SPLITS, TEXT
from reviewtune.storage.mirror import fetch_once

SCHEMA = pa.schema([(ID, pa.string()), (SPLIT, pa.string()), (CLUSTER, pa.int64())])
MINIMUM_ROWS = 2
"""Least rows of each class in each split: below that neither a fit nor a score with an interval makes sense."""


@dataclass(frozen=True)
class Split:
    """Which review is in which split.

    Attributes:
        table: `SCHEMA`, sorted by id. Rows of one `cluster` are near-duplicates or share a group, by a chain of either.
        report: How it came out.
        sha256: 64 hex digits over ids and splits.
    """

    table: pa.Table
    report: SplitReport
    sha256: str

    def indices(self, reviews: Reviews) -> dict[str, NDArray[np.int64]]:
        """By split, the ascending row positions of its reviews in `reviews.table`.

        Raises:
            DataError: The split is of other reviews.

        Examples:
            >>> from reviewtune.data.reviews import load_reviews
            >>> reviews = load_reviews("sample")
            >>> positions = make_split(reviews).indices(reviews)
            >>> {name: len(rows) for name, rows in positions.items()}
            {'train': 720, 'validation': 80, 'test': 200}
        """
        if not self.table[ID].equals(reviews.table[ID]):
            raise DataError(
                f"the split holds {len(self.table):,} ids that are not those of the {len(reviews.table):,} reviews of "
                f"{reviews.name}: split them anew"
            )
        return {name: np.flatnonzero(pc.equal(self.table[SPLIT], name).to_numpy()) for name in SPLITS}


def make_split(
    reviews: Reviews,
    *,
    seed: int = 42,
    validation_size: float = 0.08,
    test_size: float = 0.20,
    threshold: float = 0.5,
) -> Split:
    """A split, stratified by class and source, that depends on the reviews' content and the arguments alone.

    Args:
        reviews: At least so many that each split gets `MINIMUM_ROWS` of each class.
        seed: Seeds the order in which units of equal size are assigned.
        validation_size: Share of the reviews in validation.
        test_size: Share of the reviews in test; the rest is train.
        threshold: Word 3-gram Jaccard similarity from which on two reviews stay together.

    Raises:
        UsageError: The sizes or the threshold are out of range.
        DataError: There are too few reviews of a class, or groups too large to put some into every split.

    Examples:
        >>> from reviewtune.data.reviews import load_reviews
        >>> split = make_split(load_reviews("sample"))
        >>> for line in split.report.lines():
        ...     print(line)
        train: 720 rows, 50.6% fake
        validation: 80 rows, 50.0% fake
        test: 200 rows, 50.5% fake
        near-duplicates: 65 rows in 31 clusters, each in one split
        a random split would have leaked: 7 of 200 test rows (3.5%) with a near-duplicate in train
    """
    if not (validation_size > 0 and test_size > 0 and validation_size + test_size < 1):
        raise UsageError(
            f"validation_size={validation_size} and test_size={test_size} must be above 0 and leave a part for train: "
            "their sum must be below 1"
        )
    if not 0 < threshold <= 1:
        raise UsageError(f"threshold={threshold} must be above 0 and at most 1: it is a Jaccard similarity")
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    strata = strata_of(fake, reviews.table[SOURCE].to_pylist())
    wanted = _targets(strata, validation_size, test_size)
    targets = np.stack([wanted[:, 0::2].sum(axis=1), wanted[:, 1::2].sum(axis=1)], axis=1)
    _check_wanted(targets, validation_size, test_size)
    clusters = near_duplicate_clusters(values_of(reviews.table[TEXT]), threshold=threshold)
    units = join_units(clusters, reviews.table[GROUP].to_pylist())
    split_of = assign_units(units, strata, wanted, seed)
    _check_filled(split_of, fake, units)
    report = report_split(split_of=split_of, fake=fake, targets=targets, clusters=clusters, units=units, seed=seed)
    splits = np.array(SPLITS)[split_of].tolist()
    table = pa.table([reviews.table[ID], pa.array(splits), pa.array(units)], schema=SCHEMA)
    return Split(table, report, _sha256(table))


def split_in_store(
    reviews: Reviews,
    store: Store,
    *,
    seed: int = 42,
    validation_size: float = 0.08,
    test_size: float = 0.20,
    threshold: float = 0.5,
) -> tuple[Split, Path]:
    """The split of these reviews under these settings and its file in the store; computed only where there is none.

    Raises:
        UsageError, DataError: As `make_split` and `read_split`.

    Examples:
        >>> from reviewtune.data.reviews import load_reviews
        >>> reviews, store = load_reviews("sample"), Store(Path("results"))
        >>> split, path = split_in_store(reviews, store)
        >>> split_in_store(reviews, store)[1] == path, split_in_store(reviews, store, seed=43)[1] == path
        (True, False)
    """
    settings = {"seed": seed, "validation_size": validation_size, "test_size": test_size, "threshold": threshold}
    path = store.splits / f"{content_key(reviews.sha256, settings, VERSION)}.parquet"
    if fetch_once(path).exists():
        return read_split(path), path
    split = make_split(reviews, seed=seed, validation_size=validation_size, test_size=test_size, threshold=threshold)
    write_parquet(split.table, path, {"report": asdict(split.report)})
    return split, path


def read_split(path: Path) -> Split:
    """The split in a file of the store, as `split_in_store` left it.

    Raises:
        DataError: The file is missing or damaged.

    Examples:
        >>> from reviewtune.data.reviews import load_reviews
        >>> split, path = split_in_store(load_reviews("sample"), Store(Path("results")))
        >>> read_split(path).report == split.report
        True
    """
    table, note = read_parquet(path, SCHEMA)
    return Split(table, report_in(note, SplitReport, path), _sha256(table))


def _targets(strata: NDArray[np.int64], validation_size: float, test_size: float) -> NDArray[np.int64]:
    """(3, S) reviews wanted of each stratum in each of `SPLITS`: genuine and fake ones of each source by turns."""
    available = np.bincount(strata, minlength=2 * (int(strata.max(initial=1)) // 2 + 1))
    held_out = np.array([np.round(available * size) for size in (validation_size, test_size)], dtype=np.int64)
    return np.vstack([available - held_out.sum(axis=0), held_out])


def _check_wanted(targets: NDArray[np.int64], validation_size: float, test_size: float) -> None:
    """Refuse (3, 2) genuine and fake reviews of which a split would want too few."""
    available = targets.sum(axis=0)
    sizes = (1 - validation_size - test_size, validation_size, test_size)
    split, label = np.unravel_index(np.argmin(targets), targets.shape)
    if targets[split, label] < MINIMUM_ROWS:
        raise DataError(
            f"{available[label]} {LABEL_NAMES[label]} reviews x {sizes[split]:.2g} ({SPLITS[split]}) = "
            f"{targets[split, label]} rows, fewer than the {MINIMUM_ROWS} that every split needs of each class: "
            f"give at least {int(np.ceil(MINIMUM_ROWS / min(sizes)))} reviews of each class or raise the share"
        )


def _check_filled(split_of: NDArray[np.int64], fake: NDArray[np.bool_], units: NDArray[np.int64]) -> None:
    """Refuse a split that large units have left without enough rows of a class."""
    for index, name in enumerate(SPLITS):
        for label, label_name in enumerate(LABEL_NAMES):
            rows = int(np.sum((split_of == index) & (fake == label)))
            if rows < MINIMUM_ROWS:
                raise DataError(
                    f"the {name} split gets {rows} {label_name} reviews, fewer than {MINIMUM_ROWS}: the {len(fake):,} "
                    f"reviews form {len(np.unique(units)):,} units that stay together, the largest of "
                    f"{np.bincount(units).max():,} rows; choose a --group-column with smaller groups, or none"
                )


def _sha256(table: pa.Table) -> str:
    digest = hashlib.sha256()
    for review, split in zip(values_of(table[ID]), values_of(table[SPLIT]), strict=True):
        digest.update(f"{review},{split}\n".encode())
    return digest.hexdigest()
