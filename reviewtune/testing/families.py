"""What every family promises, a check each."""

from collections.abc import Callable

import numpy as np
import torch

from reviewtune.testing import stored_models
from reviewtune.testing.easy_rows import NUM_TEST, some
from reviewtune.testing.family_bench import FamilyBench

LEARNED = 0.9
"""Share of the easy reviews that a default configuration must tell apart."""
DRAWS = 20


def legs_count_from_one_to_the_last_epoch(bench: FamilyBench) -> None:
    """`fit` yields legs 1, 2, ... of which the last alone is marked so, more than one only where epochs are said."""
    family, legs = bench.family, bench.legs(evaluations_per_epoch=2)
    assert [leg.number for leg in legs] == list(range(1, len(legs) + 1)), [leg.number for leg in legs]
    assert [leg.last for leg in legs] == [False] * (len(legs) - 1) + [True], "the last leg alone is the last"
    assert legs[-1].epoch == getattr(family.params(), "epochs", 1), legs[-1].epoch
    assert (len(legs) > 1) == family.trains_in_epochs, f"{len(legs)} legs, trains_in_epochs={family.trains_in_epochs}"
    assert legs[0].epoch == (0.5 if family.inputs == "tokens" else 1), legs[0].epoch


def the_default_configuration_learns_an_easy_problem(bench: FamilyBench) -> None:
    """Scores are N finite float64, above 0 for fakes."""
    scores = bench.model.scores(bench.test.inputs)
    assert scores.shape == (NUM_TEST,), scores.shape
    assert scores.dtype == np.float64, scores.dtype
    assert np.isfinite(scores).all(), "scores are finite"
    right = ((scores > 0) == bench.test.fake).mean()
    assert right >= LEARNED, f"{right:.0%} of easy reviews are told apart"


def the_same_seed_gives_the_same_scores(bench: FamilyBench) -> None:
    """A fit depends on nothing but params, rows and seed."""
    once, again = (bench.fit(seed=5).scores(bench.test.inputs) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def a_fit_leaves_the_process_wide_generators_alone(bench: FamilyBench) -> None:
    """Trials share processes: what one draws must not move another's."""
    # The legacy generator is the one that is meant: scikit-learn draws from it where no seed is given.
    before, torch_state = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    bench.fit().scores(bench.test.inputs)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_equal(after, before)
    assert torch.equal(torch.get_rng_state(), torch_state), "torch's global generator was drawn from"


def a_review_scores_the_same_alone_and_among_others(bench: FamilyBench) -> None:
    """No score depends on what else is scored."""
    model, inputs = bench.model, bench.test.inputs
    alone = [model.scores(some(inputs, [row])) for row in range(5)]
    assert all(scores.shape == (1,) for scores in alone), "one review has one score"
    np.testing.assert_allclose(np.concatenate(alone), model.scores(inputs)[:5], rtol=1e-5, atol=1e-5)


def no_reviews_give_no_scores(bench: FamilyBench) -> None:
    """An empty batch is no error."""
    scores = bench.model.scores(some(bench.test.inputs, []))
    assert scores.shape == (0,), scores.shape
    assert scores.dtype == np.float64, scores.dtype


def calibrated_scores_are_probabilities(bench: FamilyBench) -> None:
    """Platt scaling of the scores gives fakes the higher probabilities."""
    from reviewtune.evaluation.calibration import PlattCalibration

    scores, fake = bench.model.scores(bench.test.inputs), bench.test.fake
    probability = PlattCalibration.fit(scores, fake).apply(scores)
    assert ((probability >= 0) & (probability <= 1)).all(), "probabilities lie in [0, 1]"
    assert probability[fake].mean() > probability[~fake].mean(), "fakes are the likelier fakes"


def the_default_configuration_lies_in_the_space(bench: FamilyBench) -> None:
    """A study's first trial is the default configuration, which the sampler must be able to draw."""
    from optuna.distributions import CategoricalDistribution

    default = bench.family.params()
    for name, distribution in bench.family.params.space().items():
        value = getattr(default, name)
        if isinstance(distribution, CategoricalDistribution):
            assert value in distribution.choices, f"{name}={value!r}"
        else:
            assert distribution.low <= value <= distribution.high, f"{name}={value!r}"  # type: ignore[attr-defined]


def every_param_says_what_it_means(bench: FamilyBench) -> None:
    """Each field has a docstring under it."""
    silent = [name for name, field in bench.family.params.model_fields.items() if not field.description]
    assert not silent, f"{', '.join(silent)} say nothing: a docstring under each field"


def sampled_configurations_are_valid_and_fit(bench: FamilyBench) -> None:
    """What the sampler draws from the space, the params take; two draws are fitted."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        draws = [study.ask(bench.family.params.space()).params for _ in range(DRAWS)]
    finally:
        optuna.logging.set_verbosity(verbosity)
    configurations = [bench.family.params.from_values(draw) for draw in draws]
    for configuration in configurations[:2]:
        scores = bench.fit(configuration.model_dump()).scores(bench.test.inputs)
        assert np.isfinite(scores).all(), configuration


FAMILY_CHECKS: dict[str, Callable[[FamilyBench], None]] = {
    check.__name__: check
    for check in (
        legs_count_from_one_to_the_last_epoch,
        the_default_configuration_learns_an_easy_problem,
        the_same_seed_gives_the_same_scores,
        a_fit_leaves_the_process_wide_generators_alone,
        a_review_scores_the_same_alone_and_among_others,
        no_reviews_give_no_scores,
        calibrated_scores_are_probabilities,
        stored_models.a_loaded_model_scores_as_the_saved_one,
        stored_models.a_loaded_model_can_be_saved_again,
        stored_models.a_fresh_process_loads_it_without_unpickling,
        stored_models.a_pickle_in_place_of_any_file_is_refused,
        stored_models.a_damaged_file_is_refused_in_one_line,
        the_default_configuration_lies_in_the_space,
        every_param_says_what_it_means,
        sampled_configurations_are_valid_and_fit,
    )
}
"""The checks by name, the quick ones of a fitted model first."""
