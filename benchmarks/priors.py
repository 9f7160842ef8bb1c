"""What kept learning curves say of where a search should begin: medians over configurations, and over their ranks.

    python benchmarks/priors.py --curves results/minilm_curves.parquet

Of each configuration the F1 on the validation split after its last epoch.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

RATES = (5e-5, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3, 3e-3)


def ended(path: Path) -> pd.DataFrame:
    """A row a configuration, as it ended, with the part of the space that its learning rate lies in."""
    curves = pd.read_parquet(path)
    last = curves[curves["last"]].sort_values("epoch").groupby("number").tail(1)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(RATES)]
    return last.assign(rate=pd.cut(last["learning_rate"], RATES, labels=names, include_lowest=True))


def table(ends: pd.DataFrame, by: str) -> str:
    """Markdown: the median F1, and of how many, for each value of a param and each part of the rates."""
    cells = {how: ends.pivot_table("f1", by, "rate", how, observed=True) for how in ("median", "count")}
    rates = list(cells["median"].columns)
    lines = [f"| {by} | {' | '.join(rates)} |", f"|---|{'---:|' * len(rates)}"]
    for value, medians in cells["median"].iterrows():
        told = (f"{medians[rate]:.4f} ({cells['count'].loc[value, rate]:.0f})" for rate in rates)
        lines.append(f"| {value} | {' | '.join(told)} |")
    return "\n".join(lines)


def main() -> None:
    """Print a table for what might move the best learning rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=Path, default=Path("results/minilm_curves.parquet"))
    ends = ended(parser.parse_args().curves)
    ends["alpha / rank"] = 2.0 ** np.log2(ends["alpha"] / ends["rank"]).clip(-2, 3)
    print(f"Median validation F1 of {len(ends)} configurations (of how many), by learning rate:")
    for by in ("target", "rank", "alpha / rank", "batch_size"):
        print(f"\n{table(ends, by)}")


if __name__ == "__main__":
    main()
