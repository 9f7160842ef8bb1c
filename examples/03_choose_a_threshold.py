"""Where to put the threshold: limits of false alarms, rare fakes, and what is left of precision.

`python examples/03_choose_a_threshold.py` prints, of an entry's own test predictions, what each choice does.
"""

import sys
from pathlib import Path

import pandas as pd

import reviewtune
from reviewtune.evaluation.operating_point import fewest_genuine, precision_at

RESULTS = Path(sys.argv[1] if len(sys.argv) > 1 else "results/example-03")


def main() -> None:
    """Tune once, and load the artifact for several uses."""
    config = reviewtune.StudyConfig(
        data="sample", families="logreg", num_trials=1, finalists=1, folds=2, looks=0, results_dir=RESULTS
    )
    entry = reviewtune.tune(config).entries[0]
    artifact = RESULTS / str(entry.artifact)
    test = pd.read_parquet(RESULTS / "studies" / entry.study_id / entry.family / "test_predictions.parquet")
    fake = test["fake"].astype(bool)
    genuine = (~fake).sum()
    print(f"\nOf {fake.sum()} fake and {genuine} genuine test reviews, so that one false alarm is {1 / genuine:.1%}:")

    needed = [fewest_genuine(limit) for limit in (0.01, 0.001)]
    print(f"A limit of 1 % needs {needed[0]} genuine reviews to judge by, one of 0.1 % {needed[1]:,}.\n")
    print(f"{'asked':28} {'threshold':>9} {'found':>6} {'false alarms':>13} {'precision, 1 in 20 fake':>24}")
    for asked in ({}, {"max_fpr": 0.05}, {"max_fpr": 0.01}, {"prevalence": 0.05}):
        classifier = reviewtune.load(artifact, **asked)
        called = classifier.info.fake_probability(test["score"].to_numpy()) > classifier.info.threshold
        found, alarms = called[fake].mean(), called[~fake].mean()
        words = ", ".join(f"{name}={value:g}" for name, value in asked.items()) or "the highest F1, as tuned"
        precision = precision_at(0.05, found, alarms)
        print(f"{words:28} {classifier.info.threshold:9.3f} {found:6.1%} {alarms:13.1%} {precision:24.1%}")

    try:
        reviewtune.load(artifact, max_fpr=0.0001)
    except reviewtune.ReviewtuneError as error:
        print(f"\nand asked for a limit of 0.01 %: {error}")


if __name__ == "__main__":
    main()
