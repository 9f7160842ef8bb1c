from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from reviewtune.adapters.packed.graphs import GraphedPasses
from reviewtune.adapters.packed.staging import PassShape
from reviewtune.tracebacks import LONGEST

SHAPE = PassShape.around(np.array([5, 7]), most=7)


def passes_that_fail(monkeypatch: pytest.MonkeyPatch, error: RuntimeError) -> GraphedPasses:
    """Whose shape has been seen, and cannot be recorded."""
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, 0))
    stack = SimpleNamespace(slots=2, values=torch.zeros(2, 3, requires_grad=True))
    model: Any = SimpleNamespace(stack=stack)
    passes = GraphedPasses(model, torch.zeros(2))
    passes._seen.add(SHAPE)

    def fail(_: PassShape) -> None:
        raise error

    monkeypatch.setattr(passes, "_record", fail)
    return passes


def test_passes_that_cannot_be_recorded_are_told_of_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("CUDA error: operation not permitted\nCompile with `TORCH_USE_CUDA_DSA`\n" + "and so on " * 99)
    passes = passes_that_fail(monkeypatch, error)
    with pytest.warns(UserWarning, match="operation not permitted Compile") as caught:
        assert passes._recording(SHAPE) is None
    (line,) = [str(warning.message) for warning in caught]
    assert "\n" not in line
    assert len(line) < LONGEST + 100
    other = PassShape.around(np.array([500, 700]), most=700)
    passes._seen.add(other)
    assert passes._recording(other) is None


@pytest.mark.filterwarnings("error")
def test_want_of_memory_refuses_one_shape_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = passes_that_fail(monkeypatch, torch.OutOfMemoryError("no memory"))
    assert passes._recording(SHAPE) is None
    assert passes._refused == {SHAPE}
    assert passes._can_record
