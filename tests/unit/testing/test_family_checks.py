"""That the checks of families can fail: each is given a family that breaks its promise."""

import sys
from pathlib import Path

import pytest

from reviewtune.testing import FAMILY_CHECKS, FamilyBench

ROOT = Path(__file__).resolve().parents[3]
CODE = (ROOT / "examples" / "own_family" / "nearest_family.py").read_text()

SCORES = "return np.asarray(genuine - fake, dtype=np.float64)"
LOAD = 'means = load_file(folder / FILE)["means"]'
PICKLED = "import pickle; means = pickle.loads((folder / FILE).read_bytes())"
BREAKS = {
    "legs_count_from_one_to_the_last_epoch": ("Leg(number=1, total=1,", "Leg(number=1, total=2,"),
    "the_default_configuration_learns_an_easy_problem": ("genuine - fake,", "fake - genuine,"),
    "the_same_seed_gives_the_same_scores": (
        "yield Leg",
        "shrunk = shrunk + np.random.default_rng().normal(size=shrunk.shape)\n        yield Leg",
    ),
    "a_fit_leaves_the_process_wide_generators_alone": ("yield Leg", "np.random.rand()\n        yield Leg"),
    "a_review_scores_the_same_alone_and_among_others": (SCORES, "return genuine - fake - (genuine - fake).mean()"),
    "no_reviews_give_no_scores": (SCORES, f"genuine[0]; {SCORES}"),
    "calibrated_scores_are_probabilities": (SCORES, "return np.full(len(fake), np.nan)"),
    "a_loaded_model_scores_as_the_saved_one": ("return NearestModel(means)", "return NearestModel(means[::-1])"),
    "a_loaded_model_can_be_saved_again": (
        "return NearestModel(means)",
        "return NearestModel(means + means.mean())",
    ),
    "a_fresh_process_loads_it_without_unpickling": (
        LOAD,
        f"import pickle; pickle.loads(pickle.dumps(Path)); {LOAD}",
    ),
    "a_pickle_in_place_of_any_file_is_refused": (
        LOAD,
        f"{PICKLED} if b'unpickled' in (folder / FILE).read_bytes() else load_file(folder / FILE)['means']",
    ),
    "a_damaged_file_is_refused_in_one_line": ("ArtifactError, str(folder / FILE)", "ArtifactError, FILE"),
    "the_default_configuration_lies_in_the_space": ("Floats(0.0, 0.9)", "Floats(0.1, 0.9)"),
    "every_param_says_what_it_means": ('"""Share by which both means are drawn to the mean of all reviews."""', ""),
    "sampled_configurations_are_valid_and_fit": ("ge=0, lt=1", "ge=0, lt=0.2"),
}


def bench_of(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FamilyBench:
    """A bench for the family of that code, in a module that fresh processes find too."""
    (folder / "tried_family.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "tried_family", raising=False)
    import tried_family

    monkeypatch.delitem(sys.modules, "tried_family")
    return FamilyBench(tried_family.NearestFamily(), folder)


@pytest.mark.parametrize("name", FAMILY_CHECKS)
def test_a_check_passes_and_fails(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "whole").mkdir()
    FAMILY_CHECKS[name](bench_of(CODE, tmp_path / "whole", monkeypatch))
    right, wrong = BREAKS[name]
    assert CODE.count(right) == 1
    (tmp_path / "broken").mkdir()
    broken = bench_of(CODE.replace(right, wrong), tmp_path / "broken", monkeypatch)
    with pytest.raises(Exception, match=r"\w") as failure:
        FAMILY_CHECKS[name](broken)
    assert failure.type is not SyntaxError
