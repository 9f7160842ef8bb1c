import json

import numpy as np
import pytest

from reviewtune.leaderboard.page.budget import Budget
from reviewtune.leaderboard.page.importance import importance_of
from reviewtune.leaderboard.page.trials import Trial, axis_of, history, learning_curves, read_trials, search_figures


def record(number, *, legs=((1, 0.8), (2, 0.9)), **changes):
    epochs = [
        {"epoch": epoch, "f1": f1, "accuracy": f1, "roc_auc": f1, "fit_seconds": 2.0 * epoch} for epoch, f1 in legs
    ]
    made = {"trial_id": f"t{number}", "number": number, "params": {"rate": 0.1 * number, "epochs": 2}}
    return {**made, "status": "finished", "epochs": epochs} | changes


@pytest.fixture
def folder(tmp_path):
    def write(*records):
        for one in records:
            (tmp_path / f"{one['trial_id']}.json").write_text(json.dumps(one))
        return tmp_path

    return write


def trial(number, f1=0.5, status="finished", legs=None, **params):
    legs = ((1.0, f1),) if legs is None else legs
    return Trial(number, params or {"rate": number / 10}, status, f1, tuple(legs), 1.0, is_default=number == 1)


def test_trials_are_read_in_their_order_and_those_of_folds_are_not(folder):
    read = read_trials(folder(record(2), record(1, is_default=True), record(3, fold="fold-1-of-5")))
    assert [(one.number, one.f1, one.seconds, one.is_default) for one in read] == [
        (1, 0.9, 4, True),
        (2, 0.9, 4, False),
    ]


def test_a_first_rung_counts_only_where_nothing_else_ended(folder):
    first = {"epoch": 0.1, "f1": 0.95, "accuracy": 1, "roc_auc": 1, "fit_seconds": 1, "share": 0.1}
    both, alone = record(1), record(2, epochs=[first])
    both["epochs"].insert(0, first)
    assert [one.f1 for one in read_trials(folder(both, alone))] == [0.9, 0.95]


@pytest.mark.parametrize("damage", ["{", "[]", '{"number": 1}', '{"number": 1, "params": 3, "status": "finished"}'])
def test_a_damaged_record_is_left_out(folder, damage):
    path = folder(record(1))
    (path / "t9.json").write_text(damage)
    assert [one.number for one in read_trials(path)] == [1]


def test_one_trial_is_no_search():
    assert search_figures([trial(1)], {}, Budget(), weighed=True) is None


def test_the_history_has_every_trial_and_says_which_was_the_default():
    some = [trial(1, 0.5), trial(2, None, "failed", ()), trial(3, 0.7, "stopped")]
    found = search_figures(some, {}, Budget(), weighed=False)["history"]
    assert found == {"n": None, "all": 3, "f1": [0.5, None, 0.7], "status": "fxs", "isDefault": 0}


def test_a_long_history_keeps_what_was_better_than_all_before():
    some = [trial(number, 0.5 + (number == 777) / 4 + (number == 333) / 8) for number in range(1, 1001)]
    found = history(some, 50)
    assert found["all"] == 1000
    assert {1, 333, 777, 1000} <= set(found["n"])
    assert len(found["n"]) < 60
    assert found["f1"][found["n"].index(777)] == 0.75


def test_curves_meet_at_the_share_of_their_own_course_and_rungs_are_where_trials_stopped():
    some = [
        trial(1, 0.9, legs=((1, 0.8), (2, 0.9)), epochs=2),
        trial(2, 0.6, "stopped", ((1, 0.6),), epochs=2),
        trial(3, 0.6, "stopped", ((2, 0.6),), epochs=4),
    ]
    found = learning_curves(some, {"epochs": 2}, 9)
    assert [line["x"] for line in found["lines"]] == [[50, 100], [50], [50]]
    assert found["rungs"] == [(50, 2)]
    assert learning_curves([trial(1), trial(2)], {}, 9) is None


def test_many_trials_are_thinned_but_not_the_best():
    some = [trial(number, number / 1000, rate=float(number), width=number % 7) for number in range(1, 1001)]
    params = search_figures(some, some[-1].params, Budget(lines=20), weighed=False)["params"]
    assert params["all"] == 1000
    assert len(params["f1"]) <= 20
    assert params["n"][params["chosen"]] == 1000
    assert set(range(991, 1001)) <= set(params["n"])


def test_axes_are_even_logarithmic_or_of_names():
    assert axis_of("rate", [1e-4, 1e-2]) == {"name": "rate", "values": [1e-4, 1e-2], "log": True}
    assert axis_of("width", [8, 16])["log"] is False
    assert axis_of("kernel", ["rbf", "linear"])["values"] == [1, 0]
    assert axis_of("bias", [True, False])["names"] == ["false", "true"]
    assert axis_of("ngrams", [[1, 2], [1, 1]])["names"] == ["[1, 1]", "[1, 2]"]


def test_what_matters_is_found_and_the_same_each_time():
    rng = np.random.default_rng(0)
    some = [({"rate": float(rate), "noise": float(rng.random()), "kind": "a"}, float(rate)) for rate in rng.random(40)]
    found = importance_of(some)
    assert found[0][0] == "rate"
    assert found[0][1] > 0.8
    assert {name for name, _ in found} == {"rate", "noise"}
    assert sum(weight for _, weight in found) == pytest.approx(1, abs=0.01)
    assert importance_of(some) == found


def test_too_few_or_equal_trials_say_nothing_of_importance():
    assert importance_of([({"rate": number}, number) for number in range(4)]) == []
    assert importance_of([({"rate": number}, 0.5) for number in range(40)]) == []
    assert importance_of([]) == []
