"""Pictures of a leaderboard.html as its readers see it, and what axe-core finds in it; for whoever changes the page.

Needs Debian's Chromium. axe-core is a file of its npm package (`npm pack axe-core`, `package/axe.min.js`).

    python benchmarks/page_shots.py --page results/leaderboard.html --output shots [--entry 1] [--axe axe.min.js]
"""

import argparse
import tempfile
from pathlib import Path

from chromium import Tab, tab

LOOKS = [(width, dark) for width in (1440, 390) for dark in (False, True)]
OPEN = """new Promise((done) => {{
  document.querySelectorAll('details.entry')[{entry}].open = true;
  document.querySelectorAll('section.group').forEach(page.compare);
  setTimeout(done, 500);
}})"""
FIND = """axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map(
  ({impact, id, nodes}) => `${impact}: ${id}, ${nodes.length} times, as in ${nodes[0].html.slice(0, 120)}`))"""


def main() -> None:
    """Write a picture of each look, and print what the console and axe-core say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--entry", type=int, default=1, help="of the page, from 1: shown unfolded")
    parser.add_argument("--axe", type=Path)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, tab(Path(profile)) as shown:
        for width, dark in LOOKS:
            name = f"{width}-{'dark' if dark else 'light'}"
            shown.go(args.page.resolve(), width=width, dark=dark)
            shown.run(OPEN.format(entry=args.entry - 1))
            shown.screenshot(args.output / f"{name}.png")
            print(f"{name}: console {shown.messages or 'silent'}; {_found(shown, args.axe)}")


def _found(shown: Tab, axe: Path | None) -> str:
    """What axe-core finds in the page that is open."""
    if axe is None:
        return "not given to axe-core"
    shown.run(f"{axe.read_text()}; 1")
    return "; ".join(shown.run(FIND)) or "axe-core finds nothing"


if __name__ == "__main__":
    main()
