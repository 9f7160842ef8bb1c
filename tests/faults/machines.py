"""A study over Ray nodes that share no folder: its results are in a bucket, and nodes and the driver are killed.

    python -m tests.faults.machines --form long --output machines.jsonl

Each node is a `ray start` of its own with its own home, temporary folder and mirror; an S3 server (moto) on this
machine has the bucket. `short`: a text family on two nodes, of which one is killed, with all that runs on it, once a
trial has ended. `long`: all families on two beside the driver's; one is killed in the search of the packs, another
joins, and the driver is killed after that; its mirror is removed, and the command is given again on a new one. What is
lost or doubled is judged by what lies in the bucket then. A line of the output is a form; the exit status is 1 where
anything is wrong.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.kept import Kept, doubled, lost, read_kept, read_records
from tests.faults.processes import adopt_orphans, end_all
from tests.faults.ray_nodes import Nodes, nodes
from tests.faults.said import extraordinary
from tests.faults.study import Program, make_inputs
from tests.s3_server import s3_server

PREFIX = "results"
POLL_SECONDS = 1.0
FORMS: dict[str, tuple[list[str], int, dict[str, Any]]] = {
    "short": (["tfidf"], 4, {}),
    "long": (
        ["tfidf", "rules", "logreg", "svm", "mlp", "qlora", "ensemble"],
        4,
        {"mlp": {"epochs": 3}, "qlora": {"epochs": 6, "batch_size": 16}},
    ),
}
"""Families, trials of each, and search space."""


@dataclass
class Outcome:
    """What came of a form; a line of the output.

    Attributes:
        form: Which.
        events: What was done to it, with the seconds since its start.
        statuses: Of the command, time and again; None where it hung.
        lost, doubled: What is wrong with what lies in the bucket.
        on_nodes: Nodes whose mirrors got something of trials, by name.
        said: The extraordinary lines of all runs.
    """

    form: str
    events: list[tuple[float, str]] = field(default_factory=list)
    statuses: list[int | None] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    on_nodes: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_well(self) -> bool:
        return self.statuses[-1:] == [0] and not self.lost and not self.doubled


@dataclass
class _Form:
    """A form as it goes on.

    Attributes:
        nodes: Of it.
        inputs: Of `make_inputs`.
        outcome: What has come of it so far.
        before: Records of trials that had ended when something was killed, by family and id.
    """

    nodes: Nodes
    inputs: Path
    outcome: Outcome
    limit: float
    before: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)
    _looks: int = 0

    def words(self) -> list[str]:
        """The command line, after `reviewtune`."""
        families, trials, space = FORMS[self.outcome.form]
        words = ["tune", "--data", str(self.inputs / "reviews.csv"), "--base-model", str(self.inputs / "base")]
        words += ["--results-dir", f"{self.nodes.server.address}/{PREFIX}", "--families", ",".join(families)]
        words += ["--num-trials", str(trials), "--space", json.dumps(space), "--slots", "1"]
        words += ["--address", f"127.0.0.1:{self.nodes.port}"]
        return [*words, "--finalists", "0", "--figures", "0", "--looks", "0", "--explain-errors", "0"]

    def note(self, event: str) -> None:
        """Keep what happens, and what stands in the bucket now."""
        self.outcome.events.append((round(time.monotonic() - self._started, 1), event))
        results = self.results()
        for family in FORMS[self.outcome.form][0]:
            done = Kept(read_records(results, family)).done
            self.before[family] = {**done, **self.before.get(family, {})}

    def results(self, part: str = "") -> Path:
        """The bucket as it is now, or of it what has `part` in its key, in a folder."""
        self._looks += 1
        return self.nodes.server.download(PREFIX, self.nodes.folder / f"bucket-{self._looks}", part)

    def ended(self, family: str) -> int:
        """Trials of a family that have ended with a score, by the bucket."""
        folder = self.results(f"/{family}/trials/")
        try:
            return len(Kept(read_records(folder, family)).done)
        finally:
            shutil.rmtree(folder)

    def run(self, machine: str) -> Program:
        """Give the command on a machine."""
        return Program(self.words(), self.nodes.environment(machine))

    def until(self, program: Program, condition: Callable[[], bool]) -> None:
        """Wait for something while the program runs.

        Raises:
            RuntimeError: It ended before.
        """
        end = time.monotonic() + self.limit
        while not condition():
            if program.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.outcome.form}: the study ended too early: {program.said()[-5:]}")
            time.sleep(POLL_SECONDS)

    def end(self, program: Program) -> None:
        """Wait for the program's end, and keep what it has said."""
        self.outcome.statuses.append(program.wait(self.limit))
        self.outcome.said += extraordinary(program.said())

    def judge(self) -> None:
        """Say what is wrong with what lies in the bucket."""
        results = self.results()
        families, trials, _ = FORMS[self.outcome.form]
        for family in families:
            if family == "ensemble":
                continue
            after = read_kept(results, family)
            own = lost(self.before.get(family, {}), after, family=family, trials=trials)
            self.outcome.lost += [f"{family}: {each}" for each in own]
            self.outcome.doubled += [f"{family}: {each}" for each in doubled(after, trials)]
        missing = set(families) - set(read_kept(results).entries)
        self.outcome.lost += [f"{family}: the entry" for family in sorted(missing)]
        mirrors = {name: self.nodes.folder / name / "mirror" for name in self.nodes.running}
        self.outcome.on_nodes = [name for name, mirror in mirrors.items() if any(mirror.rglob("*"))]
        self.outcome.seconds = round(time.monotonic() - self._started, 1)


