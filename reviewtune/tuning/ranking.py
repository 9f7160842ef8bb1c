"""An entry onto the board the moment it is made, whatever comes next."""

from collections.abc import Callable

from reviewtune.errors import ReviewtuneError
from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.entry import Entry, entry_path, write_entry
from reviewtune.leaderboard.export import export
from reviewtune.tuning.closer_look import look_closer
from reviewtune.tuning.plan import Study
from reviewtune.tuning.progress import Progress


def rank(study: Study, name: str, work: Callable[[], Entry], progress: Progress) -> ReviewtuneError | None:
    """Do the work that makes an entry of the study, keep it with what there is to look at, and write the board anew.

    Args:
        study: Whose.
        name: Of the entry's family.
        work: Makes it.
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
    except ReviewtuneError as error:
        progress.say(f"{name} is on the board without slices and errors to look at: {error}")
    export(collect(results_dir), results_dir)
    return None
