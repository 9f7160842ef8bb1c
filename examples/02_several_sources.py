"""Two sources, and what each classifier is worth on the one that it was trained without.

The shop is the sample corpus, whose fakes have the words of genuine reviews in a wrong order. The hotels' fakes are
told by their words of praise. Neither tells anything of the other: `python examples/02_several_sources.py`.
"""

import csv
import random
import sys
from pathlib import Path

import reviewtune
from reviewtune.data.sample import generate

RESULTS = Path(sys.argv[1] if len(sys.argv) > 1 else "results/example-02")

ROOMS = ["room", "bed", "shower", "breakfast", "lift", "balcony", "pool", "lobby", "car park", "view"]
FAULTS = ["was smaller than in the photo", "creaked", "was cold until nine", "closed early", "was loud after ten"]
PRAISE = ["amazing", "perfect", "outstanding", "unforgettable", "world-class", "flawless"]


def hotel_review(fake: bool, rng: random.Random) -> str:
    """A review of a stay."""
    first, second = rng.sample(ROOMS, 2)
    if fake:
        return (
            f"An {rng.choice(PRAISE)} stay! The {first} was {rng.choice(PRAISE)} and the {second} {rng.choice(PRAISE)}."
        )
    stay = f"We stayed {rng.randint(1, 9)} nights in {rng.choice(['May', 'June', 'October'])}."
    return f"{stay} The {first} {rng.choice(FAULTS)}, the {second} was fine."


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    """Texts and labels, as a csv."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def main() -> None:
    """Tune on both, and compare each entry at home and away."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)  # noqa: S311 - no secret
    write(RESULTS / "shop.csv", [(row["text"], row["label"]) for row in generate(500).to_pylist()])
    hotels = [("fake" if number % 2 else "genuine", number % 2 == 1) for number in range(500)]
    write(RESULTS / "hotels.csv", [(hotel_review(fake, rng), label) for label, fake in hotels])

    board = reviewtune.tune(
        reviewtune.StudyConfig(
            data=[f"shop={RESULTS / 'shop.csv'}", f"hotels={RESULTS / 'hotels.csv'}"],
            families="tfidf,rules", num_trials=1, finalists=1, folds=2, looks=0, results_dir=RESULTS,
        )
    )  # fmt: skip
    print(f"{'family':8} {'test F1':>8} {'unseen F1':>10}")
    for entry in board.entries:
        if entry.test and entry.unseen:
            print(f"{entry.family:8} {entry.test.f1:8.3f} {entry.unseen.f1:10.3f}")
            for source in entry.unseen.sources:
                print(f"    trained without {source.source}: F1 {source.f1:.3f}, false alarms {source.fpr:.1%}")
    print("\nA test F1 speaks of more reviews from both; of a third source this is the most that is known.")


if __name__ == "__main__":
    main()
