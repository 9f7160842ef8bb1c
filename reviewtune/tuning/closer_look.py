"""What there is to look at beside an entry: its scores part by part, its worst errors, labels that may be wrong.

All of it comes of predictions that are kept, so that entries of earlier runs have it too. The two tables hold texts,
which are personal data: they stay beside the entry, and nothing of them goes into a board or an artifact.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from reviewtune.artifact_info import read_info
from reviewtune.data.slicing import slicing_traits
from reviewtune.errors import StudyError
from reviewtune.evaluation.label_issues import label_issues
from reviewtune.evaluation.slices import slices
from reviewtune.files import in_one_step, write_text
from reviewtune.leaderboard.entry import (
    ERRORS_FILE,
    LABEL_ISSUES_FILE,
    PREDICTIONS_FILE,
    SLICES_FILE,
    Entry,
    entry_path,
)
from reviewtune.markup import in_spreadsheet, visible
from reviewtune.schema import (
    CATEGORY,
    FAKE_PROBABILITY,
    GROUP,
    ID,
    LABEL,
    LABEL_NAMES,
    LANGUAGE,
    OWN,
    RATING,
    ROW,
    SOURCE,
    TEXT,
)
from reviewtune.storage.mirror import remove
from reviewtune.tuning.inputs import StudyInputs
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE, kept_predictions

MOST_ERRORS = 20
"""Of the test split, that are shown of an entry."""
LONGEST_TEXT = 300
"""Characters of a text that are shown."""


def look_closer(study: Study, entry: Entry) -> None:
    """Write `SLICES_FILE`, `ERRORS_FILE` and `LABEL_ISSUES_FILE` beside an entry that has test scores.

    Raises:
        ReviewtuneError: The artifact or the predictions beside the entry are missing or damaged, or of other reviews.
    """
    if entry.test is None or entry.artifact is None:
        return
    inputs, folder = study.inputs, entry_path(study.config.results_dir, study.study_id, entry.family).parent
    for name in (SLICES_FILE, ERRORS_FILE, LABEL_ISSUES_FILE):
        remove(folder / name)
    info = read_info(study.config.results_dir / entry.artifact)
    rows, scores = _kept(inputs, folder / PREDICTIONS_FILE, entry)
    # What is said of them is of the labelled reviews' own share of fakes, whatever share labels are corrected to.
    fake, probability = inputs.fake[rows], info.calibration.apply(scores)
    called = info.fake_probability(scores) > info.threshold
    found = slices(fake, called, slicing_traits(inputs.reviews.table.take(rows)), inputs.units_at(rows))
    write_text(folder / SLICES_FILE, found.model_dump_json(indent=1) + "\n")
    worst = worst_errors(fake, called, probability)
    _write(folder / ERRORS_FILE, study, rows[worst], probability[worst])
    rows, scores = _kept(inputs, folder / VALIDATION_PREDICTIONS_FILE, entry)
    probability = info.calibration.apply(scores)
    suspected = label_issues(inputs.fake[rows], probability)
    _write(folder / LABEL_ISSUES_FILE, study, rows[suspected], probability[suspected])


def worst_errors(
    fake: NDArray[np.bool_], called: NDArray[np.bool_], fake_probability: NDArray[np.float64]
) -> NDArray[np.intp]:
    """The numbers of the N reviews whose label is least likely among those that are called wrongly, that one first.

    Args:
        fake: (N,) true where a review is fake.
        called: (N,) true where it is called fake.
        fake_probability: (N,) that it is.
    """
    own = np.where(fake, fake_probability, 1 - fake_probability)
    wrong = np.flatnonzero(fake ^ called)
    return wrong[np.argsort(own[wrong], kind="stable")][:MOST_ERRORS]


def _kept(inputs: StudyInputs, path: Path, entry: Entry) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(N,) positions of the reviews of which predictions are kept, and (N,) their scores."""
    ids, scores = kept_predictions(path, entry.trial_id)
    rows = pc.index_in(ids, inputs.reviews.table[ID].combine_chunks())
    if rows.null_count:
        raise StudyError(f"{path} is of other reviews")
    return rows.to_numpy().astype(np.int64), scores


def _write(path: Path, study: Study, rows: NDArray[np.int64], fake_probability: NDArray[np.float64]) -> None:
    """Write the reviews at some positions for people: where they are from, label, probability, the text's beginning."""
    inputs = study.inputs
    shown = inputs.reviews.table.take(rows)
    columns = {
        ID: shown[ID],
        SOURCE: list(map(_cell, shown[SOURCE].to_pylist())),
        ROW: shown[ROW],
        LABEL: pa.array([LABEL_NAMES[fake] for fake in inputs.fake[rows].tolist()], pa.string()),
        FAKE_PROBABILITY: fake_probability.round(4),
        TEXT: pa.array([_shortened(text) for text in shown[TEXT].to_pylist()], pa.string()),
    }
    own = study.own_columns.of(*(shown[name].to_pylist() for name in (SOURCE, ROW, ID)))
    told = dict[str, Any]()
    for name, values in own.items():
        key = _cell(name)
        while key in columns or key in told:
            key = f"{key}{OWN}"
        told[key] = list(map(_cell, values))
    told = told or _known(shown)
    text = columns.pop(TEXT)
    with in_one_step(path) as partial:
        csv.write_csv(pa.table({**columns, **told, TEXT: text}), partial)


def _known(rows: pa.Table) -> dict[str, pa.Array]:
    """What the store has of the user's own columns, where their files are not read again; none without a value."""
    known = [name for name in (GROUP, CATEGORY, RATING, LANGUAGE) if name in rows.column_names]
    said = {name: rows[name].combine_chunks() for name in known if rows[name].null_count < rows.num_rows}
    if GROUP in said:
        said[GROUP] = pa.array([" + ".join(groups or ()) for groups in said[GROUP].to_pylist()], pa.string())
    for name in said.keys() - {RATING}:
        said[name] = pa.array([_cell(value or "") for value in said[name].to_pylist()], pa.string())
    return said


def _cell(text: str) -> str:
    """A word of the user's on one line, which no spreadsheet computes and no terminal obeys."""
    return in_spreadsheet(" ".join(visible(text).split()))


def _shortened(text: str) -> str:
    line = _cell(text)
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}\N{HORIZONTAL ELLIPSIS}"
