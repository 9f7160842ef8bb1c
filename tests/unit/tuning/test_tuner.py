"""What a round asks of Ray Tune, which does not run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.tuning import tuner
from reviewtune.tuning.records import TrialStore


@pytest.mark.parametrize(("seconds", "asked"), [(None, None), (60.0, 60.0), (0.0, tuner.LEAST_SECONDS)])
def test_a_round_that_has_no_time_left_is_limited_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float | None, asked: float | None
) -> None:
    limits = []

    def made(trainable: Any, **options: Any) -> Any:
        limits.append(options["tune_config"].time_budget_s)
        return SimpleNamespace(fit=lambda: None)

    monkeypatch.setattr(tuner.tune, "Tuner", made)
    monkeypatch.setattr(tuner, "make_keeper", lambda *_, **options: SimpleNamespace(pause=lambda: None))
    names = SimpleNamespace(folder=lambda trial: "folder")
    run: Any = SimpleNamespace(names=lambda: names, resources=SimpleNamespace(workers=1), folder=tmp_path)
    executor: Any = SimpleNamespace(trainable=None, leave=None, num_workers=None, reuse_actors=True)
    tuner.run_round(run, executor, tuner.Round("tune", TrialStore(tmp_path), 1, 1, seconds=seconds))
    assert limits == [asked]
