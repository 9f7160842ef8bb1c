"""What an entry says of the same test reviews when they look otherwise: made alike, mistyped, halved and so on.

A text that is scored is known by its id, the hash of what it looks like: so its embedding lies in the store beside
those of the reviews, once for all heads, and an ensemble takes what was kept of its members. Shape letters: `N` reviews
of the sample, `T` texts.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.artifact_info import MEMBERS, ArtifactInfo, read_info
from reviewtune.data.embeddings import EmbeddingFolder
from reviewtune.data.missing import is_missing
from reviewtune.data.perturbations import variants
from reviewtune.data.store import note_of, write_parquet
from reviewtune.data.texts import normalise, text_id
from reviewtune.evaluation.labels import has_both_classes
from reviewtune.evaluation.robustness import robustness
from reviewtune.evaluation.stacking import Stacking
from reviewtune.families.registry import ENSEMBLE, get_family
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, Entry
from reviewtune.predict import load
from reviewtune.schema import ID, TEST, TEXT
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.inputs import embedding_folder
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import SCORE, kept_predictions
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.resources import trial_resources
from reviewtune.tuning.session import FAILURES, Cluster, on_worker

MOST, MOST_ON_CPUS = 1000, 200
"""Test reviews of the sample unless a study says otherwise: with a GPU, and without one."""
LOOKS_FILE = "looks.parquet"
"""Beside an entry: id and score of each text that a review of the sample looks like."""
MADE = "made"


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
        said = dict(
            zip(distinct, info.fake_probability(_scores(study, cluster, artifact, info, distinct)), strict=True)
        )
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


def _scores(
    study: Study, cluster: Cluster, artifact: Path, info: ArtifactInfo, texts: list[str]
) -> NDArray[np.float64]:
    """(T,) what an artifact says of T texts, of which `LOOKS_FILE` keeps what an earlier call found."""
    if info.family == ENSEMBLE:
        stacking, log_odds = Stacking.from_params(info.params), {}
        for name in stacking.weights:
            own = read_info(artifact / MEMBERS / name)
            log_odds[name] = own.calibration.log_odds(_scores(study, cluster, artifact / MEMBERS / name, own, texts))
        return stacking.apply(log_odds)
    path, ids = study.folder / info.family / LOOKS_FILE, list(map(text_id, texts))
    known = _known(path, info)
    missing = [text for text, own in zip(texts, ids, strict=True) if own not in known]
    if missing:
        form = get_family(info.family).inputs
        # Where heads have no GPU of their own, their base model has: it is what takes the time.
        resources = trial_resources(study.config, "texts" if form == "texts" else "tokens", cluster)
        work = on_worker(_say, cpus=resources.cpus, gpus=resources.gpus)
        encoder = study.encoder if form == "embeddings" else None
        kept = embedding_folder(study.inputs.store, encoder) if encoder else None
        known |= dict(zip(map(text_id, missing), work(artifact, missing, kept).tolist(), strict=True))
        write_parquet(pa.table({ID: ids, SCORE: [known[own] for own in ids]}), path, {MADE: info.created})
    return np.array([known[own] for own in ids])


def _known(path: Path, info: ArtifactInfo) -> dict[str, float]:
    """Scores by text id that this artifact gave: those of the test split as it is, and what an earlier call kept.

    Raises:
        StudyError: Of the test split there is nothing that can be used.
    """
    ids, scores = kept_predictions(path.with_name(PREDICTIONS_FILE), info.trial_id)
    as_they_are = dict(zip(ids.to_pylist(), scores.tolist(), strict=True))
    try:
        table = pq.read_table(path, columns=[ID, SCORE])
    except (pa.ArrowException, OSError, KeyError):
        return as_they_are
    kept = table if note_of(table).get(MADE) == info.created else table.slice(0, 0)
    return as_they_are | dict(zip(kept[ID].to_pylist(), kept[SCORE].to_pylist(), strict=True))


def _say(artifact: Path, texts: list[str], kept: EmbeddingFolder | None) -> NDArray[np.float64]:
    """(T,) scores of T texts by an artifact, with the embeddings that are kept, to which it adds what it makes."""
    classifier = load(artifact)
    model: Any = classifier.model
    if kept is None:
        return np.asarray(model.scores(classifier.read(texts)))
    by_id = {text_id(text): text for text in texts}
    missing = sorted(by_id.keys() - kept.ids())
    if missing:
        kept.add(missing, classifier.read([by_id[each] for each in missing]))
    return np.asarray(model.scores(kept.array([text_id(text) for text in texts])))
