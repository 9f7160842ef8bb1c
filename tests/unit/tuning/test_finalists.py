"""Which finalists train on what, and what is made of it; trials are run by a stand-in, no Ray."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.errors import StudyError
from reviewtune.tuning import trainings
from reviewtune.tuning.finalists import choose_by_folds, finalists_of
from reviewtune.tuning.held_out import HeldOut
from reviewtune.tuning.records import EpochRecord, TrialRecord, TrialStore
from reviewtune.tuning.training import EVERYTHING, Training, all_folds, search_fold

FOLD_OF, FAKE = np.arange(12) % 3, np.arange(12) % 2 == 0
F1: dict[int, list[float]] = {1: [0.80, 0.90, 0.85], 2: [0.70, 0.95, 0.96], 3: [0.60, 0.61, 0.62]}
"""By the params' x: F1 after each of three legs, the same in every fold."""

Fate = Callable[[Training], tuple[str, str | None]]


def record(x: int, f1: float, number: int, **values: Any) -> TrialRecord:
    epoch = EpochRecord(epoch=1, leg=1, f1=f1, accuracy=f1, roc_auc=f1, fit_seconds=1.0)
    return TrialRecord(
        trial_id=f"t{number}", number=number, params={"x": x}, status="finished", epochs=[epoch], **values
    )


SEARCH = [record(1, 0.9, 1), record(2, 0.8, 2), record(2, 0.85, 3), record(3, 0.5, 4, is_default=True)]


def test_finalists_are_the_best_different_configurations_and_the_default_one() -> None:
    assert [own.trial_id for own in finalists_of(SEARCH, 1)] == ["t1", "t4"]
    assert [own.trial_id for own in finalists_of(SEARCH, 2)] == ["t1", "t3", "t4"]
    assert [own.trial_id for own in finalists_of(SEARCH, 9)] == ["t1", "t3", "t4"]
    failed = [*SEARCH[:3], SEARCH[3].model_copy(update={"status": "failed"})]
    assert [own.trial_id for own in finalists_of(failed, 1)] == ["t1"]


class Runner:
    """Trains what it is asked for: says of each held-out row `10 x + leg`, a tenth of the seed more; 2 sees fakes."""

    def __init__(self, run: Any, fate: Fate) -> None:
        self.run, self.fate = run, fate
        self.asked: list[list[Training]] = []
        self.number = 0
        self.judged: Callable[[int], float | None] = lambda x: None

    def __call__(self, run: Any, store: TrialStore, trainings: list[Training]) -> None:
        self.asked.append(list(trainings))
        for training in trainings:
            status, error = self.fate(training)
            self.number += 1
            number, x = self.number, training.params["x"]
            fold, trial_id = run.study.folds[training.fold], f"m{number}"
            legs = range(1, training.last_leg(3) + 1) if len(fold.held_out) and status == "finished" else []
            epochs = [
                EpochRecord(
                    epoch=leg / 2,
                    leg=leg,
                    f1=F1[x][leg - 1],
                    accuracy=0,
                    roc_auc=0,
                    fit_seconds=x * leg,
                    judged=self.judged(x),
                )
                for leg in legs
            ]
            told = 5 * FAKE[fold.held_out] * (x == 2) + 10 * x + (fold.seed - 7) / 10
            said = {leg: told + leg for leg in legs}
            if said:
                HeldOut(said).write(run.models / trial_id)
            for name in ("best", "last"):
                (run.models / trial_id / name).mkdir(parents=True)
            store.write(
                TrialRecord(
                    trial_id=trial_id,
                    number=number,
                    params=training.params,
                    status=status,
                    error=error,
                    fold=training.fold,
                    until=training.until,
                    epochs=epochs,
                    model=f"models/{trial_id}/best",
                )
            )


@pytest.fixture
def run(tmp_path: Path) -> Any:
    folds = all_folds(FOLD_OF, 3, seeds=2, search=search_fold(9, 3, seed=7))
    config = SimpleNamespace(finalists=2, seeds=1, keep_folds=True, objective="f1")
    inputs = SimpleNamespace(development=np.arange(12), fake=FAKE, units_at=lambda positions: positions)
    return SimpleNamespace(
        name="svm",
        study=SimpleNamespace(config=config, num_folds=3, folds=folds, judging=np.arange(12), inputs=inputs),
        plan=SimpleNamespace(family=SimpleNamespace(inputs="texts")),
        finalists=TrialStore(tmp_path / "finalists"),
        models=tmp_path / "models",
        progress=SimpleNamespace(train_finalists=lambda *_: None),
        results_dir=tmp_path,
    )


