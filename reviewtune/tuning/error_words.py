"""Which words make an entry err: weighed of its most confident errors, and kept beside it, without the texts."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reviewtune.artifact_info import ArtifactInfo, read_info
from reviewtune.data.words import in_parts, word_spans
from reviewtune.errors import ArtifactError, StudyError
from reviewtune.explanation import as_triples, text_sha256
from reviewtune.families.base import Inputs
from reviewtune.families.registry import ENSEMBLE, code_of, get_family
from reviewtune.files import write_text
from reviewtune.leaderboard.entry import ERRORS_FILE, EXPLANATIONS_FILE, Entry, entry_path, read_entry
from reviewtune.leaderboard.explained_errors import ErrorExplanations, ErrorWords, read_explanations
from reviewtune.predict import load
from reviewtune.schema import ID, TEXT
from reviewtune.storage.mirror import remove
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.plan import Study
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.resources import trial_resources
from reviewtune.tuning.session import FAILURES, Cluster, on_worker

MOST_SECONDS = 10.0
"""That weighing the words of an entry's errors takes by its measured speed, unless more of them are asked for."""
MOST_PARTS = 48
"""Parts of a text that are left out in turn: less than `explain` takes for a single one."""
TEXTS: Inputs = "texts"
Triples = list[tuple[int, int, float]]
"""Where each word begins and ends, and what it weighs."""


def explain_errors(study: Study, name: str, cluster: Cluster, progress: Progress) -> bool:
    """Weigh the words of an entry's listed errors, and keep them in `EXPLANATIONS_FILE`.

    Args:
        study: Whose.
        name: Of the entry's family; one without errors to look at is passed over, and so is what is known already.
        cluster: What Ray has.
        progress: Told where it cannot be done; a failure costs the weights and nothing else.

    Returns:
        Whether there are weights now that were not there before.
    """
    path = entry_path(study.config.results_dir, study.study_id, name)
    listed, artifact = path.with_name(ERRORS_FILE), study.config.results_dir / study.artifact(name)
    kept = path.with_name(EXPLANATIONS_FILE)
    if not listed.is_file() or not artifact.is_dir():
        remove(kept)
        return False
    try:
        entry, info, ids = read_entry(path), read_info(artifact), _ids(listed)
        if _is_known(kept, info, ids, study.config.explain_errors):
            return False
        remove(kept)
        texts = _texts(study, ids)
        if number := how_many(entry, study.config.explain_errors, texts):
            words = _weighed(study, cluster, artifact, info, texts[:number])
            told = [
                ErrorWords(id=own, text_sha256=text_sha256(text), words=found)
                for own, text, found in zip(ids[:number], texts, words, strict=False)
            ]
            found = ErrorExplanations(made=info.created, explanations=told)
            write_text(kept, found.model_dump_json() + "\n")
            return True
    except FAILURES as error:
        progress.say(f"{name}: the words of its errors are not weighed: {reason_of(error)}")
    return False


def how_many(entry: Entry, asked: int | None, texts: list[str]) -> int:
    """Of an entry's errors, how many are explained, from the first one on.

    Args:
        entry: With the speed that was measured.
        asked: By the study; None: as many as `MOST_SECONDS` allow, which is all of what reads no base model.
        texts: Of the errors.
    """
    if asked is not None:
        return min(asked, len(texts))
    if entry.cost is None or _forms(entry.family, entry.params) == {TEXTS}:
        return len(texts)
    passes = np.cumsum([len(in_parts(word_spans(text), MOST_PARTS)) + 1 for text in texts])
    return int((passes <= MOST_SECONDS * entry.cost.reviews_per_second).sum())


def _is_known(kept: Path, info: ArtifactInfo, ids: list[str], asked: int | None) -> bool:
    """Whether what is kept is of this artifact and the first errors that are listed, as many as are asked for."""
    try:
        known = read_explanations(kept)
    except ArtifactError:
        return False
    if known is None or known.made != info.created:
        return False
    explained = [each.id for each in known.explanations]
    return explained == ids[: len(explained) if asked is None else asked]


def _texts(study: Study, ids: list[str]) -> list[str]:
    """The texts of the reviews of these ids.

    Raises:
        StudyError: They are not of the study's reviews.
    """
    table = study.inputs.reviews.table
    rows = pc.index_in(pa.array(ids, pa.string()), table[ID].combine_chunks())
    if rows.null_count:
        raise StudyError(f"{ERRORS_FILE} is of other reviews")
    texts: list[str] = table[TEXT].take(rows).to_pylist()
    return texts


def _weighed(study: Study, cluster: Cluster, artifact: Path, info: ArtifactInfo, texts: list[str]) -> list[Triples]:
    """The words of texts, weighed where the artifact's base model has what it needs."""
    form: Inputs = TEXTS if _forms(info.family, info.params) == {TEXTS} else "tokens"
    # Where heads have no GPU of their own, their base model has: it is what takes the time.
    resources = trial_resources(study.config, form, cluster)
    with code_of(_families(info.family, info.params)):
        return on_worker(_weigh, cpus=resources.cpus, gpus=resources.gpus)(artifact, texts)


def _weigh(artifact: Path, texts: list[str]) -> list[Triples]:
    """The words of texts, by the artifact as a user would load it."""
    found = load(artifact).explain(texts, MOST_PARTS)
    return [as_triples(each.words) if each else [] for each in found]


def _forms(family: str, params: Mapping[str, object]) -> set[Inputs]:
    """What an artifact reads, or the members of an ensemble."""
    return {get_family(name).inputs for name in _families(family, params)}


def _families(family: str, params: Mapping[str, object]) -> set[str]:
    """The family of an artifact, or those of an ensemble's members."""
    return params.keys() - {"intercept"} if family == ENSEMBLE else {family}


def _ids(listed: Path) -> list[str]:
    """The ids of the errors that are listed, the most confident first."""
    with listed.open(newline="", encoding="utf-8") as file:
        return [row[ID] for row in csv.DictReader(file)]
