"""A profile of training reviews: what it says of others, and that its file is one of its kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from scipy import stats

from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.reviews import load_reviews
from reviewtune.data.sample import generate
from reviewtune.data.texts import normalise
from reviewtune.errors import ArtifactError, DataError
from reviewtune.evaluation.shift import FALSE_ALARM
from reviewtune.profile import MOST_COMPARED, MOST_REFERENCES, PROFILE_FILE, Profile
from reviewtune.schema import FAKE, TEXT

ELSEWHERE = "Das Zimmer Nummer {} war sauber, das Frühstück reichlich und das Personal immer freundlich."


@pytest.fixture(scope="module")
def sample() -> tuple[list[str], Any]:
    rows = {normalise(row["text"]): row["label"] == "fake" for row in generate(3000, seed=5).to_pylist()}
    return list(rows), np.array(list(rows.values()))


@pytest.fixture(scope="module")
def profile(sample: tuple[list[str], Any]) -> Profile:
    texts, fake = sample
    return Profile.of(texts[:1000], fake[:1000], np.arange(1000))


def test_new_reviews_of_the_same_source_are_uniformly_familiar(profile: Profile, sample: Any) -> None:
    familiar = profile.familiar(sample[0][1000:])
    assert 0 < familiar.min() <= familiar.max() <= 1
    np.testing.assert_allclose(np.quantile(familiar, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.08)


def test_other_reviews_are_not_familiar_and_told_apart(profile: Profile, sample: Any) -> None:
    others = [ELSEWHERE.format(number) for number in range(100)]
    assert profile.familiar(others).max() < 0.02
    shift = profile.shift(others)
    assert shift is not None
    assert shift.unlike
    assert shift.auc > 0.95
    same = profile.shift(sample[0][1000:1100])
    assert same is not None
    assert not same.unlike


def test_copies_count_once(profile: Profile) -> None:
    assert profile.shift([ELSEWHERE] * 100) is None
    assert profile.shift([]) is None


def test_no_reference_is_judged_by_its_relatives() -> None:
    """A word of one unit alone is rare wherever the unit is a reference."""
    texts = [f"word{unit} again word{unit}" for unit in range(30) for _ in range(4)]
    units = np.repeat(np.arange(30), 4)
    profile = Profile.of(texts, np.zeros(120, dtype=np.bool_), units)
    assert len(profile.unusual) in (60, 64)
    assert profile.familiar(["again"]) == 1
    assert np.ptp(profile.unusual) == pytest.approx(0, abs=1e-3)
    alone = Profile.of(texts, np.zeros(120, dtype=np.bool_), np.arange(120))
    assert np.ptp(alone.unusual) > 0.1


def test_of_many_reviews_a_sample_of_all_is_compared(profile: Profile, sample: Any) -> None:
    first = sample[0][:MOST_COMPARED]
    shift = profile.shift(first)
    drawn = profile.shift([*first, *(ELSEWHERE.format(number) for number in range(MOST_COMPARED))])
    assert shift is not None
    assert drawn is not None
    assert shift.num_reviews == drawn.num_reviews == MOST_COMPARED
    assert drawn.auc > shift.auc + 0.1


def test_a_profile_needs_unrelated_reviews() -> None:
    with pytest.raises(DataError, match="a profile needs two unrelated reviews, and 3 related ones are given"):
        Profile.of(["a", "b", "c"], np.zeros(3, dtype=np.bool_), np.zeros(3, dtype=np.int64))
    two = Profile.of(["a", "b"], np.array([True, False]), np.arange(2))
    assert two.familiar(["a"]).shape == (1,)
    assert two.shift(["a"] * 50) is None


def test_what_is_read_says_the_same_as_what_was_saved(profile: Profile, sample: Any, tmp_path: Path) -> None:
    profile.save(tmp_path)
    read = Profile.load(tmp_path)
    for name in ("rarity", "unusual", "traits", "fake"):
        np.testing.assert_array_equal(getattr(read, name), getattr(profile, name))
    batch = sample[0][1000:1100]
    assert read.shift(batch) == profile.shift(batch)
    assert 100_000 < (tmp_path / PROFILE_FILE).stat().st_size < 300_000


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"profile.safetensors is damaged .*No such file.*: copy or export"):
        Profile.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rarity": np.zeros(3, np.float16)}, "rarity must be float16 of [32768], not float16 of [3]"),
        ({"unusual": np.zeros(500, np.float64)}, "unusual must be float32 of [500], not float64 of [500]"),
        ({"fake": np.zeros(499, np.uint8)}, "fake must be uint8 of [500], not uint8 of [499]"),
        ({"fake": np.full(500, 2, np.uint8)}, "fake must hold finite numbers of at most 1"),
        ({"traits": np.full((500, 76), np.nan, np.float16)}, "traits must hold finite numbers of at most 10000"),
        ({"unusual": np.full(500, -np.inf, np.float32)}, "unusual must hold finite numbers"),
        ({"more": np.zeros(1)}, "it must hold rarity, unusual, traits, fake, not"),
    ],
)
def test_a_file_that_holds_anything_else_is_one_line(
    profile: Profile, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    profile.save(tmp_path)
    save_file(load_file(tmp_path / PROFILE_FILE) | change, tmp_path / PROFILE_FILE)
    with pytest.raises(ArtifactError) as caught:
        Profile.load(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("rows", "said"), [(0, "not 0"), (MOST_REFERENCES + 1, "not 2,001")])
def test_a_file_of_too_many_references_is_refused(profile: Profile, tmp_path: Path, rows: int, said: str) -> None:
    values = {"unusual": np.zeros(rows, np.float32), "fake": np.zeros(rows, np.uint8)}
    profile.save(tmp_path)
    kept = load_file(tmp_path / PROFILE_FILE) | values | {"traits": np.zeros((rows, 76), np.float16)}
    save_file(kept, tmp_path / PROFILE_FILE)
    with pytest.raises(ArtifactError, match=said):
        Profile.load(tmp_path)


def test_a_file_that_is_cut_short_or_huge_is_refused(profile: Profile, tmp_path: Path) -> None:
    profile.save(tmp_path)
    path = tmp_path / PROFILE_FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    with pytest.raises(ArtifactError, match="is damaged"):
        Profile.load(tmp_path)
    path.write_bytes(whole + b"\0" * 2**22)
    with pytest.raises(ArtifactError, match="4,194,304 at most are read"):
        Profile.load(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [20, 100, 1000])
def test_it_is_silent_on_the_same_reviews_and_loud_on_hotels(salminen_csv: Path, rows: int) -> None:
    hotels_csv = salminen_csv.parent / "maide" / "en.csv"
    if not hotels_csv.is_file():
        pytest.skip(f"needs hotel reviews that are not in this repository: {hotels_csv}")
    own = load_reviews(str(salminen_csv), fake_label="CG").table
    texts, fake = np.array(own[TEXT].to_pylist(), dtype=object), own[FAKE].to_numpy(zero_copy_only=False)
    units = near_duplicate_clusters(list(texts))
    known = np.random.default_rng(0).permutation(units.max() + 1)[units] < 0.6 * units.max()
    profile = Profile.of(list(texts[known]), fake[known], units[known])
    random = np.random.default_rng(rows)

    def unlike(among: Any, draws: int) -> int:
        found = [profile.shift(list(random.choice(among, min(rows, len(among)), replace=False))) for _ in range(draws)]
        return sum(shift is not None and shift.unlike for shift in found)

    assert unlike(texts[~known], 200) <= stats.binom.ppf(0.99, 200, FALSE_ALARM)
    hotels = load_reviews(str(hotels_csv), fake_label="generated").table
    hotel_texts, generated = (
        np.array(hotels[TEXT].to_pylist(), dtype=object),
        hotels[FAKE].to_numpy(zero_copy_only=False),
    )
    for kind in (generated, ~generated):
        assert min(rows, 990) <= kind.sum()
        assert unlike(hotel_texts[kind], 20) == 20
