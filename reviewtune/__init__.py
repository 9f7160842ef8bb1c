"""Tune fake-review classifiers, from TF-IDF to QLoRA, on Ray, and rank them on one honest leaderboard.

    board = reviewtune.tune(reviewtune.StudyConfig(data="reviews.csv", fake_label="CG"))
    reviewtune.load("results/artifacts/NAME").predict_proba(texts)
    reviewtune.embed(texts)
    reviewtune.leaderboard("results")
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewtune.config import StudyConfig
from reviewtune.errors import ReviewtuneError
from reviewtune.predict import Classifier, embed, load
from reviewtune.quiet import be_quiet

if TYPE_CHECKING:
    import pandas as pd

    from reviewtune.leaderboard.board import Board

__all__ = ["Classifier", "ReviewtuneError", "StudyConfig", "embed", "leaderboard", "load", "tune"]


def tune(config: StudyConfig, **options: Any) -> "Board":
    """Run a study and rank everything in its results directory. See `reviewtune.tuning.study.tune`."""
    be_quiet()
    from reviewtune.tuning.study import tune as run

    return run(config, **options)


def leaderboard(results_dir: str | Path = "results") -> "pd.DataFrame":
    """The ranked entries of a results directory, a row each; the columns are those of leaderboard.csv.

    Raises:
        ArtifactError: There is no such directory.
    """
    from reviewtune.leaderboard.board import collect
    from reviewtune.leaderboard.frame import as_frame

    return as_frame(collect(Path(results_dir)))
