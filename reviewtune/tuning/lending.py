"""What the trials of a family of texts have in common, made once by Ray tasks and lent to all of them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reviewtune.families.base import Rows
from reviewtune.families.registry import code_of
from reviewtune.families.shared import SharedTexts, Sharing, Work
from reviewtune.quiet import be_quiet
from reviewtune.tracebacks import reason_in
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.trial import Assignment

SHARE_OF_STORE = 0.3
"""Of the smallest object store of a node, that it may fill."""


@dataclass(frozen=True)
class Lender:
    """Gives what was made of all texts, from the object store, where it is as long as somebody holds this.

    Attributes:
        made: References, by the name of the work.
        work: That made it.
        texts: It was made of.
        again: What had to be made again, in this process.
    """

    made: Mapping[str, Any]
    work: Mapping[str, Work]
    texts: Sequence[str]
    again: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str) -> Any:
        """What that work has made; arrays in it are views of the node's shared memory.

        Where it is lost, with the node that had it, it is made again here.
        """
        import ray

        if name not in self.again:
            with suppress(ray.exceptions.ObjectLostError):
                return ray.get(self.made[name])
            self.again[name] = self.work[name](self.texts)
        return self.again[name]


def with_shared(run: FamilyRun) -> Assignment:
    """The assignment of a family whose trials read what is made here once, if they share anything.

    Where that would crowd Ray's object store, or fails, each trial does its own work.
    """
    import ray

    assignment, family = run.assignment, run.plan.family
    texts = assignment.rows.inputs
    if not isinstance(family, Sharing) or not isinstance(texts, list):
        return assignment
    with code_of([run.name]):
        work = family.shared_work(run.plan.fixed)
        size = family.shared_bytes(sum(map(len, texts)), run.plan.fixed)
    stores = [node["Resources"].get("object_store_memory", 0) for node in ray.nodes() if node["Alive"]]
    if size > SHARE_OF_STORE * min(stores, default=0):
        return assignment
    try:
        made = _make(work, texts, cpus=run.resources.cpus)
    except ray.exceptions.RayError as error:
        run.progress.say(f"{run.name}: each trial works by itself ({reason_in(str(error))})")
        return assignment
    shared = SharedTexts(texts, np.arange(len(texts)), Lender(made, work, texts))
    return replace(assignment, rows=Rows(shared, assignment.rows.fake))


def _make(work: Mapping[str, Work], texts: list[str], *, cpus: float) -> dict[str, Any]:
    """References to what each work makes, once all is made."""
    import ray

    everything = ray.put(texts)
    # Not by Ray once more: what is lost then would want a CPU while the trials that wait for it have them all.
    task: Callable[..., Any] = ray.remote(num_cpus=cpus, num_returns=2, max_retries=0)(_do).remote
    results = {name: task(each, everything) for name, each in work.items()}
    # A small answer tells of failure, without what was made coming to this node.
    ray.get([done for done, _ in results.values()])
    return {name: made for name, (_, made) in results.items()}


def _do(work: Work, texts: list[str]) -> tuple[bool, Any]:
    be_quiet()
    return True, work(texts)
