"""A small study of a text family whose driver was killed in the middle, and whose command was then given again."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.faults.kill import Killed, Place, kill
from tests.faults.study import make_inputs

LIMIT_SECONDS = 250


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews and a thin base model."""
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


@pytest.fixture(scope="session")
def apart() -> Callable[..., Any]:
    """Call a function in a process of its own, which may adopt orphans and end what it has started."""

    def call(work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(work, *args, **named).result()

    return call


@pytest.fixture(scope="session")
def killed_driver(
    apart: Callable[..., Any], inputs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Killed, Path]:
    """What came of it, and the finished results directory; the driver was killed once a trial had ended."""
    results = tmp_path_factory.mktemp("killed") / "results"
    return apart(kill, "short", ["driver"], 0, Place(inputs, results, None, LIMIT_SECONDS, records=1)), results
