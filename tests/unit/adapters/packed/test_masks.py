import numpy as np
import pytest
import torch

from reviewtune.adapters.packed.masks import keep_mask, scattered, threshold

SEEDS = torch.from_numpy(scattered(np.arange(1500)))[:, None]


def mask(place: int, probability: float, width: int = 384) -> np.ndarray:
    return keep_mask(SEEDS, torch.from_numpy(scattered(np.array([place])))[0], width, threshold(probability)).numpy()


@pytest.mark.parametrize("probability", [0.02, 0.1, 0.5])
def test_the_share_left_out_is_as_asked_for_each_token_and_column(probability: float) -> None:
    left_out = 1 - mask(3, probability)
    deviation = (probability * (1 - probability)) ** 0.5
    assert left_out.mean() == pytest.approx(probability, abs=5 * deviation / left_out.size**0.5)
    for axis in (0, 1):
        count = left_out.shape[axis]
        assert left_out.mean(axis).std() == pytest.approx(deviation / count**0.5, rel=0.15)


def test_neighbouring_tokens_columns_and_modules_are_unrelated() -> None:
    one, other = mask(3, 0.5).astype(float), mask(4, 0.5).astype(float)
    for pair in ((one[:-1], one[1:]), (one[:, :-1], one[:, 1:]), (one, other)):
        assert abs(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1]) < 0.01


def test_the_mask_depends_on_the_seed_the_module_and_the_column_alone() -> None:
    again = mask(3, 0.1)
    np.testing.assert_array_equal(mask(3, 0.1), again)
    np.testing.assert_array_equal(mask(3, 0.1, width=100), again[:, :100])


def test_nothing_is_left_out_at_probability_zero() -> None:
    assert mask(3, 0.0).all()
