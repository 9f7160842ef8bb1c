"""How long leaderboard.html takes to be written and to be opened, and how large it is, by how much there is to show.

Opening needs Debian's Chromium; it is timed from the command to open the file to the frame after its load, and an
entry from the click to the frame in which its figures are.

    python benchmarks/page.py [--entries 200] [--trials 10000]
"""

import argparse
import tempfile
import time
from pathlib import Path

from chromium import program, tab
from made_results import make_results

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.figures.write import write_figures

OPEN_ENTRY = """new Promise((done) => {
  const began = performance.now();
  document.querySelectorAll('details.entry')[1].open = true;
  setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began))));
})"""


def main() -> None:
    """Make results, write their page and figures, open it, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--reviews", type=int, default=2_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = make_results(Path(name) / "results", entries=args.entries, trials=args.trials, reviews=args.reviews)
        began = time.monotonic()
        board = collect(results)
        collected = time.monotonic()
        export(board, results)
        written = time.monotonic()
        figures = write_figures(board, results, entries=1)
        drawn = time.monotonic()
        page = results / "leaderboard.html"
        print(f"{args.entries} entries, {args.trials} trials, {args.reviews} test reviews")
        print(f"  entries read and compared: {collected - began:.1f} s")
        print(f"  json, csv, md and html written: {written - collected:.1f} s; html {page.stat().st_size / 1e6:.2f} MB")
        print(f"  {len(figures)} figures: {drawn - written:.1f} s")
        if program() is None:
            print("  not opened: there is no Chromium")
            return
        with tab(Path(name) / "profile") as shown:
            seconds = sorted(shown.go(page) for _ in range(3))[1]
            print(f"  opened in {seconds:.2f} s, an entry in {shown.run(OPEN_ENTRY) / 1000:.2f} s")
            print(f"  console: {shown.messages or 'silent'}")


if __name__ == "__main__":
    main()
