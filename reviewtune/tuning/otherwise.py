"""What an entry says of the same test reviews when they look otherwise: made alike, mistyped, halved and so on.

Shape letter: `N` reviews of the sample.
"""

import numpy as np
from numpy.typing import NDArray

from reviewtune.artifact_info import read_info
from reviewtune.data.missing import is_missing
from reviewtune.data.perturbations import variants
from reviewtune.data.texts import normalise
from reviewtune.evaluation.labels import has_both_classes
from reviewtune.evaluation.robustness import robustness
from reviewtune.leaderboard.entry import Entry
from reviewtune.schema import TEST, TEXT
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.plan import Study
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.scores_of_texts import scores_of_texts
from reviewtune.tuning.session import FAILURES, Cluster

MOST, MOST_ON_CPUS = 1000, 200
"""Test reviews of the sample unless a study says otherwise: with a GPU, and without one."""
LOOKS_FILE = "looks.parquet"
"""Beside an entry: id and score of each text that a review of the sample looks like."""


def with_robustness(study: Study, cluster: Cluster, entry: Entry, progress: Progress) -> Entry:
    """The entry with its scores on a sample of the test split in each look; what is known of as many reviews stays.

    Nothing is chosen by them, so an entry that cannot have them is an entry all the same, and it is said why.
    """
    if entry.test is None or entry.artifact is None or study.config.looks == 0:
        return entry
    rows = _sample(study, cluster)
    if entry.robustness and {scores.num_reviews for scores in entry.robustness.values()} == {len(rows)}:
        return entry
    if not has_both_classes(study.inputs.fake[rows]):
        progress.say(
            f"{entry.family}: the test reviews that are to be changed are all of one class, which tells nothing"
        )
        return entry
    texts: list[str] = study.inputs.reviews.table[TEXT].take(rows).to_pylist()
    looks = {name: list(map(_read, changed)) for name, changed in variants(texts, study.config.seed).items()}
    distinct = sorted({text for changed in looks.values() for text in changed if text})
    artifact = study.config.results_dir / entry.artifact
    try:
        info = read_info(artifact)
        scores = scores_of_texts(study, cluster, artifact, info, distinct, file=LOOKS_FILE)
        said = dict(zip(distinct, info.fake_probability(scores), strict=True))
    except FAILURES as error:
        progress.say(
            f"{entry.family}: it is not known what it says of reviews that look otherwise ({reason_of(error)})"
        )
        return entry
    found = robustness(lambda shown: [said[text] for text in shown], looks, study.inputs.fake[rows], info.threshold)
    return entry.model_copy(update={"robustness": found})


def drawn(units: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Numbers of at most so many of N reviews, in their order: whole units, drawn by the seed, the last one cut."""
    names, unit = np.unique(units, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(names))[unit]
    return np.sort(np.argsort(place, kind="stable")[:most]).astype(np.int64)


def _sample(study: Study, cluster: Cluster) -> NDArray[np.int64]:
    """Positions of the reviews of the sample, the same for all entries of a study."""
    positions, config = study.inputs.positions[TEST], study.config
    most = config.looks if config.looks is not None else MOST if cluster.gpus else MOST_ON_CPUS
    return positions[drawn(study.inputs.units_at(positions), most, config.seed)]


def _read(text: str) -> str:
    """A text as a classifier reads it; empty where it would find none."""
    spelled = normalise(text)
    return "" if is_missing(spelled) else spelled
