"""Says where an artifact is given reviews that the scores on its board do not hold for."""

import shlex
import sys
from pathlib import Path

from reviewtune.data.texts import Texts
from reviewtune.errors import one_line
from reviewtune.evaluation.shift import FALSE_ALARM
from reviewtune.predict import Classifier

ENOUGH = 200
"""Labelled reviews that show whether a classifier is of any use elsewhere."""


def say_if_unlike(classifier: Classifier, texts: Texts, artifact: Path, *, labelled: bool = False) -> None:
    """Print one line on standard error where the texts are unlike the training reviews.

    Args:
        classifier: The loaded artifact.
        texts: As `data.texts.prepare` takes them.
        artifact: Its folder, for the command that checks.
        labelled: Whether they are being scored by their labels, so that nothing else is to be done.
    """
    shift = classifier.shift(texts)
    if shift is None or not shift.unlike:
        return
    command = f"reviewtune evaluate --artifact {shlex.quote(str(artifact))} --data LABELLED.csv"
    check = "these do" if labelled else f"label {ENOUGH} of them and check: {command}"
    line = (
        f"these reviews are unlike those that {artifact.name} was trained on (told apart with ROC AUC {shift.auc:.2f}; "
        f"of batches like those at most {FALSE_ALARM:.0%} are called so): the board's scores do not apply to them, "
        f"{check}"
    )
    print(one_line(line), file=sys.stderr)
