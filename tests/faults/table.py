"""The table of kills, for the documentation, and one kill in a line."""

from typing import Any

from tests.faults.processes import FATAL
from tests.faults.said import LINES, commonest, in_short, is_plain

Line = dict[str, Any]

HEAD = ["executor", "killed", "times", "went on by itself", "lost", "doubled", "differs", "hung", "left running"]
HEAD += ["what is read"]


def rows(head: list[str], cells: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])


def markdown(studies: list[Line]) -> str:
    """A row for each executor and component, and one for all; a study's faults count at each of its kills."""
    hit = [(study, number) for study in studies for number in range(len(study["kills"]))]
    groups: dict[tuple[str, str], list[tuple[Line, int]]] = {}
    for study, number in sorted(hit, key=lambda pair: pair[0]["executor"]):
        groups.setdefault((study["executor"], study["kills"][number]["component"]), []).append((study, number))
    each = [[*key, *_cells(kills)] for key, kills in groups.items()]
    return rows(HEAD, [*each, ["all", "", *_cells(hit)[:-1], ""]])


def _cells(kills: list[tuple[Line, int]]) -> list[str]:
    alone = sum(_went_on(study, study["kills"][number]) for study, number in kills)
    counts = [sum(bool(study[name]) for study, _ in kills) for name in ("lost", "doubled", "differs", "hung", "left")]
    read = commonest(_read(study["kills"][number]) for study, number in kills)
    return [str(len(kills)), str(alone), *map(str, counts), read]


def _went_on(study: Line, kill: Line) -> bool:
    """Whether the run that a kill befell ended well, or lived until a kill that no run outlives."""
    later = [other for other in study["kills"] if other["run"] == kill["run"] and other["component"] in FATAL]
    return kill["component"] not in FATAL and (bool(later) or study["runs"][kill["run"]]["status"] == 0)


def _read(kill: Line) -> str:
    """What a user reads of a kill, over all runs up to the next one."""
    return ", then: ".join(in_short(said) for said in kill["said"] if said) or "nothing"


def told(study: Line) -> str:
    """A study's kills and what came of them, for whoever waits."""
    ends = [("hung" if run["status"] is None else run["status"], run["seconds"]) for run in study["runs"]]
    runs = ", ".join(f"{end} in {seconds:.0f} s" for end, seconds in ends)
    wrong = [f"{name} {study[name]}" for name in ("lost", "doubled", "differs", "left", "paused") if study.get(name)]
    if not all(is_plain(said) for kill in study["kills"] for said in kill["said"]):
        wrong.append(f"more than {LINES} lines or a traceback is read")
    kills = ", ".join(f"{kill['component']} at {kill['seconds']:.0f} s of run {kill['run']}" for kill in study["kills"])
    return f"{study['executor']} {study['seed']} ({kills or 'never there'}): {runs}; {'; '.join(wrong) or 'well'}"
