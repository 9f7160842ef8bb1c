import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.alike import all_alike
from reviewtune.data.perturbations import (
    HOMOGLYPH_RATE,
    HOMOGLYPHS,
    NEIGHBOURS,
    PERTURBATIONS,
    SWAP_RATE,
    TYPO_RATE,
    homoglyphs,
    truncation,
    typos,
    variants,
    word_swaps,
)

LONG = [f"review {number} of a good tent that broke twice on Tuesday" for number in range(400)]
by_name = pytest.mark.parametrize("perturb", list(PERTURBATIONS.values()), ids=list(PERTURBATIONS))


@by_name
@given(texts=st.lists(st.text(), min_size=1, max_size=5, unique=True), seed=st.integers(0, 9))
def test_a_text_becomes_the_same_in_any_batch(perturb: Callable[..., list[str]], texts: list[str], seed: int) -> None:
    together = perturb(texts, seed)
    assert perturb(texts[::-1], seed) == together[::-1]
    assert [perturb([text], seed)[0] for text in texts] == together


@by_name
def test_another_seed_changes_others(perturb: Callable[..., list[str]]) -> None:
    assert (perturb(LONG, 1) == perturb(LONG, 2)) == (perturb is truncation)
    assert perturb(LONG, 1) == perturb(LONG, 1) != LONG
    assert perturb([], 1) == []


def test_keys_have_their_neighbours() -> None:
    assert set(NEIGHBOURS["g"]) == set("fhtyvb")
    assert set(NEIGHBOURS["q"]) == set("wa")
    assert all(key in NEIGHBOURS[other] for key, others in NEIGHBOURS.items() for other in others)


def test_typos_are_of_three_kinds() -> None:
    made = {typos(["Gx1"], seed, rate=1.0)[0] for seed in range(300)}
    changed = {text for text in made if len(text) == 3 and text[2] == "1"}
    assert "xG1" in made
    assert "1" in made
    assert {text[0] for text in changed} == {*"FHTYVB", "x"}


def test_typos_come_at_their_rate_and_nothing_else_changes() -> None:
    kept = typos(["12 34, 56!"] * 3, 0, rate=1.0)
    assert kept == ["12 34, 56!"] * 3
    assert typos(LONG, 0, rate=0.0) == LONG
    hit = np.mean([sum(a != b for a, b in zip(x, y, strict=True)) for x, y in _same_length(LONG, typos(LONG, 0))])
    letters = np.mean([sum(map(str.isalpha, text)) for text in LONG])
    assert 0.5 * TYPO_RATE < hit / letters < 2 * TYPO_RATE


def _same_length(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    return [(x, y) for x, y in zip(before, after, strict=True) if len(x) == len(y)]


def test_words_change_places_with_the_next_and_spaces_stay() -> None:
    assert word_swaps(["a  b\nc d e"], 0, rate=1.0) == ["b  a\nd c e"]
    assert word_swaps(["a  b"], 0, rate=0.0) == ["a  b"]
    assert word_swaps([" one "], 0, rate=1.0) == [" one "]


@given(st.text(), st.integers(0, 5))
def test_swapped_words_are_the_same_words(text: str, seed: int) -> None:
    (swapped,) = word_swaps([text], seed, rate=0.5)
    assert sorted(swapped.split()) == sorted(text.split())
    assert re.findall(r"\s+", swapped) == re.findall(r"\s+", text)


def test_words_are_swapped_at_their_rate() -> None:
    moved = [x != y for text, other in zip(LONG, word_swaps(LONG, 0), strict=True) for x, y in
             zip(text.split(), other.split(), strict=True)]  # fmt: skip
    expected = 2 * SWAP_RATE / (1 + SWAP_RATE)
    assert abs(np.mean(moved) - expected) < 0.05


@pytest.mark.parametrize(("text", "half"), [("a b\nc d.", "a b"), ("a b  c", "a b"), (" one ", " one"), (" ", " ")])
def test_the_first_half_of_the_words_is_kept(text: str, half: str) -> None:
    assert truncation([text], 0) == [half]


def test_homoglyphs_look_the_same_and_are_not() -> None:
    assert homoglyphs(["Tea bog"], 0, rate=1.0) == ["\u0422\u0435\u0430 b\u043eg"]
    assert all(letter.isascii() and not other.isascii() for letter, other in HOMOGLYPHS.items())
    assert all(letter.isupper() == other.isupper() for letter, other in HOMOGLYPHS.items())
    could = sum(letter in HOMOGLYPHS for text in LONG for letter in text)
    did = sum(not letter.isascii() for text in homoglyphs(LONG, 0) for letter in text)
    assert abs(did / could - HOMOGLYPH_RATE) < 0.02


def test_variants_are_all_of_them_by_name() -> None:
    made = variants(LONG, 4)
    assert list(made) == ["plain", "alike", *PERTURBATIONS]
    assert (made["plain"], made["alike"], made["typos"]) == (LONG, all_alike(LONG, 4), typos(LONG, 4))
    assert {len(texts) for texts in made.values()} == {len(LONG)}
