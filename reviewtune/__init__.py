"""Tune fake-review classifiers, from TF-IDF to QLoRA, on Ray, and rank them on one honest leaderboard.

board = reviewtune.tune(reviewtune.StudyConfig(data="reviews.csv", fake_label="CG"))
reviewtune.load("results/artifacts/NAME").predict_proba(texts)
reviewtune.embed(texts)
reviewtune.leaderboard("results")
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

# The package of that name before the function below: at its first import it would take the function's place.
import reviewtune.leaderboard  # noqa: F401
from reviewtune.config import StudyConfig
from reviewtune.errors import ReviewtuneError
from reviewtune.quiet import be_quiet
from reviewtune.storage.place import as_folder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from reviewtune.data.texts import Texts
    from reviewtune.leaderboard.board import Board
    from reviewtune.predict import Classifier

__all__ = ["ReviewtuneError", "StudyConfig", "embed", "leaderboard", "load", "tune"]


def tune(config: StudyConfig, **options: Any) -> "Board":
    """Run a study and rank everything in its results directory. See `reviewtune.tuning.study.tune`.

    Examples:
        >>> few = {"families": ["rules"], "num_trials": 1, "finalists": 1, "folds": 2, "looks": 0}
        >>> board = tune(StudyConfig(data="reviews.csv", fake_label="CG", **few))
        >>> [(entry.family, entry.rank) for entry in board.entries]
        [('rules', 1)]
    """
    be_quiet()
    from reviewtune.tuning.study import tune as run

    return run(config, **options)


def load(artifact: str | Path, base_model: str | None = None, **options: Any) -> "Classifier":
    """The classifier in an artifact's folder. See `reviewtune.predict.load`.

    Examples:
        >>> classifier = load("results/artifacts/NAME")
        >>> classifier.predict_proba(["The zip broke on the first day.", None]).shape
        (2, 2)
        >>> load("results/artifacts/NAME", prevalence=0.05).info.prevalence
        0.05
    """
    be_quiet()
    from reviewtune.predict import load as run

    return run(artifact, base_model, **options)


def embed(texts: "Texts", encoder: str = "minilm") -> "NDArray[np.float32]":
    """(N, D) embeddings of N texts, for classifiers of your own. See `reviewtune.predict.embed`.

    Examples:
        >>> embed(["The zip broke on the first day.", "Great product!"]).shape
        (2, 384)
    """
    be_quiet()
    from reviewtune.predict import embed as run

    return run(texts, encoder)


def leaderboard(results_dir: str | Path = "results") -> "pd.DataFrame":
    """The ranked entries of a results directory, a row each; the columns are those of leaderboard.csv.

    Raises:
        ArtifactError: There is no such directory.

    Examples:
        >>> leaderboard("results")[["family", "rank", "status"]].values.tolist()
        [['rules', 1, 'finished']]
    """
    from reviewtune.leaderboard.board import collect
    from reviewtune.leaderboard.frame import as_frame

    return as_frame(collect(as_folder(results_dir)))
