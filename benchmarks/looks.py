"""What the default configurations of text families score when the test reviews look otherwise.

    python benchmarks/looks.py --data salminen.csv --fake-label CG

Fitted on train, calibrated on validation, scored on test; seconds to minutes on one CPU core.
"""

import argparse

from reviewtune.data.perturbations import variants
from reviewtune.data.reviews import load_reviews
from reviewtune.data.splits import make_split
from reviewtune.evaluation.operating_basis import calibrated
from reviewtune.evaluation.robustness import robustness
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.schema import TEST, TRAIN, VALIDATION


def main() -> None:
    """Print a Markdown table of each family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--fake-label")
    parser.add_argument("--families", nargs="+", default=["rules", "tfidf"])
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    reviews = load_reviews(options.data, fake_label=options.fake_label)
    split = make_split(reviews, seed=options.seed).indices(reviews)
    texts, fake = reviews.table["text"].to_pylist(), reviews.table["fake"].to_numpy(zero_copy_only=False)
    parts = {name: Rows([texts[row] for row in rows], fake[rows]) for name, rows in split.items()}
    looks = variants(parts[TEST].inputs, options.seed)
    for name in options.families:
        family = get_family(name)
        model = list(family.fit(family.params(), parts[TRAIN], Setting(options.seed)))[-1].model
        point = calibrated(model.scores(parts[VALIDATION].inputs), parts[VALIDATION].fake)

        def probability(shown: object, model=model, point=point) -> object:
            return point.calibration.apply(model.scores(shown))

        print(f"\n| {name} | F1 | recall | FPR |\n|---|---:|---:|---:|")
        for look, scores in robustness(probability, looks, parts[TEST].fake, point.threshold).items():
            print(f"| {look} | {scores.f1:.3f} | {scores.recall:.3f} | {scores.fpr:.3f} |")


if __name__ == "__main__":
    main()
