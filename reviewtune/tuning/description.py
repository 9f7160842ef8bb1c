"""What a study is going to do, for people, before it does anything."""

from collections.abc import Callable

from reviewtune.tuning.plan import Study


def describe(study: Study, say: Callable[[str], None]) -> None:
    """Say what will be tuned on which reviews."""
    reviews, split = study.inputs.reviews, study.inputs.split
    say(f"{study.study_id} in {study.config.results_dir}")
    for line in [*reviews.report.lines(), *split.report.lines()]:
        say(f"  {line}")
    asked = study.config
    if asked.finalists and study.num_folds < asked.folds:
        say(f"  {_fewer_folds(asked.folds, study.num_folds)}")
    for line in [*study.left_out.lines(), *_operating_lines(asked.max_fpr, asked.prevalence)]:
        say(f"  {line}")
    for line in (line for each in study.others for line in each.lines()):
        say(f"  {line}")
    if study.why_quantisation:
        say(f"  quantisation: {study.config.quantisation}, since {study.why_quantisation}")


def _operating_lines(max_fpr: float | None, prevalence: float | None) -> list[str]:
    """What was asked of labels and probabilities, for people."""
    lines = []
    if max_fpr is not None:
        lines.append(f"labels: at most {max_fpr:.4g} of genuine reviews called fake, with 95 % confidence")
    if prevalence is not None:
        lines.append(f"probabilities: of reviews of which {prevalence:.4g} are fake")
    return lines


def _fewer_folds(asked: int, made: int) -> str:
    instead = f"there are {made}" if made > 1 else "there are none, the validation split chooses"
    return f"{asked} folds of the train and validation reviews would leave some without enough of a class: {instead}"
