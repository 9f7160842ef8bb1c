"""Keeps what benchmarks have measured, says where a new number is worse by more than 5 %, and writes BENCHMARKS.md.

    python benchmarks/compare.py                           writes BENCHMARKS.md from baselines/
    python benchmarks/compare.py packed packed.json        compares what packed.py --output wrote; 1 where one is worse
    python benchmarks/compare.py packed packed.json --keep --machine "one H100 80 GB, torch 2.13"    keeps it instead

A baseline is a JSON file: title, date, machine, command, and metrics, each with value, unit, better (`higher`, `lower`)
and, of several runs, `low` and `high`. Numbers of another machine say nothing: compare on the one that it names.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BASELINES, PAGE = HERE / "baselines", HERE / "BENCHMARKS.md"
REGRESSION = 0.05
"""Share by which a measurement may be worse before it is flagged: runs of one commit differ by 2 to 4 %."""


def metrics_in(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of a new measurement, by name: those of a baseline's form, or what `packed.py --output` writes.

    Raises:
        SystemExit: It is neither.
    """
    if "metrics" in found:
        return dict(found["metrics"])
    if "packs" not in found:
        sys.exit("this file has neither `metrics` nor `packs`: see the head of benchmarks/compare.py for its form")
    rates = {pack["name"]: pack["reviews_per_second"] for pack in found["packs"]}
    for pack in found["packs"]:
        for number, epoch in enumerate(pack["epochs"], start=1):
            rates[f"{pack['name']}: epoch {number}"] = epoch["reviews_per_second"]
    if peers := [peer["reviews_per_second"] for peer in found.get("peers", [])]:
        rates["best peer"] = max(peers)
    return {name: {"value": rate, "unit": "reviews/s", "better": "higher"} for name, rate in rates.items()}


def worse_by(kept: dict[str, Any], new: dict[str, Any]) -> float:
    """Share by which a new value is worse than the kept one; below 0 where it is better."""
    ratio = new["value"] / kept["value"]
    return 1 - ratio if kept["better"] == "higher" else ratio - 1


def compared(kept: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """A line for each metric that both have, and whether it is a regression; then one for those that are missing."""
    for name, metric in kept.items():
        if name in new:
            change = -worse_by(metric, new[name])
            regressed = change < -REGRESSION
            note = "  REGRESSION" if regressed else ""
            values = f"{metric['value']:g} -> {new[name]['value']:g} {metric['unit']}"
            yield f"{name}: {values} ({'better' if change >= 0 else 'worse'} by {abs(change):.1%}){note}", regressed
    if missing := kept.keys() - new.keys():
        yield f"not measured: {', '.join(sorted(missing))}", False


def page() -> str:
    """BENCHMARKS.md, of all baselines."""
    assert REGRESSION == 0.05, "the page says 5 %"
    lines = [
        "# Benchmarks",
        "",
        "The latest kept numbers of those benchmarks that have a baseline, `benchmarks/baselines/*.json`. Written by",
        "`python benchmarks/compare.py`, which compares new ones with them and flags what is worse by more than 5 %.",
        "What else was measured, negative results too, is in [the log](../results/LOG.md).",
    ]
    for path in sorted(BASELINES.glob("*.json")):
        kept = json.loads(path.read_text())
        lines += [
            "",
            f"## {kept['title']}",
            "",
            f"{kept['date']}, {kept['machine']}:",
            "",
            "```sh",
            kept["command"],
            "```",
        ]
        lines += [
            "",
            f"| `{path.stem}` | | of several runs, or the 95 % interval |",
            "|---|---:|---|",
            *map(_row, kept["metrics"].items()),
        ]
    return "\n".join(lines) + "\n"


def _row(item: tuple[str, dict[str, Any]]) -> str:
    name, metric = item
    runs = f"{metric['low']:g} to {metric['high']:g}" if "low" in metric else ""
    return f"| {name} | {metric['value']:,} {metric['unit']} | {runs} |"


def main() -> int:
    """The exit status: 1 where anything has regressed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="a baseline, by its file's name")
    parser.add_argument("measured", nargs="?", type=Path, help="JSON file of a new measurement")
    parser.add_argument("--keep", action="store_true", help="make it the baseline")
    parser.add_argument("--machine", help="that it was measured on, with --keep")
    options = parser.parse_args()
    if options.name is None:
        PAGE.write_text(page())
        return 0
    if options.measured is None:
        parser.error("give the JSON file of the new measurement after the baseline's name")
    path = BASELINES / f"{options.name}.json"
    if not path.is_file():
        parser.error(
            f"there is no baseline {options.name}: {', '.join(sorted(file.stem for file in BASELINES.glob('*')))}"
        )
    kept, new = json.loads(path.read_text()), metrics_in(json.loads(options.measured.read_text()))
    if options.keep:
        if not options.machine:
            parser.error("--keep needs --machine: a number without its machine says nothing")
        changed = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": options.machine, "metrics": new}
        path.write_text(json.dumps({**kept, **changed}, indent=1, ensure_ascii=False) + "\n")
        PAGE.write_text(page())
        return 0
    found = list(compared(kept["metrics"], new))
    print(f"{kept['title']}; kept of {kept['date']} on {kept['machine']}")
    for line, _ in found:
        print(f"  {line}")
    return int(any(regressed for _, regressed in found))


if __name__ == "__main__":
    sys.exit(main())
