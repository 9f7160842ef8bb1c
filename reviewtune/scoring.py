"""What `evaluate` does: an artifact's scores on labelled reviews. Shape letter: `N` reviews."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from reviewtune.applies import say_if_unlike
from reviewtune.artifact_info import ArtifactInfo, read_info
from reviewtune.data.kinds import SAMPLE
from reviewtune.data.named_source import named_source
from reviewtune.data.other_reviews import OtherReviews, other_reviews
from reviewtune.data.reviews import Reviews, load_reviews, read_reviews
from reviewtune.data.store import KEY_LENGTH, Store
from reviewtune.errors import DataError, UsageError, one_line
from reviewtune.evaluation.labels import has_both_classes
from reviewtune.evaluation.metrics import (
    classification_scores,
    false_alarm_rate,
    one_class_scores,
    prevalence_scores,
)
from reviewtune.evaluation.roc_interval import tpr_ends
from reviewtune.evaluation.significance import f1_interval
from reviewtune.outputs import check_output, written
from reviewtune.predict import load_as
from reviewtune.schema import TEXT
from reviewtune.storage.mirror import fetch_once
from reviewtune.transfer import keep_transfer, scores_of
from reviewtune.verb_config import EvaluateConfig

ROUGH = (
    "too few of these reviews are fake or called fake, or err apart, for an exact interval of F1: it is rather too wide"
)


def evaluate_and_show(config: EvaluateConfig) -> int:
    """Score an artifact on labelled reviews, all of them, and print the scores; with `--keep`, keep them with it."""
    if config.output:
        data = None if config.data == SAMPLE else named_source(config.data).source
        reads = {"--data": data, "--artifact": config.artifact, "--base-model": config.base_model}
        check_output(config.output, reads)
    info = _info(config)
    reviews = load_reviews(
        config.data,
        text_column=config.text_column,
        label_column=config.label_column,
        fake_label=config.fake_label,
        one_class=True,
    )
    same = reviews.sha256 == info.data_sha256
    studied = [] if same else _studied(config.artifact, info)
    others = _apart(config, reviews, studied, same=same) if config.keep else other_reviews(reviews.name, reviews, [])
    classifier = load_as(info, config.artifact, config.base_model)
    probability = classifier.fake_probability(others.texts)
    predicted = probability > info.threshold
    measured, untold = _measured(others, probability, predicted)
    measured = {**measured, **prevalence_scores(measured, info.prevalence)}
    if not same:
        say_if_unlike(classifier, others.texts, config.artifact, labelled=True)
    flattered = ", the data it was trained on: these scores flatter it" if same else ""
    if seen := len(set(others.texts) & set(studied)):
        flattered = f", {seen:,} of them texts that its study has: these scores flatter it"
    _show(f"{config.artifact.name} on {len(others.fake):,} reviews of {reviews.name}{flattered}", measured, untold)
    if config.output:
        with written(config.output) as place:
            place.write_text(json.dumps(measured, indent=1) + "\n")
    if config.keep:
        keep_transfer(config.artifact, [scores_of(info, others, probability)])
        _say_where(config.artifact, others)
    return 0


def _info(config: EvaluateConfig) -> ArtifactInfo:
    """What the artifact is, at the operating point that is asked for.

    Raises:
        UsageError: That is not its own, and the scores are to be kept.
    """
    own = read_info(config.artifact)
    info = own.at(config.max_fpr, config.prevalence)
    if config.keep and info is not own:
        raise UsageError(
            f"--keep {config.keep} keeps what {config.artifact} does at its own threshold: leave --max-fpr and "
            "--prevalence out"
        )
    return info


def _apart(config: EvaluateConfig, reviews: Reviews, studied: list[str], *, same: bool) -> OtherReviews:
    """The reviews without those of the artifact's study, where that has left them beside it.

    Args:
        config: With `keep`.
        reviews: That are given.
        studied: The texts of the study; none where they are not known.
        same: Whether the reviews are those of the study, all of them.

    Raises:
        DataError: They are the reviews that it was trained on.
    """
    if same:
        raise DataError(
            f"--keep {config.keep}: {reviews.name} is what {config.artifact.name} was trained on, and tells nothing of "
            "elsewhere: give other reviews"
        )
    if not studied:
        line = f"the reviews of its study are not here: those among {reviews.name} cannot be left out"
        print(one_line(line), file=sys.stderr)
    others = other_reviews(str(config.keep), reviews, studied)
    for line in others.lines()[1:]:
        print(one_line(line.strip()), file=sys.stderr)
    return others


def _studied(artifact: Path, info: ArtifactInfo) -> list[str]:
    """The texts of all reviews of the artifact's study; none where that has not left them beside it."""
    stored = Store(_results_dir(artifact)).reviews / f"{info.data_sha256[:KEY_LENGTH]}.parquet"
    return read_reviews(stored).table[TEXT].to_pylist() if fetch_once(stored).is_file() else []


def _results_dir(artifact: Path) -> Path:
    """The results directory that an artifact lies in, if it lies in one."""
    return artifact.resolve().parent.parent


def _measured(
    reviews: OtherReviews, probability: NDArray[np.float64], predicted: NDArray[np.bool_]
) -> tuple[dict[str, float | int], str]:
    """The scores by name, and a line on what these reviews cannot tell; empty where there is nothing of the kind.

    Args:
        reviews: N.
        probability: (N,) that a review is fake.
        predicted: (N,) true where it is called so.
    """
    fake = reviews.fake
    if not has_both_classes(fake):
        return one_class_scores(fake, probability, predicted, reviews.units)
    interval = f1_interval(fake, predicted, units=reviews.units)
    scores: dict[str, Any] = classification_scores(fake, probability, predicted)
    ends = {"f1_low": interval.low, "f1_high": interval.high, **tpr_ends(fake, probability, reviews.units)}
    return {**scores, "fpr": false_alarm_rate(scores), **ends}, ROUGH if interval.rough else ""


def _show(title: str, measured: dict[str, float | int], untold: str) -> None:
    console = Console()
    console.print(one_line(title), highlight=False, markup=False, soft_wrap=True)
    for name, value in measured.items():
        console.print(
            f"  {name:24} {value:.4f}" if isinstance(value, float) else f"  {name:24} {value}", highlight=False
        )
    if untold:
        console.print(untold, highlight=False, soft_wrap=True)


def _say_where(artifact: Path, others: OtherReviews) -> None:
    """Say where the scores are kept, and write the board anew that the artifact is on."""
    from reviewtune.leaderboard.board import collect
    from reviewtune.leaderboard.export import export

    line, results_dir = f"kept as {others.name} in {artifact}, and in its README.md", _results_dir(artifact)
    if results_dir.is_dir():
        board = collect(results_dir)
        folders = [(results_dir / entry.artifact).resolve() for entry in board.entries if entry.artifact]
        if artifact.resolve() in folders:
            export(board, results_dir)
            line += f"; leaderboard.json, .csv, .md and .html in {results_dir} show it"
    Console().print(one_line(line), highlight=False, markup=False, soft_wrap=True)
