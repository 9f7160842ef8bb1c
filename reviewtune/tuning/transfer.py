"""What a study's artifacts do on reviews from elsewhere (`--transfer`): beside the board, and no part of any choice.

A study is the same with and without: what was scored before is kept, and a finished study trains nothing for it.
"""

from pathlib import Path

from reviewtune.artifact_info import ArtifactInfo, read_info
from reviewtune.data.other_reviews import OtherReviews
from reviewtune.evaluation.stacking import Stacking
from reviewtune.evaluation.transfer import TransferScores, read_transfer
from reviewtune.families.registry import ENSEMBLE, get_family
from reviewtune.leaderboard.side_tables import elsewhere_text
from reviewtune.predict import load
from reviewtune.tracebacks import reason_of
from reviewtune.transfer import keep_transfer, transfer_scores
from reviewtune.tuning.plan import Study
from reviewtune.tuning.progress import Progress
from reviewtune.tuning.resources import trial_resources
from reviewtune.tuning.session import FAILURES, Cluster, on_worker


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
        resources = trial_resources(study.config, "tokens" if _reads_tokens(info) else "texts", cluster)
        rows = on_worker(_score, cpus=resources.cpus, gpus=resources.gpus)(folder, left)
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


def _reads_tokens(info: ArtifactInfo) -> bool:
    """Whether the artifact needs what a fine-tuning needs."""
    names = Stacking.from_params(info.params).weights if info.family == ENSEMBLE else [info.family]
    return any(get_family(name).inputs == "tokens" for name in names)


def _score(folder: Path, others: list[OtherReviews]) -> list[TransferScores]:
    """The rows, by the artifact as a user would load it."""
    classifier = load(folder)
    return [transfer_scores(classifier, each) for each in others]


def _names(others: list[OtherReviews]) -> str:
    return ", ".join(each.name for each in others)
