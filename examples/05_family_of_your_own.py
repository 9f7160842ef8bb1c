"""A family of one's own: held to the promises of all families, tuned beside others, by a search space of one's own.

The family is in `examples/own_family`, a package of its own. Install it, and its name works everywhere:

    pip install ./examples/own_family
    python examples/05_family_of_your_own.py
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import reviewtune
from reviewtune.data.sample import generate
from reviewtune.families.registry import get_family, known_families
from reviewtune.testing import FAMILY_CHECKS, FamilyBench

RESULTS = Path(sys.argv[1] if len(sys.argv) > 1 else "results/example-05")


def main() -> None:
    """Check it, then tune it."""
    if "nearest" not in known_families():
        sys.exit("install it first: pip install ./examples/own_family")
    with TemporaryDirectory() as folder:
        bench = FamilyBench(get_family("nearest"), Path(folder))
        for name, check in FAMILY_CHECKS.items():
            check(bench)
            print(f"kept: {name.replace('_', ' ')}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    generate(300).to_pandas()[["text", "label"]].to_csv(RESULTS / "reviews.csv", index=False)
    board = reviewtune.tune(
        reviewtune.StudyConfig(
            data=str(RESULTS / "reviews.csv"), families="nearest,logreg", num_trials=2, finalists=0, looks=0,
            space={"nearest": {"shrink": [0.0, 0.5]}, "logreg": {"C": {"low": 0.01, "high": 1.0, "log": True}}},
            results_dir=RESULTS,
        )
    )  # fmt: skip
    for entry in board.entries:
        f1 = entry.test.f1 if entry.test else float("nan")
        print(f"{entry.rank}  {entry.family:8} test F1 {f1:.3f}  {entry.params}")


if __name__ == "__main__":
    main()
