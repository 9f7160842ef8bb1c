"""Runs tests against a mutant: a copy of the tree for each process, and a fork of one that has torch at hand.

The imports of torch, transformers and Ray take longer than most tests: a fork server makes them once.
"""

import compileall
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.mutation.mutants import Mutant

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "results", "build", "dist")
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TRITON_INTERPRET": "1"}
"""Of all tests: on the CPU, each in one thread. Read when torch and Triton are imported."""
PASSED, CRASHED = 0, -1
"""Exit statuses: of pytest where all is well, and of a process that ended without pytest's."""
TIMED_OUT = "timed out"


@dataclass(frozen=True)
class Verdict:
    """How the tests took a tree.

    Attributes:
        status: Of pytest, or `CRASHED`; None where the time was up.
        seconds: Of the tests.
        failed: The test that failed first, or the last line said.
    """

    status: int | None
    seconds: float
    failed: str

    @property
    def passed(self) -> bool:
        """No test failed."""
        return self.status == PASSED


class Bench:
    """One process's copy of the tree.

    Args:
        root: Of the checkout.
        folder: Where the copy goes.
        context: As `fork_server` gives it.
    """

    def __init__(self, root: Path, folder: Path, context: ForkServerContext) -> None:
        self.tree, self.log, self.context = folder / "tree", folder / "log.txt", context
        self.status = folder / "status.txt"
        shutil.copytree(root, self.tree, ignore=LEFT_OUT)
        compileall.compile_dir(self.tree / "reviewtune", quiet=1)

    def judge(self, mutant: Mutant | None, tests: Sequence[str], seconds: float) -> Verdict:
        """What the tests say of a mutant, or of the tree as it is, within so many seconds."""
        if mutant is None:
            return self._run(tests, seconds)
        path = self.tree / mutant.path
        original, times = path.read_bytes(), path.stat()
        # Compiled code of the original would be taken for the mutant's, were both of one size and second.
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()
        path.write_text(mutant.code)
        try:
            return self._run(tests, seconds)
        finally:
            path.write_bytes(original)
            os.utime(path, (times.st_atime, times.st_mtime))

    def _run(self, tests: Sequence[str], seconds: float) -> Verdict:
        start = time.perf_counter()
        self.status.unlink(missing_ok=True)
        arguments = str(self.tree), str(self.log), str(self.status), list(tests)
        process = self.context.Process(target=run_tests, args=arguments)
        process.start()
        process.join(seconds)
        is_late = process.is_alive()
        # The group may hold processes that the tests have left behind, even where the first of them has ended.
        _end_group(process.pid)
        process.join()
        took = time.perf_counter() - start
        # Not the process's own exit code: several threads that start and join processes can take it from one another.
        if self.status.is_file():
            return Verdict(int(self.status.read_text()), took, self._last_words())
        return Verdict(None, took, TIMED_OUT) if is_late else Verdict(CRASHED, took, self._last_words())

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        failed = [line.removeprefix("FAILED ") for line in lines if line.startswith(("FAILED ", "ERROR "))]
        return (failed or lines or [""])[0 if failed else -1]


def fork_server() -> ForkServerContext:
    """Where processes that run tests are forked from, with the heavy imports made."""
    from reviewtune.quiet import be_quiet

    os.environ.update(ENVIRONMENT)
    be_quiet()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.mutation.heavy"])
    return context


def run_tests(tree: str, log: str, status: str, tests: list[str]) -> None:
    """In a process of its own: run tests on a tree until one fails, and write pytest's exit status."""
    os.setpgid(0, 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.chdir(tree)
    found_before = filter(None, [os.environ.get("PYTHONPATH")])
    os.environ |= {"PYTHONPATH": os.pathsep.join([tree, *found_before]), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path[:] = [tree, *(entry for entry in sys.path if entry not in ("", tree))]
    for name in [name for name in sys.modules if name.split(".")[0] in ("reviewtune", "tests")]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    import pytest

    found = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not gpu", *tests])
    sys.stdout.flush()
    Path(status).write_text(str(int(found)))
    # Not the interpreter's own way out, which waits for threads that a broken module may have left.
    os._exit(0)


def _end_group(group: int | None) -> None:
    if group is None:
        return
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
