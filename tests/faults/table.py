"""The table of kills, for the documentation, and one kill in a line."""

from typing import Any

from tests.faults.said import LINES, commonest, in_short, is_plain

Line = dict[str, Any]

HEAD = ["executor", "killed", "times", "went on by itself", "lost", "doubled", "hung", "left running", "what is read"]


def rows(head: list[str], cells: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])


def markdown(kills: list[Line]) -> str:
    """A row for each executor and component, and one for all."""
    hit = [line for line in kills if line["title"]]
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in sorted(hit, key=lambda line: line["executor"]):
        groups.setdefault((line["executor"], line["component"]), []).append(line)
    each = [[*key, *_cells(lines)] for key, lines in groups.items()]
    return rows(HEAD, [*each, ["all", "", *_cells(hit)[:-1], ""]])


def _cells(lines: list[Line]) -> list[str]:
    alone = sum(len(line["runs"]) == 1 for line in lines)
    counts = [sum(bool(line[name]) for line in lines) for name in ("lost", "doubled", "hung", "left")]
    return [str(len(lines)), str(alone), *map(str, counts), commonest(map(_read, lines))]


def _read(line: Line) -> str:
    """What a user reads of a kill, over all its runs."""
    texts = [in_short(run["said"]) for run in line["runs"] if run["said"]]
    return ", then: ".join(texts) or "nothing"


def told(line: Line) -> str:
    """One kill, for whoever waits."""
    ends = [("hung" if run["status"] is None else run["status"], run["seconds"]) for run in line["runs"]]
    runs = ", ".join(f"{end} in {seconds:.0f} s" for end, seconds in ends)
    wrong = [f"{name} {line[name]}" for name in ("lost", "doubled", "differs", "left") if line[name]]
    if not all(is_plain(run["said"]) for run in line["runs"]):
        wrong.append(f"more than {LINES} lines or a traceback is read")
    what = f"{line['executor']} {line['component']} {line['seed']} ({line['title'] or 'never there'}, {line['phase']})"
    return f"{what}: {runs}; {'; '.join(wrong) or 'well'}"
