"""How long leaderboard.html takes to be written and to be opened, and how large it is, by how much there is to show.

Opening needs Debian's Chromium; it is timed from the command to open the file to the frame after its load, and an
entry from the click to the frame in which its figures are.

    python benchmarks/page.py [--entries 200] [--trials 10000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chromium import program, tab
from made_results import make_results

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.figures.write import write_figures

Result = TypeVar("Result")
OPEN_ENTRY = """new Promise((done) => {
  const began = performance.now();
  document.querySelectorAll('details.entry')[1].open = true;
  setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began))));
})"""


def timed(what: str, work: Callable[[], Result]) -> Result:
    """Do some work and print the time that it took, by the clock and of the processor."""
    clock, processor = time.monotonic(), time.process_time()
    found = work()
    print(f"  {what}: {time.monotonic() - clock:.1f} s, {time.process_time() - processor:.1f} s of a core", flush=True)
    return found


def main() -> None:
    """Make results, write their page and figures, open it, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--reviews", type=int, default=2_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = make_results(Path(name) / "results", entries=args.entries, trials=args.trials, reviews=args.reviews)
        page = results / "leaderboard.html"
        print(f"{args.entries} entries, {args.trials} trials, {args.reviews} test reviews")
        board = timed("entries read and compared", lambda: collect(results))
        timed("json, csv, md and html written", lambda: export(board, results))
        figures = timed("figures drawn", lambda: write_figures(board, results, entries=1))
        print(f"  html {page.stat().st_size / 1e6:.2f} MB, {len(figures)} figures")
        if program() is None:
            print("  not opened: there is no Chromium")
            return
        with tab(Path(name) / "profile") as shown:
            seconds = sorted(shown.go(page) for _ in range(3))[1]
            print(f"  opened in {seconds:.2f} s, an entry in {shown.run(OPEN_ENTRY) / 1000:.2f} s")
            print(f"  console: {shown.messages or 'silent'}")


if __name__ == "__main__":
    main()
