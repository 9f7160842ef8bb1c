"""Damage to the files of a finished results directory: which kinds there are, and what can befall one."""

import json
import re
from collections.abc import Callable
from pathlib import Path

WRITTEN_ANEW = ("leaderboard.csv", "leaderboard.md", "leaderboard.html", "figures")
"""By whoever ranks; nothing reads them. `leaderboard.json` is read by users."""

OF_RAY = ("tune", "tune-finalists", ".train")

IDS = re.compile(r"[0-9a-f]{8,}|[0-9a-f]{5}_\d{5}")


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _truncated(path: Path) -> None:
    path.write_bytes(b"")


def _zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "torn": _torn,
    "truncated": _truncated,
    "zeroed": _zeroed,
    "removed": Path.unlink,
}


def kinds(results: Path) -> dict[str, Path]:
    """A file of each kind, relative to the results directory, by its path with `*` for ids and names of studies.

    Of several the selected trial's. What Ray Tune and Ray Train leave is theirs; what is empty has nothing to lose.
    """
    found: dict[str, Path] = {}
    selected = [json.loads(path.read_text())["trial_id"] for path in results.glob("studies/*/*/entry.json")]
    for path in sorted(
        results.rglob("*"), key=lambda path: (not any(key and key in str(path) for key in selected), path)
    ):
        relative = path.relative_to(results)
        read = not set(relative.parts) & {*OF_RAY, *WRITTEN_ANEW}
        if path.is_file() and path.stat().st_size and read:
            found.setdefault(_kind(relative), relative)
    return found


def _kind(relative: Path) -> str:
    parts = [IDS.sub("*", part) for part in relative.parts]
    if parts[0] == "studies" and len(parts) > 2:
        parts[1] = "*"
    if parts[0] == "artifacts":
        parts[1] = "*-" + parts[1].rpartition("-")[2]
    return "/".join(parts)
