from types import SimpleNamespace
from typing import Any

import pytest
import torch

from reviewtune.adapters.packed.pace import STEPS_AHEAD, Pace


def test_the_host_waits_for_all_but_the_last_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    waited: list[int] = []

    def record_event() -> Any:
        number = len(begun)
        begun.append(number)
        return SimpleNamespace(synchronize=lambda: waited.append(number))

    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: SimpleNamespace(record_event=record_event))
    pace = Pace(torch.device("cuda"))
    for _ in range(5):
        pace.keep()
    assert waited == list(range(5 - STEPS_AHEAD))
