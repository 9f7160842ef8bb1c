"""What trains a family's trials: started when the first of them is to run, and ended with the family."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from reviewtune.tuning.ddp import ddp_trainable, free_workers
from reviewtune.tuning.family_run import FamilyRun
from reviewtune.tuning.inline import inline_trainable
from reviewtune.tuning.lending import with_shared
from reviewtune.tuning.packed import pack_workers
from reviewtune.tuning.trial import Assignment


@dataclass(frozen=True)
class Executor:
    """Hands trials to whatever trains them.

    Attributes:
        trainable: For Ray Tune.
        reuse_actors: Run trial after trial in the same processes.
        leave: Told of each trial that has ended.
        num_workers: How many pack workers there are now; None where trials train by themselves.
        assignment: What trials of families without tokens share.
    """

    trainable: Any
    reuse_actors: bool = True
    leave: Callable[[str], None] | None = None
    num_workers: Callable[[], int] | None = None
    assignment: Assignment | None = None


@dataclass
class Executors:
    """The executor that fits a family and its study, as long as it lives.

    Args:
        run: The family.
    """

    run: FamilyRun
    _stack: ExitStack = field(default_factory=ExitStack)
    _running: Executor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def get(self) -> Executor:
        """The one that runs, or a new one."""
        if self._running is None:
            self._running = self._stack.enter_context(_start(self.run))
        return self._running

    def end(self) -> None:
        """End it, if it runs: what holds CPUs and GPUs is free then."""
        self._running = None
        self._stack.close()


@contextmanager
def _start(run: FamilyRun) -> Iterator[Executor]:
    if run.resources.slots:
        with pack_workers(run) as packs:
            yield Executor(packs.trainable, leave=packs.leave, num_workers=packs.num_workers)
    elif run.plan.family.inputs == "tokens":
        trainable = ddp_trainable(run.assignment, run.resources)
        try:
            yield Executor(trainable, reuse_actors=False, leave=partial(free_workers, run.models))
        finally:
            # Tune tells nobody of the trials that it stops when the time is up.
            free_workers(run.models)
    else:
        assignment = with_shared(run)
        yield Executor(inline_trainable(assignment, run.resources), assignment=assignment)