@pytest.fixture
def runner(run: Any, monkeypatch: pytest.MonkeyPatch) -> Runner:
    runner = Runner(run, lambda _: ("finished", None))
    monkeypatch.setattr(trainings, "run_as_tasks", runner)
    monkeypatch.setattr(trainings, "_round", lambda run, trainings: trainings)
    monkeypatch.setattr(trainings, "run_round", lambda run, executor, trainings: runner(run, run.finalists, trainings))
    return runner


EXECUTORS: Any = SimpleNamespace(get=lambda: SimpleNamespace(assignment=None), end=lambda: None)


def test_the_best_mean_over_folds_wins_with_the_leg_that_is_best_for_all_of_them(run: Any, runner: Runner) -> None:
    """x=1 led on validation; x=2 has 0.96 after its third leg in every fold."""
    chosen = choose_by_folds(run, EXECUTORS, SEARCH)
    assert len(runner.asked) == 1
    assert len(runner.asked[0]) == 9
    assert (chosen.record.trial_id, chosen.epoch, chosen.fit_seconds, chosen.models) == ("t3", 1.5, 6, [])
    assert chosen.selection is not None
    assert (chosen.selection.f1, chosen.selection.highest_f1) == pytest.approx((0.96, 0.96))
    assert chosen.gain is not None
    assert (chosen.gain.f1, chosen.gain.low > 0) == (pytest.approx(1 - 2 / 3), True)
    assert (chosen.selection.folds, chosen.selection.seeds) == (3, 1)
    assert chosen.selection.standard_error == pytest.approx(0)
    np.testing.assert_allclose(chosen.scores, 23 + 5 * FAKE)
    assert not any([*run.models.glob("*/last"), *run.models.glob("*/best")])
    assert len(list(run.models.glob("*/held_out.parquet"))) == 9


def test_what_has_been_trained_is_not_trained_again(run: Any, runner: Runner) -> None:
    once = choose_by_folds(run, EXECUTORS, SEARCH)
    again = choose_by_folds(run, EXECUTORS, SEARCH)
    assert len(runner.asked) == 1
    assert again.selection == once.selection
    run.study.config.finalists = 1
    assert choose_by_folds(run, EXECUTORS, SEARCH).record.trial_id == "t1"
    assert len(runner.asked) == 1


def test_the_first_two_train_by_more_seeds_and_their_scores_are_means(run: Any, runner: Runner) -> None:
    run.study.config.seeds = 2
    chosen = choose_by_folds(run, EXECUTORS, SEARCH)
    assert len(runner.asked[0]) == 3 * (2 + 2 + 1)
    np.testing.assert_allclose(chosen.scores, 23.05 + 5 * FAKE)
    assert chosen.selection is not None
    assert chosen.selection.seeds == 2


def test_another_objective_chooses_and_f1_is_told_beside_it(run: Any, runner: Runner) -> None:
    """Log loss would take x=1, whose F1 is lower."""
    run.study.config.objective = "log_loss"
    runner.judged = lambda x: -0.1 * x
    chosen = choose_by_folds(run, EXECUTORS, SEARCH)
    assert (chosen.record.trial_id, chosen.selection is not None) == ("t1", True)
    assert chosen.selection is not None
    assert (chosen.selection.value, chosen.selection.value_error) == (pytest.approx(0.1), pytest.approx(0))
    assert chosen.selection.f1 == chosen.selection.highest_f1 == pytest.approx(F1[1][2])
    assert chosen.selection.default_f1 == pytest.approx(F1[3][2])


def test_the_default_configuration_has_no_gain_over_itself(run: Any, runner: Runner) -> None:
    chosen = choose_by_folds(run, EXECUTORS, [record(2, 0.5, 1, is_default=True), record(3, 0.9, 2)])
    assert (chosen.record.trial_id, chosen.gain) == ("t1", None)


def test_an_adapter_is_shipped_with_those_of_its_folds(run: Any, runner: Runner) -> None:
    """The third leg is the last one: what the folds have trained is what is shipped, beside one of everything."""
    run.plan.family.inputs = "tokens"
    chosen = choose_by_folds(run, EXECUTORS, SEARCH)
    assert runner.asked[1:] == [[Training({"x": 2}, EVERYTHING)]]
    of_folds = [record.trial_id for record in run.finalists.read() if record.params == {"x": 2} and record.epochs]
    assert chosen.models == ["models/m10/best", *(f"models/{name}/best" for name in of_folds)]
    assert chosen.selection is not None
    assert chosen.selection.models == 4
    assert {str(path.relative_to(run.results_dir)) for path in run.models.glob("*/best")} == set(chosen.models)
    assert not any(run.models.glob("*/last"))


