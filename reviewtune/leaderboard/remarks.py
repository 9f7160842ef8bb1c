"""What a reader of a board is to know before believing it: sentences under its table."""

from reviewtune.leaderboard.board import Group
from reviewtune.leaderboard.resolution import resolution

ONE_SOURCE = (
    "Unseen F1: not known, since all reviews are from one source; of fakes that other people or generators wrote, or "
    "on another site, these classifiers may find far fewer than the test F1 says, which a second source (--data "
    "NAME=FILE) or 200 labelled reviews from there (reviewtune evaluate) would show."
)
NOT_TRAINED = "Unseen F1: not known, since no entry was trained without a source (--unseen-sources)."


def remarks(group: Group) -> list[str]:
    """How small a difference the test split sees, what trained on a part, what is not known: what of it there is."""
    return [text for text in (resolution(group), _in_part(group), _unseen(group)) if text]


def _in_part(group: Group) -> str:
    shares = [(entry.family, entry.trained_share) for entry in group.entries if entry.trained_share is not None]
    if not shares:
        return ""
    told = ", ".join(f"{family} on {share:.0%}" for family, share in shares)
    return f"Trained on a part of the reviews, drawn by class: {told}; a fit of all takes more memory than there was."


def _unseen(group: Group) -> str:
    scored = [entry for entry in group.entries if entry.test]
    if not scored or any(entry.unseen for entry in scored):
        return ""
    several = any((entry.provenance.num_sources or 1) > 1 for entry in scored)
    return NOT_TRAINED if several else ONE_SOURCE
