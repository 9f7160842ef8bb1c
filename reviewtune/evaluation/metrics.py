"""The scores of one classifier on one split. `N` is the number of reviews."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics

from reviewtune.errors import DataError
from reviewtune.evaluation.labels import as_labels, has_both_classes, require_both_classes
from reviewtune.evaluation.objective import OBJECTIVES, tpr_at_fpr
from reviewtune.evaluation.operating_point import f1_at, precision_at
from reviewtune.evaluation.roc_interval import LIMITS
from reviewtune.evaluation.significance import share_interval
from reviewtune.evaluation.threshold import labels_of
from reviewtune.evaluation.units import numbered
from reviewtune.schema import F1, FAKE_NAME, GENUINE_NAME, JUDGED

ECE_BINS = 15
FLOOR_DRAWS = 200
"""Of labels, for the mean of `calibration_error_floor`: it moves by less than 3 % with another seed."""


def classification_scores(fake: ArrayLike, fake_probability: ArrayLike, predicted: ArrayLike) -> dict[str, float | int]:
    """Every score of a leaderboard entry but its intervals, by name. F1, precision and recall are of the fake class.

    A classifier that calls no review fake has precision 0 and F1 0.

    Args:
        fake: (N,) true where the review is fake.
        fake_probability: (N,) probabilities in [0, 1] that the review is fake.
        predicted: (N,) true where the classifier calls the review fake, by whatever threshold it has.

    Raises:
        DataError: The arrays are empty or differ in length, `fake` holds one class only, or a probability is NaN or
            outside of [0, 1].

    Examples:
        >>> fake, probability = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
        >>> scores = classification_scores(fake, probability, probability > 0.5)
        >>> {name: scores[name] for name in ("f1", "precision", "recall", "roc_auc", "false_positives")}
        {'f1': 0.5, 'precision': 0.5, 'recall': 0.5, 'roc_auc': 0.75, 'false_positives': 1}
    """
    truth, labels = as_labels(fake=fake, predicted=predicted)
    require_both_classes(truth, "scoring")
    probability = _as_probabilities(fake_probability, len(truth))
    (tn, fp), (fn, tp) = metrics.confusion_matrix(truth, labels, labels=[False, True])
    return {
        "f1": float(metrics.f1_score(truth, labels, zero_division=0.0)),
        "accuracy": float(metrics.accuracy_score(truth, labels)),
        "precision": float(metrics.precision_score(truth, labels, zero_division=0.0)),
        "recall": float(metrics.recall_score(truth, labels)),
        "roc_auc": float(metrics.roc_auc_score(truth, probability)),
        "average_precision": float(metrics.average_precision_score(truth, probability)),
        **{name: tpr_at_fpr(truth, probability, limit) for name, limit in LIMITS.items()},
        "mcc": float(metrics.matthews_corrcoef(truth, labels)),
        "brier": float(metrics.brier_score_loss(truth, probability)),
        "ece": expected_calibration_error(truth, probability),
        "ece_floor": calibration_error_floor(probability),
        "log_loss": float(metrics.log_loss(truth, probability)),
        "true_positives": int(tp),
        "false_positives": int(fp),
        "false_negatives": int(fn),
        "true_negatives": int(tn),
    }


def one_class_scores(
    fake: ArrayLike, fake_probability: ArrayLike, predicted: ArrayLike, units: ArrayLike | None = None
) -> tuple[dict[str, float | int], str]:
    """What reviews of one class can tell, by name, and a line that says what they cannot.

    The share of them that is called fake is the recall where all are fake, and the false-alarm rate, called
    `false_positive_rate`, where all are genuine; with its Wilson interval of 95 % (`_low`, `_high`).

    Args:
        fake: (N,) all true or all false.
        fake_probability: (N,) probabilities in [0, 1] that the review is fake.
        predicted: (N,) true where the classifier calls the review fake.
        units: (N,) integers, equal where reviews belong together; None: each stands alone.

    Raises:
        DataError: The arrays are empty or differ in length, `fake` holds both classes, or a probability is NaN or
            outside of [0, 1].

    Examples:
        >>> scores, untold = one_class_scores([False] * 4, [0.1, 0.2, 0.7, 0.1], [False, False, True, False])
        >>> scores["false_positive_rate"], round(scores["false_positive_rate_high"], 3)
        (0.25, 0.699)
        >>> untold.partition(":")[0]
        'all 4 reviews are genuine'
    """
    truth, labels = as_labels(fake=fake, predicted=predicted)
    if has_both_classes(truth):
        raise DataError("these reviews are fake and genuine: score them by classification_scores")
    probability = _as_probabilities(fake_probability, len(truth))
    all_fake, called = bool(truth[0]), int(labels.sum())
    rate = "recall" if all_fake else "false_positive_rate"
    low, high = share_interval(labels, numbered(units, len(truth))[0])
    counts = ("true_positives", "false_negatives") if all_fake else ("false_positives", "true_negatives")
    scores = {
        rate: called / len(truth),
        f"{rate}_low": low,
        f"{rate}_high": high,
        "brier": float(np.mean((probability - truth) ** 2)),
        "ece": expected_calibration_error(truth, probability),
        **dict(zip(counts, (called, len(truth) - called), strict=True)),
    }
    untold = "precision, the false-alarm rate" if all_fake else "recall, precision"
    kind = FAKE_NAME if all_fake else GENUINE_NAME
    return scores, (
        f"all {len(truth):,} reviews are {kind}: they tell nothing of {untold}, F1, MCC, ROC AUC or average precision, "
        "which need both classes"
    )


def false_alarm_rate(scores: Mapping[str, float]) -> float:
    """Share of the genuine reviews that are called fake, of scores as `classification_scores` gives them.

    Examples:
        >>> false_alarm_rate({"false_positives": 3, "true_negatives": 97})
        0.03
    """
    return scores["false_positives"] / (scores["false_positives"] + scores["true_negatives"])


def prevalence_scores(scores: Mapping[str, float], prevalence: float | None) -> dict[str, float]:
    """Precision and F1 where that share of reviews is fake, by name; none without a share, or of reviews of one class.

    Args:
        scores: As `classification_scores` gives them.
        prevalence: Share of fakes, between 0 and 1.

    Examples:
        >>> scores = {"f1": 0.9, "recall": 0.9, "false_positives": 10, "true_negatives": 90}
        >>> {name: round(value, 3) for name, value in prevalence_scores(scores, 0.05).items()}
        {'precision_at_prevalence': 0.321, 'f1_at_prevalence': 0.474}
    """
    if prevalence is None or "f1" not in scores:
        return {}
    rates = (scores["recall"], false_alarm_rate(scores))
    return {"precision_at_prevalence": precision_at(prevalence, *rates), "f1_at_prevalence": f1_at(prevalence, *rates)}


def validation_scores(fake: ArrayLike, scores: ArrayLike, objective: str = F1) -> dict[str, float]:
    """What is measured of trials: F1 of the fake class, accuracy, ROC AUC, and `judged`, which chooses among them.

    The labels are those of `labels_of`; `judged` is the objective, made such that higher is better.

    Args:
        fake: (N,) true where the review is fake.
        scores: (N,) uncalibrated.
        objective: Name of one of `objective.OBJECTIVES`.

    Raises:
        DataError: The arrays are empty or differ in length, a score is not finite, or `fake` holds one class only.

    Examples:
        >>> validation_scores([True, True, False, False], [2.0, 0.5, 1.0, -3.0])["roc_auc"]
        0.75
    """
    truth, labels = as_labels(fake=fake, predicted=labels_of(fake, scores))
    require_both_classes(truth, "scoring")
    values = np.asarray(scores, dtype=np.float64)
    f1 = float(metrics.f1_score(truth, labels, zero_division=0.0))
    return {
        "f1": f1,
        "accuracy": float(metrics.accuracy_score(truth, labels)),
        "roc_auc": float(metrics.roc_auc_score(truth, values)),
        JUDGED: f1 if objective == F1 else OBJECTIVES[objective].judged(truth, values),
    }


def expected_calibration_error(
    fake: NDArray[np.bool_], fake_probability: NDArray[np.float64], bins: int = ECE_BINS
) -> float:
    """Mean gap, over N reviews, between the fake probability and the share of fakes at that probability, in [0, 1].

    The interval [0, 1] is cut into `bins` equal parts, open above but for the last. Each part that holds reviews adds
    |mean probability - share of fakes| times its share of the N reviews (Naeini, Cooper and Hauskrecht, "Obtaining well
    calibrated probabilities using Bayesian binning", AAAI 2015; 15 bins after Guo et al., "On calibration of modern
    neural networks", ICML 2017, who bin the confidence in the predicted class instead).

    Examples:
        >>> fake, probability = np.array([True, True, True, False]), np.full(4, 0.95)
        >>> round(expected_calibration_error(fake, probability), 3)
        0.2
    """
    part = np.minimum((fake_probability * bins).astype(np.intp), bins - 1)
    gap = np.bincount(part, weights=fake_probability - fake, minlength=bins)
    return float(np.abs(gap).sum() / len(fake))


def calibration_error_floor(fake_probability: NDArray[np.float64], bins: int = ECE_BINS, seed: int = 0) -> float:
    """The expected calibration error that (N,) probabilities have on average where they are perfect, in [0, 1].

    Few labels stray from any probability: an error of this size says nothing against the classifier. Labels are drawn
    from the probabilities themselves, each review's alone (the parametric bootstrap of Bröcker and Smith, "Increasing
    the reliability of reliability diagrams", Weather and Forecasting 2007; Vaicenavicius et al., AISTATS 2019).

    Args:
        fake_probability: (N,) in [0, 1].
        bins: As for `expected_calibration_error`.
        seed: Of the labels.

    Examples:
        >>> rough, fine = calibration_error_floor(np.full(50, 0.5)), calibration_error_floor(np.full(5000, 0.5))
        >>> round(rough, 2), round(fine, 3)
        (0.06, 0.006)
    """
    random = np.random.default_rng(seed)
    drawn = (random.random(len(fake_probability)) < fake_probability for _ in range(FLOOR_DRAWS))
    return float(np.mean([expected_calibration_error(labels, fake_probability, bins) for labels in drawn]))


def _as_probabilities(values: ArrayLike, length: int) -> NDArray[np.float64]:
    probability = np.asarray(values, dtype=np.float64)
    if probability.shape != (length,):
        raise DataError(
            f"fake_probability must have one value a review, ({length},), but its shape is {probability.shape}"
        )
    valid = (probability >= 0) & (probability <= 1)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise DataError(f"a fake probability lies in [0, 1], but row {row} has {probability[row]}")
    return probability
