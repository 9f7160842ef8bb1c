"""How small a difference a test split can see: a line for people under each of its boards."""

from reviewtune.leaderboard.board import Group


def resolution(group: Group) -> str:
    """A sentence or two, or nothing where no entry was compared and no interval is rough."""
    sentences = []
    if group.detectable is not None:
        sentences.append(
            f"In eight draws of ten this test split shows a true difference of {group.detectable:.4f} in F1 to the "
            "first; a smaller one passes for a tie more often."
        )
    if group.rough:
        units = group.num_units
        told = "" if units is None else f"{units:,} unit{'' if units == 1 else 's'} in the test split: "
        sentences.append(f"{told}too few are fake or err for exact intervals, which are rather too wide.")
    return " ".join(text[:1].upper() + text[1:] for text in sentences)
