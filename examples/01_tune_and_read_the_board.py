"""A study on the sample corpus, and its board as a table: `python examples/01_tune_and_read_the_board.py`."""

import sys
from pathlib import Path

import reviewtune

RESULTS = Path(sys.argv[1] if len(sys.argv) > 1 else "results/example-01")


def main() -> None:
    """Tune two families that need no base model, and say what the board tells of them."""
    config = reviewtune.StudyConfig(
        data="sample", families="tfidf,rules", num_trials=2, finalists=1, folds=2, looks=0, results_dir=RESULTS
    )
    reviewtune.tune(config)

    table = reviewtune.leaderboard(RESULTS)
    print(table[["rank", "family", "selection_f1", "test_f1", "test_f1_low", "test_f1_high"]].to_string(index=False))

    first, last = table.iloc[0], table.iloc[-1]
    gap = first["test_f1"] - last["test_f1"]
    seen = last["versus_first_detectable"]
    print(f"\n{first['family']} is {gap:+.3f} in test F1 to {last['family']};")
    print(f"this test split shows a true difference of {seen:.3f} in eight draws of ten,")
    print("so they are tied." if last["tied_with_best"] else "and this one is no accident of the draw.")
    print(f"\nThe page for people: {RESULTS / 'leaderboard.html'}")


if __name__ == "__main__":
    main()
