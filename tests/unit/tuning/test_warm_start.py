from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.tuning.family import _first_of_all
from reviewtune.tuning.identity import Identity, keep_identity
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from reviewtune.tuning.warm_start import check_warm_start, known_configurations

SPACE = {"C": FloatDistribution(0.1, 10.0, log=True), "kernel": CategoricalDistribution(["rbf", "linear"])}
ENCODER: Any = SimpleNamespace(title="minilm", revision="r1")


def study(results: Path, name: str, *trials: tuple[Any, ...], base: str = "minilm", family: str = "svm") -> None:
    """A study whose trials have a C, a kernel, an F1 and perhaps a status."""
    folder = results / "studies" / name
    keep_identity(
        folder,
        Identity(
            data="d",
            data_sha256="d" * 64,
            split_sha256="e" * 64,
            seed=1,
            base_model=base,
            revision="r1",
            quantisation="nf4",
            executor="packed",
            evaluations_per_epoch=1,
        ),
    )
    for number, (c, kernel, f1, *status) in enumerate(trials, 1):
        epoch = EpochRecord(epoch=1, f1=f1, accuracy=f1, roc_auc=f1, fit_seconds=1)
        TrialStore(folder / family / "trials").write(
            TrialRecord(
                trial_id=f"t{number}",
                number=number,
                params={"C": c, "kernel": kernel, "tol": 0.1},
                status=status[0] if status else "finished",
                epochs=[epoch],
            )
        )


def values(*pairs: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"C": c, "kernel": kernel} for c, kernel in pairs]


def test_the_best_of_each_study_come_first_each_once(tmp_path: Path) -> None:
    """However high another study's scores are: its reviews may be easy."""
    study(tmp_path, "a", (1.0, "rbf", 0.5), (2.0, "rbf", 0.6), (3.0, "linear", 0.4))
    study(tmp_path, "b", (4.0, "rbf", 0.95), (2.0, "rbf", 0.93))
    assert known_configurations(tmp_path, "svm", ENCODER, SPACE) == values(
        (2.0, "rbf"), (4.0, "rbf"), (1.0, "rbf"), (3.0, "linear")
    )


def test_what_failed_does_not_fit_or_is_on_another_base_model_is_left_out(tmp_path: Path) -> None:
    study(tmp_path, "a", (1.0, "rbf", 0.9, "failed"), (20.0, "rbf", 0.8), (2.0, "poly", 0.7), (3.0, "rbf", 0.6))
    study(tmp_path, "b", (4.0, "rbf", 0.95), base="stella")
    assert known_configurations(tmp_path, "svm", ENCODER, SPACE) == values((3.0, "rbf"))
    assert known_configurations(tmp_path, "svm", None, SPACE) == values((3.0, "rbf"), (4.0, "rbf"))
    assert known_configurations(tmp_path, "mlp", ENCODER, SPACE) == []


def test_a_folder_without_such_trials_is_refused(tmp_path: Path) -> None:
    study(tmp_path, "a", (1.0, "rbf", 0.5))
    check_warm_start(tmp_path, ["mlp", "svm"])
    with pytest.raises(UsageError, match=r"--warm-start .*: no study there has a trial of mlp, tfidf: give"):
        check_warm_start(tmp_path, ["mlp", "tfidf"])


def test_a_quarter_of_the_trials_begin_with_what_is_known_after_the_default_one(tmp_path: Path) -> None:
    study(tmp_path, "a", *((1.0 + number, "rbf", 0.5 + number / 100) for number in range(9)))
    said: list[str] = []
    plan = SimpleNamespace(distributions=SPACE, defaults={"C": 1.5, "kernel": "rbf", "tol": 0.1}, num_trials=8)
    run: Any = SimpleNamespace(
        name="svm",
        plan=plan,
        encoder=ENCODER,
        study=SimpleNamespace(config=StudyConfig(warm_start=tmp_path)),
        progress=SimpleNamespace(say=said.append),
    )
    assert _first_of_all(run, [], []) == values((1.5, "rbf"), (9.0, "rbf"), (8.0, "rbf"))
    assert said == [f"svm: 2 trials begin with configurations that did well in {tmp_path}"]
    # What has been tried is not tried again, whether it has ended or not.
    done, begun = TrialStore(tmp_path / "studies/a/svm/trials").read()[-2:]
    begun = begun.model_copy(update={"status": "lost", "is_default": True})
    assert _first_of_all(run, [done], [begun]) == values((9.0, "rbf"))
