"""What `evaluate` does: an artifact's scores on labelled reviews. Shape letter: `N` reviews."""

import json

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from reviewtune.applies import say_if_unlike
from reviewtune.artifact import read_info
from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.kinds import SAMPLE
from reviewtune.data.reviews import load_reviews
from reviewtune.evaluation.labels import has_both_classes
from reviewtune.evaluation.metrics import classification_scores, one_class_scores, prevalence_scores
from reviewtune.evaluation.roc_interval import tpr_ends
from reviewtune.evaluation.significance import f1_interval
from reviewtune.outputs import check_output, written
from reviewtune.predict import load
from reviewtune.schema import FAKE, TEXT
from reviewtune.verb_config import EvaluateConfig

ROUGH = (
    "too few of these reviews are fake or called fake, or err apart, for an exact interval of F1: it is rather too wide"
)


def evaluate_and_show(config: EvaluateConfig) -> int:
    """Score an artifact on labelled reviews, all of them, and print the scores."""
    if config.output:
        data = None if config.data == SAMPLE else config.data
        reads = {"--data": data, "--artifact": config.artifact, "--base-model": config.base_model}
        check_output(config.output, reads)
    asked = {"max_fpr": config.max_fpr, "prevalence": config.prevalence}
    info = read_info(config.artifact).at(**asked)
    reviews = load_reviews(
        config.data,
        text_column=config.text_column,
        label_column=config.label_column,
        fake_label=config.fake_label,
        one_class=True,
    )
    classifier = load(config.artifact, config.base_model, **asked)
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    probability = classifier.fake_probability(reviews.table[TEXT])
    predicted = probability > info.threshold
    measured, untold = _measured(reviews.table[TEXT].to_pylist(), fake, probability, predicted)
    measured = {**measured, **prevalence_scores(measured, info.prevalence)}
    console = Console()
    known = reviews.sha256 == info.data_sha256
    if not known:
        say_if_unlike(classifier, reviews.table[TEXT], config.artifact, labelled=True)
    same = ", the data it was trained on: these scores flatter it" if known else ""
    console.print(f"{config.artifact.name} on {len(fake):,} reviews of {reviews.name}{same}", highlight=False)
    for name, value in measured.items():
        console.print(
            f"  {name:24} {value:.4f}" if isinstance(value, float) else f"  {name:24} {value}", highlight=False
        )
    if untold:
        console.print(untold, highlight=False, soft_wrap=True)
    if config.output:
        with written(config.output) as place:
            place.write_text(json.dumps(measured, indent=1) + "\n")
    return 0


def _measured(
    texts: list[str], fake: NDArray[np.bool_], probability: NDArray[np.float64], predicted: NDArray[np.bool_]
) -> tuple[dict[str, float | int], str]:
    """The scores by name, and a line on what these reviews cannot tell; empty where there is nothing of the kind.

    Args:
        texts: N; near-duplicates among them count as one unit.
        fake: (N,) true where the review is fake.
        probability: (N,) that it is.
        predicted: (N,) true where it is called so.
    """
    if not has_both_classes(fake):
        return one_class_scores(fake, probability, predicted)
    units = near_duplicate_clusters(texts)
    interval = f1_interval(fake, predicted, units=units)
    ends = {"f1_low": interval.low, "f1_high": interval.high, **tpr_ends(fake, probability, units)}
    return {**classification_scores(fake, probability, predicted), **ends}, ROUGH if interval.rough else ""
