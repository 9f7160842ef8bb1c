"""Pack workers that come and go one by one: a node that joins, one that is to be taken away, one that is lost."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.kept import doubled, legs, lost, read_kept, read_records
from tests.faults.kill import PAUSE_SECONDS
from tests.faults.processes import adopt_orphans, end_all, of_component
from tests.faults.study import Program

TRIALS, EPOCHS = 4, 40
LIMIT_SECONDS = 900
NOTICE_SECONDS = 20
"""Ray Train looks for drained nodes every five seconds."""


def wait_until(condition: Callable[[], Any], program: Program) -> None:
    """Look until it holds, as long as the program runs."""
    while not condition():
        assert program.process.poll() is None, program.said()[-5:]
        assert program.seconds < LIMIT_SECONDS, f"it did not get so far in time: {program.said()[-5:]}"
        time.sleep(0.2)


def words(inputs: Path, results: Path, *, slots: int, address: str | None = None) -> list[str]:
    space = {"qlora": {"epochs": EPOCHS, "batch_size": 16, "target": "attention"}}
    study = ["tune", "--data", str(inputs / "reviews.csv"), "--base-model", str(inputs / "base"), "--families", "qlora"]
    study += ["--results-dir", str(results), "--num-trials", str(TRIALS), "--space", json.dumps(space)]
    study += ["--slots", str(slots), "--finalists", "0", "--figures", "0"]
    return [*study, "--address", address] if address else study


@contextmanager
def cluster() -> Iterator[Any]:
    """A head with one CPU, to which nodes can be added."""
    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dashboard = {"include_dashboard": True, "dashboard_port": free.getsockname()[1]}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **dashboard})
    try:
        yield nodes
    finally:
        nodes.shutdown()


def drain(address: str, node: Any) -> None:
    """What a cloud's notice of two minutes comes to."""
    ray = str(Path(sys.executable).with_name("ray"))
    asked = ["drain-node", "--address", address, "--node-id", node.node_id, "--deadline-remaining-seconds", "120"]
    asked += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "a test"]
    subprocess.run([ray, *asked], check=True, capture_output=True)


def in_midway(results: Path) -> list[str]:
    """Trials that were written in the middle of a leg, and not since."""
    return [path.parts[-3] for path in results.glob("studies/*/*/models/*/last/midway.json")]


def move_nodes(inputs: Path, results: Path) -> dict[str, Any]:
    """A study on one node; a second joins, is given notice and goes; a third takes its place."""
    seen: dict[str, Any] = {}
    with cluster() as nodes:
        program = Program(words(inputs, results, slots=2, address=nodes.address))
        try:
            wait_until(lambda: sum(legs(results).values()) > 3, program)
            seen["alone"] = len(legs(results))
            second = nodes.add_node(num_cpus=1)
            wait_until(lambda: len(legs(results)) == TRIALS, program)
            drain(nodes.address, second)
            end = program.seconds + NOTICE_SECONDS
            wait_until(lambda: in_midway(results) or program.seconds > end, program)
            seen["midway"] = len(in_midway(results))
            nodes.remove_node(second, allow_graceful=False)
            before = legs(results)
            nodes.add_node(num_cpus=1)
            wait_until(lambda: not in_midway(results), program)
            seen["moved"] = {trial: (before.get(trial), leg) for trial, leg in legs(results).items()}
            seen["status"] = program.wait(LIMIT_SECONDS)
            seen["said"] = program.said()
        finally:
            program.process.kill()
    return seen


def kill_one_of_two(inputs: Path, results: Path) -> dict[str, Any]:
    """A study in two packs of a slot; the worker of one dies. How many legs either trial had trained, and then did."""
    adopt_orphans()
    program = Program(words(inputs, results, slots=1))
    try:
        wait_until(lambda: sum(leg >= 4 for leg in legs(results).values()) == 2, program)
        workers, before, at = of_component("worker", program.process.pid), legs(results), program.seconds
        workers[0].kill()
        wait_until(lambda: program.seconds >= at + PAUSE_SECONDS, program)
        after = legs(results)
        status = program.wait(LIMIT_SECONDS)
        return {"before": before, "after": after, "killed": at, "status": status, "said": program.said()}
    finally:
        program.process.kill()
        end_all()


@pytest.mark.slow
def test_the_death_of_one_pack_worker_holds_up_no_other(
    apart: Callable[..., Any], inputs: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    seen = apart(kill_one_of_two, inputs, results)
    gained = [leg - seen["before"].get(trial, 0) for trial, leg in seen["after"].items()]
    # With the other half of the machine's time it is rather faster than before.
    assert max(gained) >= 2, gained
    assert seen["status"] == 0, seen["said"][-5:]
    after = read_kept(results)
    assert lost({}, after, family="qlora", trials=TRIALS) == []
    assert doubled(after, TRIALS) == []


@pytest.mark.slow
def test_nodes_come_and_go_while_a_study_runs(apart: Callable[..., Any], inputs: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    seen = apart(move_nodes, inputs, results)
    assert seen["alone"] == 2
    assert any("2 packs train now" in line for line in seen["said"])
    assert seen["midway"], "no slot was written when its node was to be taken away"
    assert all(before <= after for before, after in seen["moved"].values())
    assert seen["status"] == 0, seen["said"][-5:]
    after = read_kept(results)
    assert lost({}, after, family="qlora", trials=TRIALS) == []
    assert doubled(after, TRIALS) == []
    for record in read_records(results).values():
        assert len(record["epochs"]) == EPOCHS or record["status"] == "stopped"
