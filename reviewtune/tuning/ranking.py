"""An entry onto the board the moment it is made, whatever comes next."""

from collections.abc import Callable

from reviewtune.card.facts import CARD_FILE, write_scores
from reviewtune.card.page import write_card
from reviewtune.errors import ReviewtuneError
from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.entry import SLICES_FILE, Entry, entry_path, read_entry, write_entry
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.parts import read_slices
from reviewtune.tracebacks import reason_of
from reviewtune.tuning.closer_look import look_closer
from reviewtune.tuning.error_words import explain_errors
from reviewtune.tuning.plan import Study
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.session import FAILURES, Cluster
from reviewtune.tuning.transfer import score_elsewhere


def rank(
    study: Study, name: str, work: Callable[[], Entry], cluster: Cluster, progress: Progress
) -> ReviewtuneError | None:
    """Do the work that makes an entry of the study, write the board anew, then see what else there is to know of it.

    That is its slices and errors, the words of these, and its scores on reviews from elsewhere: each may fail, which
    costs it alone.

    Args:
        study: Whose.
        name: Of the entry's family.
        work: Makes it.
        cluster: What Ray has.
        progress: Told why where it fails.

    Returns:
        What went wrong, if anything; the study's other entries need not mind.
    """
    results_dir = study.config.results_dir
    try:
        entry = work()
    except ReviewtuneError as error:
        progress.end(name, "failed", None)
        progress.say(f"{name}: {error}")
        return error
    write_entry(entry, entry_path(results_dir, study.study_id, name))
    try:
        look_closer(study, entry)
    except FAILURES as error:
        progress.say(f"{name} is on the board without slices and errors to look at: {reason_of(error)}")
    export(collect(results_dir), results_dir)
    weighed = explain_errors(study, name, cluster, progress)
    scored = score_elsewhere(study, name, cluster, progress)
    try:
        _tell_artifact(study, entry)
    except FAILURES as error:
        progress.say(f"{name} is on the board, and its model card without its scores: {reason_of(error)}")
    if weighed or scored:
        export(collect(results_dir), results_dir)
    return None


def entries_of(study: Study) -> list[Entry]:
    """The entries of a study's families that are there."""
    paths = [entry_path(study.config.results_dir, study.study_id, name) for name in study.config.families]
    return [read_entry(path) for path in paths if path.is_file()]


def _tell_artifact(study: Study, entry: Entry) -> None:
    """Keep an entry's scores in its artifact too, and write the model card of all that is known by now.

    A card stays as it is, also as somebody has made it by hand, while nothing is new.

    Raises:
        ReviewtuneError: A file of the artifact, or of the slices, is damaged.
        OSError: Nothing can be written.
    """
    if entry.test is None or entry.artifact is None:
        return
    results_dir = study.config.results_dir
    beside = entry_path(results_dir, study.study_id, entry.family).with_name(SLICES_FILE)
    folder = results_dir / entry.artifact
    is_new = write_scores(folder, entry, read_slices(beside))
    if is_new or not (folder / CARD_FILE).is_file():
        write_card(folder)
