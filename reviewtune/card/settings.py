"""What a card says of how scores become labels, and of what the classifier was made with."""

from reviewtune.artifact_info import ArtifactInfo
from reviewtune.card.facts import Facts
from reviewtune.card.words import literal, table

CALIBRATIONS = {"platt": "Platt scaling", "beta": "beta calibration", "isotonic": "centred isotonic regression"}


def labels_section(facts: Facts) -> str:
    """What the labels mean, and when a review gets which."""
    info = facts.info
    return f"""`fake` (index 1) is what the labels of {literal(info.data)} mean by it, `genuine` (index 0) all other
reviews there. A review is called fake where its fake probability is above {info.threshold:.4f}. That threshold
{_threshold_reason(info)}

The probabilities were calibrated ({CALIBRATIONS[info.calibration.kind]}) on reviews that the scores were not fitted
on{_corrected(info)}. They hold for reviews like those of {literal(info.data)}, of which {_share(info)}."""


def _threshold_reason(info: ArtifactInfo) -> str:
    """What the threshold promises."""
    if info.max_fpr is None:
        return """promises the highest F1 of the fake class; where a false alarm costs more than a miss, set a limit of
false alarms (`reviewtune predict --max-fpr 0.01`)."""
    return f"""keeps the share of genuine reviews that are called fake at {info.max_fpr:.4g} or less, with 95 %
confidence, for as long as they are like those that it was chosen on."""


def _corrected(info: ArtifactInfo) -> str:
    return f"\nand corrected to where {info.prevalence:.4g} of the reviews are fake" if info.prevalence else ""


def _share(info: ArtifactInfo) -> str:
    if info.basis is None:
        return "it is not kept how many were fake"
    return f"{100 * info.basis.fake_share:.3g} % were fake (`--prevalence` corrects to another share)"


def settings_section(facts: Facts) -> str:
    """Params, data and versions."""
    info, entry = facts.info, facts.entry
    params = table(("param", "value"), ((literal(name), literal(str(value))) for name, value in info.params.items()))
    versions = ", ".join(f"{literal(name)} {literal(version)}" for name, version in info.versions.items())
    tried = ""
    if entry:
        failed = f", of which {entry.num_failed_trials} failed" if entry.num_failed_trials else ""
        tried = f" Trials of the search: {entry.num_trials}{failed}; seed {entry.provenance.seed}."
        if entry.trained_share is not None:
            tried += f" They trained on {entry.trained_share:.0%} of the reviews, drawn by class, for want of memory."
    return f"""{params}
Made by {literal(info.code)} on {literal(info.created)}{f" with {versions}" if versions else ""}.{tried} Data
{literal(info.data)}, SHA-256 `{info.data_sha256}`; split SHA-256 `{info.split_sha256}`."""
