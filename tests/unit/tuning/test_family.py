import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.config import StudyConfig
from reviewtune.tuning import family
from reviewtune.tuning.chosen import Chosen
from reviewtune.tuning.keeping import BEST, PROGRESS_FILE
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore


def test_a_leg_ahead_is_taken_in_also_where_the_study_was_cut_off_after_its_last_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {"f1": 0.6, "accuracy": 0.6, "roc_auc": 0.6, "fit_seconds": 1.0}
    model = f"models/a/{BEST}"
    (tmp_path / model).mkdir(parents=True)
    (tmp_path / model / PROGRESS_FILE).write_text(json.dumps({**scores, "f1": 0.8, "epoch": 1.5}))
    store = TrialStore(tmp_path / "trials")
    epochs = [EpochRecord(epoch=1, **scores)]
    store.write(TrialRecord(trial_id="a", number=1, params={}, status="stopped", epochs=epochs, model=model))
    selected: list[TrialRecord] = []

    def known_entry(_: Any, chosen: Chosen, entry: Any) -> Any:
        selected.append(chosen.record)
        return entry

    monkeypatch.setattr(family, "unscored_entry", lambda *_: SimpleNamespace(test=None))
    monkeypatch.setattr(family, "known_entry", known_entry)
    progress = SimpleNamespace(end=lambda *_: None)
    run: Any = SimpleNamespace(
        name="qlora",
        plan=SimpleNamespace(num_trials=1),
        study=SimpleNamespace(config=StudyConfig(), num_folds=1),
        trials=store,
        models=tmp_path / "models",
        results_dir=tmp_path,
        progress=progress,
    )
    family.tune_family(run)
    (record,) = selected
    assert record.best is not None
    assert (record.best.epoch, record.best.f1) == (1.5, 0.8)
