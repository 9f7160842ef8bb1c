"""How often reviews are called unlike the training reviews, by their source and number.

Product reviews (Salminen et al.) are profiled; batches are drawn from those that were not, half of them fake, genuine
alone, or of one category, and from hotel reviews of other files.

    python benchmarks/shift.py --data salminen.csv --fake-label CG --other en=hotels_en.csv de=hotels_de.csv \
      --other-fake-label generated [--draws 200] [--other-draws 40] [--rows 20 100 1000]
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.reviews import Reviews, load_reviews
from reviewtune.evaluation.shift import FALSE_ALARM, LEAST_AUC, Shift
from reviewtune.profile import Profile
from reviewtune.schema import CATEGORY, FAKE, TEXT


def columns(reviews: Reviews) -> tuple[np.ndarray, np.ndarray]:
    """(N,) texts and labels."""
    return np.array(reviews.table[TEXT].to_pylist(), dtype=object), reviews.table[FAKE].to_numpy(zero_copy_only=False)


def drawn(own: Reviews, profiled: int) -> tuple[Profile, dict[str, np.ndarray]]:
    """A profile of so many reviews, and the others, near-duplicates of those left out, by kind."""
    texts, fake = columns(own)
    units = near_duplicate_clusters(list(texts))
    order = np.random.default_rng(0).permutation(units.max() + 1)
    known = np.isin(units, order[: int(np.searchsorted(np.bincount(units)[order].cumsum(), profiled))])
    profile = Profile.of(list(texts[known]), fake[known], units[known])
    kinds = {"same source": ~known, "same source, genuine alone": ~known & ~fake}
    if CATEGORY in own.table.column_names:
        category = np.array(own.table[CATEGORY].to_pylist())
        kinds[f"same source, {category[0]} alone"] = ~known & (category == category[0])
    return profile, {name: texts[rows] for name, rows in kinds.items()}


def others(named: list[str], fake_label: str | None) -> Iterator[tuple[str, np.ndarray]]:
    """The fake, and the genuine, reviews of each file."""
    for name, path in (each.split("=", 1) for each in named):
        texts, fake = columns(load_reviews(path, fake_label=fake_label))
        yield f"{name}, fake", texts[fake]
        yield f"{name}, genuine", texts[~fake]


def tested(profile: Profile, texts: np.ndarray, rows: int, draws: int) -> list[Shift]:
    """The tests of batches of so many reviews."""
    random = np.random.default_rng(rows)
    found = [profile.shift(list(random.choice(texts, rows, replace=False))) for _ in range(draws)]
    return [shift for shift in found if shift]


def main() -> None:
    """Print a row a kind of reviews, and how long 10,000 of them take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--fake-label")
    parser.add_argument("--other", nargs="*", default=[])
    parser.add_argument("--other-fake-label")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--other-draws", type=int, default=40)
    parser.add_argument("--rows", type=int, nargs="+", default=[20, 100, 1000])
    parser.add_argument("--profiled", type=int, default=8000)
    options = parser.parse_args()
    profile, kinds = drawn(load_reviews(options.data, fake_label=options.fake_label), options.profiled)
    kinds |= dict(others(options.other, options.other_fake_label))
    print(f"| reviews | familiar | {' | '.join(f'{rows:,}' for rows in options.rows)} |")
    print("|---|---:|" + "---:|" * len(options.rows))
    for name, texts in kinds.items():
        cells = []
        for rows in options.rows:
            draws = options.draws if name.startswith("same source") else options.other_draws
            found = tested(profile, texts, rows, draws) if rows <= len(texts) else []
            sure = np.mean([shift.p_value <= FALSE_ALARM for shift in found]) if found else np.nan
            told = np.mean([shift.unlike for shift in found]) if found else np.nan
            auc = np.mean([shift.auc for shift in found]) if found else np.nan
            cells.append(f"{sure:.3f}, {told:.3f}, {auc:.2f}" if found else "")
        print(f"| {name} | {profile.familiar(list(texts)).mean():.2f} | {' | '.join(cells)} |", flush=True)
    many = list(np.resize(kinds["same source"], 10_000))
    start = time.perf_counter()
    profile.familiar(many)
    profile.shift(many)
    seconds = time.perf_counter() - start
    print(f"\np-value at most {FALSE_ALARM:g}, unlike (AUC {LEAST_AUC:g} or more as well), mean AUC;", end=" ")
    print(f"10,000 reviews in {seconds:.1f} s")


if __name__ == "__main__":
    main()
