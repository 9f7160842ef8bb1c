"""A profile of training reviews, without their texts: how usual others are among them, and whether a batch is alike.

Shape letters: `N` reviews, `R` references, `D` traits, `B` buckets of hashed tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.traits import BUCKETS, TRAITS, hashed_tokens, traits_of
from reviewtune.errors import ArtifactError, DataError
from reviewtune.evaluation.shift import Shift, at_least_as_high, compare
from reviewtune.stored import damage_explained

PROFILE_FILE = "profile.safetensors"
MOST_REFERENCES = 2000
MOST_COUNTED = 20_000
"""Reviews whose tokens are counted."""
MOST_COMPARED = 2000
"""Reviews of a batch that are compared with the training reviews, drawn at random."""
LARGEST_BYTES = 4 * 2**20
LARGEST = 1e4
"""Of any number in a profile: real ones are below a hundred."""
_SHAPES = {"rarity": (BUCKETS,), "unusual": (None,), "traits": (None, TRAITS), "fake": (None,)}
_TYPES = {"rarity": np.float16, "unusual": np.float32, "traits": np.float16, "fake": np.uint8}


@dataclass(frozen=True)
class Profile:
    """What is kept of the training reviews.

    Attributes:
        rarity: (B,) how rare the tokens of each bucket are: minus the log of their share, in units of a uniform one.
        unusual: (R,) mean rarity of references: training reviews whose tokens were not counted.
        traits: (R, D) of the same reviews.
        fake: (R,) whether each is fake.
    """

    rarity: NDArray[np.float32]
    unusual: NDArray[np.float64]
    traits: NDArray[np.float32]
    fake: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: Sequence[str], fake: NDArray[np.bool_], units: NDArray[np.int64]) -> Self:
        """The profile of N training reviews.

        Half of the units, or fewer where there are many, are held back as references; tokens are counted in the
        others, so that no review is judged by itself, a copy or a review of its own group.

        Args:
            texts: N, prepared.
            fake: (N,) true where the review is fake.
            units: (N,) equal where reviews are near-duplicates or share a group.

        Raises:
            DataError: All reviews are of one unit.
        """
        random = np.random.default_rng(0)
        _, unit, size = np.unique(units, return_inverse=True, return_counts=True)
        if len(size) < 2:
            raise DataError(
                f"a profile needs two unrelated reviews, and {len(texts)} related ones are given: give more"
            )
        drawn = random.permutation(len(size))
        wanted = min(MOST_REFERENCES, len(texts) // 2)
        last = int(np.searchsorted(size[drawn].cumsum(), wanted)) + 1
        held = np.isin(unit, drawn[: min(last, len(size) - 1)])
        counted = random.permutation(np.flatnonzero(~held))[:MOST_COUNTED]
        references = np.sort(random.permutation(np.flatnonzero(held))[:MOST_REFERENCES])
        rarity = _rarity([texts[row] for row in counted])
        own = [texts[row] for row in references]
        return cls(rarity, _unusual(own, rarity), _stored(traits_of(own)), fake[references])

    def familiar(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N,) how usual each text is: the share of references that are at least as unusual, above 0 and at most 1.

        Uniform for new reviews of the training reviews' source.
        """
        return at_least_as_high(_unusual(texts, self.rarity), self.unusual)

    def shift(self, texts: Sequence[str]) -> Shift | None:
        """How a batch of N reviews differs from the training reviews; None where there are too few to say.

        Exact copies count once. Of more than `MOST_COMPARED` a sample is compared.
        """
        single = list(dict.fromkeys(texts))
        if len(single) > MOST_COMPARED:
            rows = np.random.default_rng(0).choice(len(single), MOST_COMPARED, replace=False)
            single = [single[row] for row in rows]
        return compare(_stored(traits_of(single)), self.traits, self.fake)

    def save(self, folder: Path) -> None:
        """Write `profile.safetensors`."""
        from safetensors.numpy import save_file

        values = {name: np.ascontiguousarray(getattr(self, name), dtype=kind) for name, kind in _TYPES.items()}
        save_file(values, folder / PROFILE_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The profile in an artifact's folder.

        Raises:
            ArtifactError: The file is missing or damaged, or holds anything else.
        """
        path = folder / PROFILE_FILE
        with damage_explained(ArtifactError, str(path), "copy or export the artifact again"):
            values = _checked(path)
            return cls(
                values["rarity"].astype(np.float32),
                values["unusual"].astype(np.float64),
                values["traits"].astype(np.float32),
                values["fake"].astype(np.bool_),
            )


def _checked(path: Path) -> dict[str, NDArray[np.generic]]:
    """The tensors of a profile: of the names, types, shapes and range that they should have."""
    from safetensors.numpy import load

    if (size := path.stat().st_size) > LARGEST_BYTES:
        raise ValueError(f"it has {size:,} bytes, and {LARGEST_BYTES:,} at most are read")
    values = load(path.read_bytes())
    if values.keys() != _TYPES.keys():
        raise ValueError(f"it must hold {', '.join(_TYPES)}, not {', '.join(sorted(values))[:200]}")
    rows = len(np.atleast_1d(values["unusual"]))
    for name, value in values.items():
        shape = tuple(rows if length is None else length for length in _SHAPES[name])
        if value.dtype != _TYPES[name] or value.shape != shape:
            raise ValueError(
                f"{name} must be {np.dtype(_TYPES[name])} of {list(shape)}, not {value.dtype} of {list(value.shape)}"
            )
        largest = 1 if name == "fake" else LARGEST
        if not (np.abs(value.astype(np.float64)) <= largest).all():
            raise ValueError(f"{name} must hold finite numbers of at most {largest:g}")
    if not 1 <= rows <= MOST_REFERENCES:
        raise ValueError(f"it must hold 1 to {MOST_REFERENCES:,} references, not {rows:,}")
    return values


def _rarity(texts: Sequence[str]) -> NDArray[np.float32]:
    """(B,) minus the log of each bucket's share of all tokens, each counted once more than it is, times B."""
    hashes, _ = hashed_tokens([text.casefold() for text in texts])
    counts = 1.0 + np.bincount(hashes % BUCKETS, minlength=BUCKETS)
    return np.asarray(np.log(counts.sum() / BUCKETS / counts).astype(np.float16), dtype=np.float32)


def _unusual(texts: Sequence[str], rarity: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) mean rarity of each text's tokens; 0, that of a uniform share, where it has none. As float32 keeps it."""
    hashes, ends = hashed_tokens([text.casefold() for text in texts])
    sums = np.concatenate([[0.0], rarity[hashes % BUCKETS].astype(np.float64).cumsum()])
    means = np.diff(sums[ends]) / np.maximum(1, np.diff(ends))
    return means.astype(np.float32).astype(np.float64)


def _stored(traits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The traits as a file keeps them, so that nothing differs by having been stored."""
    return traits.clip(-LARGEST, LARGEST).astype(np.float16).astype(np.float32)
