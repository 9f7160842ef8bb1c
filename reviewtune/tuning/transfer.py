"""What a study's artifacts do on reviews from elsewhere (`--transfer`): beside the board, and no part of any choice.

A study is the same with and without: what was scored before is kept, and a finished study trains nothing for it.
"""

from pathlib import Path

import numpy as np

from reviewtune.artifact_info import ArtifactInfo, read_info
from reviewtune.data.other_reviews import OtherReviews
from reviewtune.evaluation.transfer import read_transfer
from reviewtune.leaderboard.side_tables import elsewhere_text
from reviewtune.tracebacks import reason_of
from reviewtune.transfer import keep_transfer, scores_of
from reviewtune.tuning.plan import Study
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.scores_of_texts import scores_of_texts
from reviewtune.tuning.session import FAILURES, Cluster

ELSEWHERE_FILE = "elsewhere.parquet"
"""Beside an entry: id and score of each review that it was scored on last."""


def score_elsewhere(study: Study, name: str, cluster: Cluster, progress: Progress) -> bool:
    """Score the artifact of an entry on the study's other reviews, and keep the rows with it.

    Args:
        study: Whose.
        name: Of the entry's family; one without an artifact is passed over.
        cluster: What Ray has.
        progress: Told what came of it; a failure costs the rows and nothing else.

    Returns:
        Whether there are rows now that were not there before.
    """
    folder = study.config.results_dir / study.artifact(name)
    if not study.others or not folder.is_dir():
        return False
    try:
        info = read_info(folder)
        left = _not_scored(folder, info, study.others)
        if not left:
            return False
        progress.say(f"{name}: scoring on {_names(left)}")
        texts = [text for each in left for text in each.texts]
        scores = scores_of_texts(study, cluster, folder, info, texts, file=ELSEWHERE_FILE)
        ends = np.cumsum([len(each.texts) for each in left])[:-1]
        probabilities = np.split(info.fake_probability(scores), ends)
        rows = [scores_of(info, *pair) for pair in zip(left, probabilities, strict=True)]
        keep_transfer(folder, rows)
    except FAILURES as error:
        progress.say(f"{name}: not scored on {_names(study.others)}: {reason_of(error)}")
        return False
    for row in rows:
        progress.say(f"{name}: on {row.name} {'' if row.f1 is None else 'F1 '}{elsewhere_text(row)}")
    return True


def _not_scored(folder: Path, info: ArtifactInfo, others: list[OtherReviews]) -> list[OtherReviews]:
    """Those of which the artifact keeps no row of the same reviews at its operating point."""
    known = {(row.name, row.data_sha256) for row in read_transfer(folder) if row.is_at(info)}
    return [each for each in others if (each.name, each.data_sha256) not in known]


def _names(others: list[OtherReviews]) -> str:
    return ", ".join(each.name for each in others)
