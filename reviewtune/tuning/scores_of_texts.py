"""What a study's artifacts say of texts outside of its splits: kept, so that nothing is scored or embedded twice.

A text is known by its id, the hash of what it looks like: so its embedding lies in the store beside those of the
reviews, once for all heads, and an ensemble takes what was kept of its members. Shape letter: `T` texts.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.artifact_info import MEMBERS, ArtifactInfo, read_info
from reviewtune.data.embeddings import EmbeddingFolder
from reviewtune.data.store import note_of, write_parquet
from reviewtune.data.texts import text_id
from reviewtune.errors import StudyError
from reviewtune.evaluation.stacking import Stacking
from reviewtune.families.registry import ENSEMBLE, code_of, get_family
from reviewtune.leaderboard.entry import PREDICTIONS_FILE
from reviewtune.predict import load
from reviewtune.schema import ID
from reviewtune.storage.mirror import fetch
from reviewtune.tuning.inputs import embedding_folder
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import SCORE, kept_predictions
from reviewtune.tuning.resources import trial_resources
from reviewtune.tuning.session import Cluster, on_worker

MADE = "made"


def scores_of_texts(
    study: Study, cluster: Cluster, artifact: Path, info: ArtifactInfo, texts: list[str], *, file: str
) -> NDArray[np.float64]:
    """(T,) what an artifact of a study says of T texts, which a worker scores unless it is known.

    Args:
        study: Whose.
        cluster: What Ray has.
        artifact: Its folder.
        info: What it is.
        texts: Prepared, none of them missing.
        file: Beside the entry, where what is found is kept for the next call; of an ensemble beside its members'.

    Raises:
        ReviewtuneError: The artifact is damaged, or the code of another package's family fails.
        OSError, RuntimeError, MemoryError: As `session.FAILURES` says.
    """
    if info.family == ENSEMBLE:
        stacking, log_odds = Stacking.from_params(info.params), {}
        for name in stacking.weights:
            own = read_info(artifact / MEMBERS / name)
            log_odds[name] = own.calibration.log_odds(
                scores_of_texts(study, cluster, artifact / MEMBERS / name, own, texts, file=file)
            )
        return stacking.apply(log_odds)
    path, ids = study.folder / info.family / file, list(map(text_id, texts))
    known = _known(path, info)
    missing = [text for text, own in zip(texts, ids, strict=True) if own not in known]
    if missing:
        form = get_family(info.family).inputs
        # Where heads have no GPU of their own, their base model has: it is what takes the time.
        resources = trial_resources(study.config, "texts" if form == "texts" else "tokens", cluster)
        work = on_worker(_say, cpus=resources.cpus, gpus=resources.gpus)
        encoder = study.encoder if form == "embeddings" else None
        kept = embedding_folder(study.inputs.store, encoder) if encoder else None
        with code_of([info.family]):
            known |= dict(zip(map(text_id, missing), work(artifact, missing, kept).tolist(), strict=True))
        write_parquet(pa.table({ID: ids, SCORE: [known[own] for own in ids]}), path, {MADE: info.created})
    return np.array([known[own] for own in ids])


def _known(path: Path, info: ArtifactInfo) -> dict[str, float]:
    """Scores by text id that this artifact gave: those of the test split as it is, and what an earlier call kept.

    What is damaged, gone or of an earlier version is not known.
    """
    as_they_are: dict[str, float] = {}
    with suppress(StudyError):
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
    fetch(kept.path)
    by_id = {text_id(text): text for text in texts}
    missing = sorted(by_id.keys() - kept.ids())
    if missing:
        kept.add(missing, classifier.read([by_id[each] for each in missing]))
    return np.asarray(model.scores(kept.array([text_id(text) for text in texts])))
