import numpy as np

from reviewtune.tuning.training import EVERYTHING, SEARCH, Training, all_folds, fold_name, search_fold


def test_a_searchs_trial_has_its_params_as_its_config_and_others_say_what_they_train() -> None:
    assert Training.of({"C": 1.0}) == Training({"C": 1.0}, SEARCH, None)
    other = Training({"C": 1.0}, "2 of 5, seed 1", 3)
    assert Training.of(other.config) == other


def test_a_training_ends_with_its_course_or_before() -> None:
    assert [Training({}, until=until).last_leg(4) for until in (None, 2, 9)] == [4, 2, 4]


def test_folds_hold_each_development_row_out_once_and_everything_holds_out_none() -> None:
    fold_of = np.array([0, 1, 2, 0, 1, 2, 0])
    folds = all_folds(fold_of, 3, seeds=2, search=search_fold(5, 2, seed=40))
    assert list(folds) == [SEARCH, EVERYTHING, *(fold_name(f, 3, s) for f in range(3) for s in range(2))]
    assert (folds[SEARCH].train.tolist(), folds[SEARCH].held_out.tolist()) == ([0, 1, 2, 3, 4], [5, 6])
    assert (len(folds[EVERYTHING].train), len(folds[EVERYTHING].held_out)) == (7, 0)
    second = folds["2 of 3, seed 2"]
    assert (second.train.tolist(), second.held_out.tolist(), second.seed) == ([0, 2, 3, 5, 6], [1, 4], 41)
    assert sorted(np.concatenate([folds[fold_name(f, 3, 0)].held_out for f in range(3)])) == list(range(7))


def test_one_fold_is_none() -> None:
    assert set(all_folds(np.zeros(4, dtype=np.int64), 1, seeds=3, search=search_fold(3, 1, 0))) == {SEARCH, EVERYTHING}