def short(form: _Form) -> None:
    """A text family on two nodes, of which one is lost."""
    nodes = form.nodes
    nodes.start("head")
    nodes.wait_for(1)
    lost_one = nodes.start("one")
    nodes.wait_for(2)
    form.note("two nodes are up")
    program = form.run("head")
    form.until(program, lambda: form.ended("tfidf") >= 1)
    lost_one.kill()
    form.note("node one was killed")
    form.end(program)


def long(form: _Form) -> None:
    """All families on two nodes beside the driver's: one is lost, one joins, then driver and mirror are lost."""
    nodes = form.nodes
    # What trains is on no machine of the driver's.
    nodes.start("head", cpus=0)
    nodes.wait_for(1)
    for name in ("one", "two"):
        nodes.start(name)
    nodes.wait_for(3)
    form.note("three nodes are up")
    program = form.run("head")
    form.until(program, lambda: form.ended("qlora") >= 1)
    nodes.running["two"].kill()
    form.note("node two was killed")
    nodes.start("three")
    already = form.ended("qlora")
    form.until(program, lambda: form.ended("qlora") > already)
    program.process.kill()
    form.end(program)
    form.note("the driver was killed, and what its machine kept was lost")
    shutil.rmtree(nodes.folder / "head" / "mirror")
    again = form.run("other")
    form.end(again)


def run_form(name: str, inputs: Path, folder: Path, limit: float) -> Outcome:
    """Run a form in a new folder.

    Args:
        name: `short` or `long`.
        inputs: Of `make_inputs`.
        folder: For the nodes' homes, and what lay in the bucket.
        limit: Seconds after which a run counts as hung.
    """
    adopt_orphans()
    with ExitStack() as stack:
        stack.callback(end_all)
        server = stack.enter_context(s3_server())
        form = _Form(stack.enter_context(nodes(folder, server)), inputs, Outcome(name), limit)
        {"short": short, "long": long}[name](form)
        form.judge()
    return form.outcome


def main() -> int:
    """Run the program; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=FORMS, default="short")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a run hangs (default 900)")
    parser.add_argument("--output", type=Path, default=Path("machines.jsonl"), help="a line a form is added to it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nodes-", ignore_cleanup_errors=True) as name:
        make_inputs(Path(name) / "inputs")
        outcome = run_form(options.form, Path(name) / "inputs", Path(name) / "nodes", options.limit)
    line = json.dumps(asdict(outcome))
    with options.output.open("a") as file:
        file.write(line + "\n")
    print(line)
    return 0 if outcome.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
