"""What trials of a family share is made once, by Ray, and lent to all."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.families.base import Rows
from reviewtune.families.shared import SharedTexts, Work
from reviewtune.tuning import lending
from reviewtune.tuning.lending import with_shared
from reviewtune.tuning.trial import Assignment

TEXTS = ["Great", "The zip broke", "Perfect"]
pytestmark = pytest.mark.usefixtures("local_ray")


def lengths(log: Path, texts: Sequence[str]) -> np.ndarray:
    with log.open("a") as file:
        file.write("lengths\n")
    if "fail" in texts:
        raise MemoryError("none left")
    return np.array([len(text) for text in texts])


class Lengths:
    inputs = "texts"

    def __init__(self, log: Path) -> None:
        self.log = log

    def shared_work(self, fixed: Mapping[str, Any]) -> Mapping[str, Work]:
        return {f"lengths of {fixed['kind']}": partial(lengths, self.log)}

    def shared_bytes(self, characters: int, fixed: Mapping[str, Any]) -> int:
        return characters * fixed["bytes"]


def run_of(family: Any, inputs: Any, said: list[str], size: int = 1) -> Any:
    rows = Rows(inputs, np.zeros(len(inputs), dtype=bool))
    assignment = Assignment("own", {}, rows, {}, None, Path(), "f1")  # type: ignore[arg-type]
    return SimpleNamespace(
        name="tfidf",
        assignment=assignment,
        plan=SimpleNamespace(family=family, fixed={"kind": "own", "bytes": size}),
        resources=SimpleNamespace(cpus=1.0),
        progress=SimpleNamespace(say=said.append),
    )


def test_it_is_made_once_and_read_anywhere(tmp_path: Path) -> None:
    import ray

    said: list[str] = []
    run = run_of(Lengths(tmp_path / "log"), TEXTS, said)
    shared = with_shared(run)
    assert list(shared.rows.inputs) == TEXTS
    assert shared.rows.fake is run.assignment.rows.fake

    @ray.remote
    def trial(assignment: Assignment, rows: list[int]) -> list[int]:
        found: list[int] = assignment.rows.take(np.array(rows)).inputs.own("lengths of own").tolist()
        return found

    assert ray.get([trial.remote(shared, [2]), trial.remote(shared, [1, 0])]) == [[7], [13, 5]]
    assert (tmp_path / "log").read_text().splitlines() == ["lengths"]
    assert not said


def test_what_is_lost_is_made_again_once_where_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    inputs = with_shared(run_of(Lengths(tmp_path / "log"), TEXTS, [])).rows.inputs

    def gone(reference: Any) -> Any:
        raise ray.exceptions.ObjectReconstructionFailedError(reference.hex(), None, None)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(ray, "get", gone)
    assert inputs.own("lengths of own").tolist() == [5, 13, 7]
    assert inputs.take(np.array([2])).own("lengths of own").tolist() == [7]
    assert (tmp_path / "log").read_text().splitlines() == ["lengths"] * 2


@pytest.mark.parametrize(("inputs", "size"), [(TEXTS, 10**15), (np.zeros((3, 2)), 1)], ids=["too much", "of no texts"])
def test_otherwise_trials_work_by_themselves(tmp_path: Path, inputs: Any, size: int) -> None:
    run = run_of(Lengths(tmp_path / "log"), inputs, [], size)
    assert with_shared(run) is run.assignment
    assert not (tmp_path / "log").exists()


def test_a_family_that_shares_nothing_has_its_rows_as_they_are() -> None:
    run = run_of(SimpleNamespace(inputs="texts"), TEXTS, [])
    assert with_shared(run) is run.assignment


def test_that_it_cannot_be_made_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    run = run_of(Lengths(tmp_path / "log"), ["fail"], said)
    assert with_shared(run) is run.assignment
    assert said == ["tfidf: each trial works by itself (MemoryError: none left)"]


def test_the_share_of_the_store_is_of_the_smallest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import ray

    sizes = [{"Alive": True, "Resources": {"object_store_memory": size}} for size in (1e9, 100)]
    monkeypatch.setattr(ray, "nodes", lambda: sizes)
    monkeypatch.setattr(lending, "SHARE_OF_STORE", 0.5)
    characters = sum(map(len, TEXTS))
    assert characters < 50
    assert isinstance(with_shared(run_of(Lengths(tmp_path / "log"), TEXTS, [])).rows.inputs, SharedTexts)
    run = run_of(Lengths(tmp_path / "log"), TEXTS, [], size=3)
    assert with_shared(run) is run.assignment
