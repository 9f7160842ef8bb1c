"""An artifact in Python: a table of reviews scored, and those set aside that are unlike the training reviews.

`python examples/04_score_a_table.py [RESULTS [ARTIFACT]]`; without an artifact it makes one.
"""

import sys
from pathlib import Path

import pandas as pd

import reviewtune
from reviewtune.data.sample import generate

RESULTS = Path(sys.argv[1] if len(sys.argv) > 1 else "results/example-04")


def an_artifact() -> Path:
    """The one that is named on the command line, or a quick one."""
    if len(sys.argv) > 2:
        return Path(sys.argv[2])
    config = reviewtune.StudyConfig(
        data="sample", families="tfidf", num_trials=1, finalists=0, looks=0, results_dir=RESULTS
    )
    entry = reviewtune.tune(config).entries[0]
    return RESULTS / str(entry.artifact)


def main() -> None:
    """Score new reviews, as a column of a table; nothing but the artifact's folder is read."""
    classifier = reviewtune.load(an_artifact())
    print(f"{classifier.info.family}, fake above {classifier.info.threshold:.3f}\n")

    table = generate(100, seed=99).to_pandas()[["product", "text"]]
    strange = ["Das Zimmer war klein, aber sehr sauber und ruhig.", None, "asdf qwer zxcv"]
    table = pd.concat([table, pd.DataFrame({"product": "other", "text": strange})], ignore_index=True)

    table["fake_probability"] = classifier.fake_probability(table["text"])
    table["label"] = classifier.predict(table["text"])
    table["familiar"] = classifier.familiar(table["text"])
    print(table.tail(5).to_string(index=False, max_colwidth=40))

    # A label of a review that is unlike all training reviews is a guess: a person reads these first.
    aside = table[table["familiar"] < 0.05]
    print(f"\n{len(aside)} of {len(table)} reviews are unusual, {table['text'].isna().sum()} have no text and no label")

    shift = classifier.shift(table["text"])
    if shift is not None:
        unlike = "unlike" if shift.unlike else "not unlike"
        print(f"together they are {unlike} those of training (p {shift.p_value:.3f}, AUC {shift.auc:.2f})")


if __name__ == "__main__":
    main()
