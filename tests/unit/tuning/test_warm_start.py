from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError
from reviewtune.families.space import Params
from reviewtune.tuning.family import _first_of_all
from reviewtune.tuning.identity import Identity, keep_identity
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from reviewtune.tuning.warm_start import check_warm_start, family_start, known_configurations

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


class Known(Params):
    """Of a family that is known to do well elsewhere than by its defaults."""

    start: ClassVar[Mapping[str, Any]] = {"kernel": "linear", "tol": 0.5}


def run_of(num_trials: int, said: list[str], params: type[Params], config: StudyConfig) -> Any:
    defaults = {"C": 1.5, "kernel": "rbf", "tol": 0.1}
    family = SimpleNamespace(params=params)
    return SimpleNamespace(
        name="svm",
        plan=SimpleNamespace(distributions=SPACE, defaults=defaults, num_trials=num_trials, family=family),
        encoder=ENCODER,
        study=SimpleNamespace(config=config),
        progress=SimpleNamespace(say=said.append),
    )


def test_what_the_family_is_known_by_comes_second_where_it_is_searched(tmp_path: Path) -> None:
    second = values((1.5, "linear"))
    assert _first_of_all(run_of(2, [], Known, StudyConfig()), [], []) == [*values((1.5, "rbf")), *second]
    assert _first_of_all(run_of(1, [], Known, StudyConfig()), [], []) == values((1.5, "rbf"))
    assert family_start(Known, {"C": 1.5, "kernel": "rbf"}, SPACE) == second
    # The place of what is fixed stays, and what the space does not hold is no start.
    assert family_start(Known, {"C": 1.5}, {"C": SPACE["C"]}) == []
    narrow = {**SPACE, "kernel": CategoricalDistribution(["rbf", "poly"])}
    assert family_start(Known, {"C": 1.5, "kernel": "rbf"}, narrow) == []
    assert family_start(Params, {"C": 1.5, "kernel": "rbf"}, SPACE) == []


def test_it_comes_before_what_earlier_studies_know_and_once(tmp_path: Path) -> None:
    study(tmp_path, "a", (1.5, "linear", 0.9), (2.0, "rbf", 0.8), (3.0, "rbf", 0.7))
    run = run_of(12, [], Known, StudyConfig(warm_start=tmp_path))
    assert _first_of_all(run, [], []) == values((1.5, "rbf"), (1.5, "linear"), (2.0, "rbf"), (3.0, "rbf"))
    done = [
        record.model_copy(update={"is_default": True})
        for record in TrialStore(tmp_path / "studies/a/svm/trials").read()
    ]
    assert values((1.5, "linear"))[0] not in _first_of_all(run, done, [])


def test_a_quarter_of_the_trials_begin_with_what_is_known_after_the_default_one(tmp_path: Path) -> None:
    study(tmp_path, "a", *((1.0 + number, "rbf", 0.5 + number / 100) for number in range(9)))
    said: list[str] = []
    run = run_of(8, said, Params, StudyConfig(warm_start=tmp_path))
    assert _first_of_all(run, [], []) == values((1.5, "rbf"), (9.0, "rbf"), (8.0, "rbf"))
    assert said == [f"svm: 2 trials begin with configurations that did well in {tmp_path}"]
    # What has been tried is not tried again, whether it has ended or not.
    done, begun = TrialStore(tmp_path / "studies/a/svm/trials").read()[-2:]
    begun = begun.model_copy(update={"status": "lost", "is_default": True})
    assert _first_of_all(run, [done], [begun]) == values((9.0, "rbf"))
