"""What `evaluate` does: an artifact's scores on labelled reviews."""

import json

from rich.console import Console

from reviewtune.artifact import read_info
from reviewtune.config import EvaluateConfig
from reviewtune.data.kinds import SAMPLE
from reviewtune.data.reviews import load_reviews
from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.significance import f1_interval
from reviewtune.outputs import check_output, written
from reviewtune.predict import load
from reviewtune.schema import FAKE, TEXT


def evaluate_and_show(config: EvaluateConfig) -> int:
    """Score an artifact on labelled reviews, all of them, and print the scores."""
    if config.output:
        data = None if config.data == SAMPLE else config.data
        reads = {"--data": data, "--artifact": config.artifact, "--base-model": config.base_model}
        check_output(config.output, reads)
    info = read_info(config.artifact)
    reviews = load_reviews(
        config.data, text_column=config.text_column, label_column=config.label_column, fake_label=config.fake_label
    )
    classifier = load(config.artifact, config.base_model)
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    probability = classifier.fake_probability(reviews.table[TEXT])
    predicted = probability > info.threshold
    low, high = f1_interval(fake, predicted)
    measured = {
        **classification_scores(fake, probability, predicted),
        "f1_low": low,
        "f1_high": high,
    }
    console = Console()
    same = ", the data it was trained on: these scores flatter it" if reviews.sha256 == info.data_sha256 else ""
    console.print(f"{config.artifact.name} on {len(fake):,} reviews of {reviews.name}{same}", highlight=False)
    for name, value in measured.items():
        console.print(
            f"  {name:18} {value:.4f}" if isinstance(value, float) else f"  {name:18} {value}", highlight=False
        )
    if config.output:
        with written(config.output) as place:
            place.write_text(json.dumps(measured, indent=1) + "\n")
    return 0
