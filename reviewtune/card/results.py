"""What a card says of a classifier's scores, at home and elsewhere, and of what they cost."""

from reviewtune.card.facts import Facts
from reviewtune.card.words import ELSEWHERE, elsewhere_cells, literal, table, with_ends
from reviewtune.durations import duration
from reviewtune.leaderboard.cells import rate
from reviewtune.leaderboard.parts import HEAD, parts_of
from reviewtune.leaderboard.scores import TestScores
from reviewtune.leaderboard.side_tables import LOOKS, PLAIN

RATES = "FPR: share of the genuine reviews that are called fake; TPR: share of the fakes that are found."
NOT_YET = "Not known yet: this card was written before its study was at its end."


def test_section(facts: Facts) -> str:
    """Scores on the test split, with their intervals."""
    test = facts.entry.test if facts.entry else None
    if test is None:
        return NOT_YET
    fakes, genuine = test.true_positives + test.false_negatives, test.false_positives + test.true_negatives
    units = "" if test.num_units is None else f", {test.num_units:,} of them unrelated"
    rough = " There are too few of them for an exact interval of F1: it is rather too wide." * test.f1_rough
    return f"""On {fakes + genuine:,} reviews that took no part in any choice{units}, at the threshold above;
in brackets 95 % intervals over other draws of reviews.{rough}

{table(("score", "value"), _scores(test))}
Of {fakes:,} fake reviews it calls {test.true_positives:,} fake, of {genuine:,} genuine ones {test.false_positives:,}.
{RATES}"""


def _scores(test: TestScores) -> list[tuple[str, str]]:
    """Names and values, the objective first."""
    floor = "" if test.ece_floor is None else f"; perfect probabilities would have {test.ece_floor:.4f} here"
    told: list[tuple[str, float | None, tuple[float | None, float | None]]] = [
        ("F1 of the fake class", test.f1, (test.f1_low, test.f1_high)),
        ("precision", test.precision, (None, None)),
        ("recall", test.recall, (None, None)),
        ("accuracy", test.accuracy, (None, None)),
        ("ROC AUC", test.roc_auc, (None, None)),
        ("average precision", test.average_precision, (None, None)),
        ("TPR at 1 % FPR", test.tpr_at_fpr_01, (test.tpr_at_fpr_01_low, test.tpr_at_fpr_01_high)),
        ("TPR at 0.1 % FPR", test.tpr_at_fpr_001, (test.tpr_at_fpr_001_low, test.tpr_at_fpr_001_high)),
        ("precision at the share of fakes that it is corrected to", test.precision_at_prevalence, (None, None)),
        ("F1 there", test.f1_at_prevalence, (None, None)),
        ("Matthews correlation", test.mcc, (None, None)),
        ("Brier score", test.brier, (None, None)),
        ("log loss", test.log_loss, (None, None)),
        (f"expected calibration error (15 bins{floor})", test.ece, (None, None)),
    ]
    return [(name, with_ends(value, *ends)) for name, value, ends in told if value is not None]


def unseen_section(facts: Facts) -> str:
    """What the same configuration does on each source, trained without it."""
    if facts.entry is None:
        return NOT_YET
    unseen = facts.entry.unseen
    if unseen is None:
        one = facts.entry.provenance.num_sources == 1
        reason = "All reviews are from one source" if one else "Nothing was trained without a source"
        return f"{reason}: what it would do on those of another one is not known."
    mean = ""
    if unseen.f1 is not None and unseen.roc_auc is not None and unseen.worst is not None:
        mean = f""" Mean F1 {unseen.f1:.4f}, mean ROC AUC {unseen.roc_auc:.4f}, worst
{literal(unseen.worst.source)} with F1 {unseen.worst.f1:.4f}."""
    rows = ([literal(source.source), *elsewhere_cells(source)] for source in unseen.sources)
    return f"""The same configuration was trained once more without each source, then scored on that source at the
threshold above: the most that can be told of reviews from where none were labelled. It took part in no choice.{mean}
{RATES}

{table(("source", *ELSEWHERE), rows)}"""


def transfer_section(facts: Facts) -> str:
    """What it does on reviews from elsewhere."""
    if not facts.transfer:
        return ""
    rows = ([f"{literal(row.name)} ({literal(row.data)})", *elsewhere_cells(row)] for row in facts.transfer)
    return f"""On reviews that took no part in its training or in any choice, at the threshold above:

{table(("reviews", *ELSEWHERE), rows)}"""


def looks_section(facts: Facts) -> str:
    """What is left of it where the surface of the test reviews changes: how much hangs on shortcuts."""
    looks = facts.entry.robustness if facts.entry else None
    if not looks or PLAIN not in looks:
        return ""
    plain = looks[PLAIN]
    rows = [
        (LOOKS[name], f"{own.f1:.4f}", f"{own.f1 - plain.f1:+.4f}", f"{own.recall:.4f}", f"{own.fpr:.4f}")
        for name, own in looks.items()
        if name in LOOKS
    ]
    return f"""On {plain.num_reviews:,} of the test reviews, at the threshold above. What is lost where they are made
alike (one case, one way of spacing and marks, no HTML, lengths that tell nothing) hung on the surface, which whoever
writes fakes can change.

{table(("look", "F1", "change", "recall", "FPR"), rows)}"""


def parts_section(facts: Facts) -> str:
    """Where it does worse."""
    parts = parts_of(facts.scores.slices) if facts.scores else None
    if parts is None:
        return ""
    rows = (
        (f"{literal(name)}{' (worse)' * worse}", *cells)
        for (name, *cells), worse in zip(parts.rows, parts.worse, strict=True)
    )
    return f"""The worst parts first, with intervals that hold for all parts at once; `worse` where one is
worse than the whole beyond chance.

{table([title.lower() if title != "F1" else title for title in HEAD], rows)}
{literal(parts.rest)}"""


def cost_section(facts: Facts) -> str:
    """Time, energy where it was measured, memory and machine."""
    cost = facts.entry.cost if facts.entry else None
    if cost is None or facts.entry is None:
        return NOT_YET
    rows = [
        ("training of what is shipped", duration(cost.fit_seconds)),
        ("all trials and folds together", duration(cost.study_seconds)),
        *([] if cost.study_joules is None else [("energy of the GPU for them", f"{cost.study_joules / 3600:.3g} Wh")]),
        ("device", literal(cost.device)),
        ("largest memory", f"{cost.peak_memory_bytes / 2**30:.2f} GiB"),
        ("reviews labelled a second, from the text on", rate(cost.reviews_per_second)),
        ("machine", literal(facts.entry.provenance.hardware)),
    ]
    energy = (
        "Energy was not measured, and what a share of a machine's time takes is not known: no figure is given."
        if cost.study_joules is None
        else "The energy is the GPU's own, by its driver's counter; trainings in one pack share it by their tokens. "
        "What evaluation and the rest of the machine drew is not in it."
    )
    return f"""{table(("", "value"), rows)}
{energy}"""
