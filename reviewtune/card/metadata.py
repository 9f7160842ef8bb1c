"""What the Hugging Face Hub reads of a card: its YAML, with the scores as a `model-index`.

The fields are those of https://github.com/huggingface/hub-docs/blob/main/modelcard.md.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewtune.card.facts import Facts
from reviewtune.card.words import plain
from reviewtune.evaluation.elsewhere import ElsewhereScores

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

TASK = ("text-classification", "Fake-review detection")
UNKNOWN_LICENSE = "unknown"
"""The hub's word for it: whoever trains a model decides, and what its reviews and base model allow."""
HUB_DATA = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)@(?P<commit>[\w./-]+)")
METRICS = {
    "f1": ("f1", "F1 of the fake class"),
    "precision": ("precision", "Precision of the fake class"),
    "recall": ("recall", "Recall of the fake class"),
    "accuracy": ("accuracy", "Accuracy"),
    "roc_auc": ("roc_auc", "ROC AUC"),
    "average_precision": ("average_precision", "Average precision"),
    "fpr": ("false_positive_rate", "Share of genuine reviews called fake"),
    "tpr_at_fpr_01": ("recall", "Recall where 1 % of genuine reviews are called fake"),
    "tpr_at_fpr_001": ("recall", "Recall where 0.1 % of genuine reviews are called fake"),
}
"""What the hub calls a score of ours, and what people do."""

Numbers = dict[str, float | None]


def card_data(facts: Facts, *, library: str | None = None) -> "ModelCardData":
    """The metadata of a card.

    Args:
        facts: Of the artifact.
        library: What loads the folder, where it is no artifact as it was written: it then has no scores of its own.
    """
    from huggingface_hub import ModelCardData

    adapter = facts.info.family == "qlora" and library is None
    bases = [hub_id for hub_id, _ in facts.hub_bases]
    known = HUB_DATA.fullmatch(facts.info.data)
    data = ModelCardData(
        license=UNKNOWN_LICENSE,
        library_name=library or ("peft" if adapter else "reviewtune"),
        pipeline_tag=TASK[0],
        tags=[TASK[0], "fake-reviews", "reviewtune"],
        base_model=bases[0] if len(bases) == 1 else bases or None,
        datasets=[known["id"]] if known else None,
        metrics=["f1", "precision", "recall", "roc_auc"],
        model_name=facts.name,
        eval_results=None if library else list(_results(facts)) or None,
    )
    if bases:
        # Of the hub's words the one that says that the base model's own weights stay as they are.
        data["base_model_relation"] = "finetune" if library else "adapter"
    return data


def _results(facts: Facts) -> Iterator["EvalResult"]:
    """The scores: on the test split, on each source that was left out of training, on reviews from elsewhere."""
    entry = facts.entry
    if entry and entry.test:
        test, data = entry.test, facts.info.data
        genuine = test.false_positives + test.true_negatives
        number = genuine + test.true_positives + test.false_negatives
        scores = {**test.model_dump(), "fpr": test.false_positives / genuine if genuine else None}
        yield from _of(data, "test", None, f"{data}, test split of {number:,} reviews", scores)
    for source in entry.unseen.sources if entry and entry.unseen else []:
        told = f"{source.source}: {source.num_reviews:,} reviews, the same configuration trained without this source"
        yield from _of(facts.info.data, "left out", source.source, told, _numbers(source))
    for row in facts.transfer:
        yield from _of(row.data, "elsewhere", row.name, f"{row.name}: {row.num_reviews:,} reviews", _numbers(row))


def _numbers(scores: ElsewhereScores) -> Numbers:
    return {name: getattr(scores, name) for name in ElsewhereScores.model_fields}


def _of(data: str, split: str, config: str | None, name: str, scores: Numbers) -> Iterator["EvalResult"]:
    """One result a score; the interval of one stands in its name for people and in its arguments for programs."""
    from huggingface_hub import EvalResult

    known = HUB_DATA.fullmatch(data)
    for key, (kind, title) in METRICS.items():
        value, low, high = (scores.get(f"{key}{end}") for end in ("", "_low", "_high"))
        if value is None:
            continue
        ends = None if low is None or high is None else [round(low, 4), round(high, 4)]
        yield EvalResult(
            task_type=TASK[0],
            task_name=TASK[1],
            dataset_type=known["id"] if known else _slug(data),
            dataset_name=plain(name),
            dataset_config=config and plain(config),
            dataset_split=split,
            dataset_revision=known["commit"] if known else None,
            metric_type=kind,
            metric_value=round(value, 4),
            metric_name=f"{title} (95 % interval {ends[0]:.4f} to {ends[1]:.4f})" if ends else title,
            metric_args={"interval_95": ends} if ends else None,
        )


def _slug(data: str) -> str:
    """A name of private data in the form that the hub gives its own."""
    return re.sub(r"[^\w.-]+", "-", plain(data)).strip("-") or "reviews"
