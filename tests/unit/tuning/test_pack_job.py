from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.errors import EncoderError
from reviewtune.tuning import pack_job
from reviewtune.tuning.pack_job import Notice, work


def test_a_notice_is_looked_for_now_and_then_and_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks, said = 100.0, [], None
    monkeypatch.setattr(pack_job.time, "monotonic", lambda: now)
    monkeypatch.setattr("ray.train.get_preemption_info", lambda: looks.append(now) or said)
    notice = Notice()
    assert not notice()
    now, said = 100.9, "the node is drained"
    assert not notice()
    now = 101.0
    assert notice()
    said = None
    now = 200.0
    assert notice()
    assert looks == [100.0, 101.0]


@pytest.mark.parametrize(
    ("error", "told"),
    [(EncoderError("no base model here"), "no base model here"), (KeyError("weight"), "KeyError: 'weight'")],
)
def test_what_would_fail_again_here_is_told_and_what_is_the_machines_is_not(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resigned: list[tuple[int, str]] = []
    broker = SimpleNamespace(resign=SimpleNamespace(remote=lambda *words: resigned.append(words)))
    job = SimpleNamespace(broker=broker, assignment=SimpleNamespace(models_dir=None))
    monkeypatch.setattr("ray.get", lambda told: told)
    monkeypatch.setattr(pack_job, "note_group", lambda *_: None)

    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(pack_job, "_pack_worker", fail)
    work({"job": job, "number": 3})
    assert resigned == [(3, told)]
    error = RuntimeError("CUDA out of memory")
    with pytest.raises(RuntimeError):
        work({"job": job, "number": 4})