def test_adapters_whose_best_leg_is_not_the_last_are_trained_again_up_to_it(run: Any, runner: Runner) -> None:
    run.plan.family.inputs, run.study.config.finalists = "tokens", 1
    choose_by_folds(run, EXECUTORS, SEARCH)
    names = [EVERYTHING, "1 of 3, seed 1", "2 of 3, seed 1", "3 of 3, seed 1"]
    assert runner.asked[1] == [Training({"x": 1}, name, until=2) for name in names]


def test_one_adapter_is_shipped_where_one_is_to_do(run: Any, runner: Runner) -> None:
    run.plan.family.inputs, run.study.config.keep_folds = "tokens", False
    chosen = choose_by_folds(run, EXECUTORS, SEARCH)
    assert runner.asked[1] == [Training({"x": 2}, EVERYTHING)]
    assert chosen.models == ["models/m10/best"]
    run.study.config.keep_folds = True
    assert len(choose_by_folds(run, EXECUTORS, SEARCH).models) == 4
    assert [training.fold for training in runner.asked[2]] == ["1 of 3, seed 1", "2 of 3, seed 1", "3 of 3, seed 1"]


def test_what_the_machine_lost_is_tried_again_and_a_finalist_that_failed_is_out(run: Any, runner: Runner) -> None:
    lost = ["2 of 3, seed 1"]

    def fate(training: Training) -> tuple[str, str | None]:
        if training.params["x"] == 2 and training.fold.startswith("3"):
            return "failed", "it diverged"
        if training.params["x"] == 1 and training.fold in lost:
            lost.remove(training.fold)
            return "lost", "its worker died"
        return "finished", None

    runner.fate = fate
    chosen = choose_by_folds(run, EXECUTORS, SEARCH)
    assert [len(asked) for asked in runner.asked] == [9, 1]
    assert chosen.record.trial_id == "t1"


def test_a_finalist_that_fails_on_all_reviews_is_passed_over(run: Any, runner: Runner) -> None:
    told: list[str] = []
    run.progress.say, run.plan.family.inputs = told.append, "tokens"
    failing = {2}

    def fate(training: Training) -> tuple[str, str | None]:
        failed = training.fold == EVERYTHING and training.params["x"] in failing
        return ("failed", "it diverged") if failed else ("finished", None)

    runner.fate = fate
    assert choose_by_folds(run, EXECUTORS, SEARCH).record.trial_id == "t1"
    (line,) = told
    assert line == (
        "svm could not be trained on all development reviews (it diverged), with params that its folds bore; the next "
        "best finalist is taken"
    )
    trained = len(runner.asked)
    assert choose_by_folds(run, EXECUTORS, SEARCH).record.trial_id == "t1"
    assert len(runner.asked) == trained
    runner.fate = lambda training: ("lost", "no room") if training.fold == EVERYTHING else ("finished", None)
    run.finalists.remove(next(record for record in run.finalists.read() if record.status == "failed"))
    with pytest.raises(StudyError, match=r"all development reviews \(no room\): the same command tries again"):
        choose_by_folds(run, EXECUTORS, SEARCH)


def test_where_none_is_left_the_last_failure_is_told(run: Any, runner: Runner) -> None:
    run.progress.say, run.plan.family.inputs = print, "tokens"
    runner.fate = lambda training: ("failed", "it diverged") if training.fold == EVERYTHING else ("finished", None)
    with pytest.raises(StudyError, match=r"all development reviews \(it diverged\), with params that its folds bore$"):
        choose_by_folds(run, EXECUTORS, SEARCH)


def test_finalists_that_cannot_be_trained_are_told_of_in_one_line(run: Any, runner: Runner) -> None:
    runner.fate = lambda training: ("lost", "no room")
    with pytest.raises(StudyError, match=r"no finalist of svm .* all 3 folds \(no room\): .* --finalists 0 chooses"):
        choose_by_folds(run, EXECUTORS, SEARCH)
    assert len(runner.asked) == 1


def test_what_a_fold_said_that_is_gone_says_what_to_delete(run: Any, runner: Runner) -> None:
    choose_by_folds(run, EXECUTORS, SEARCH)
    for path in run.models.glob("*/held_out.parquet"):
        path.unlink()
    with pytest.raises(StudyError, match=r"lacks what 1 of 3, seed 1 said .*delete .*finalists/m1\.json"):
        choose_by_folds(run, EXECUTORS, SEARCH)


def test_a_trial_that_ended_on_a_share_of_the_rows_is_no_finalist() -> None:
    pruned = record(4, 0.99, 5)
    pruned = pruned.model_copy(update={"epochs": [pruned.epochs[0].model_copy(update={"epoch": 0.1, "share": 0.1})]})
    assert [own.trial_id for own in finalists_of([pruned, *SEARCH], 9)] == ["t1", "t3", "t4"]
    assert [own.trial_id for own in finalists_of([pruned], 9)] == ["t5"]
