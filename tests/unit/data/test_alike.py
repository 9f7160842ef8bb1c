import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.data.alike import alike, all_alike, num_words
from reviewtune.data.surface import FEATURES, surface

LOOKS = [
    "capitals", "ends_closed", "no_space_after_punctuation", "space_before_punctuation", "doubled_punctuation",
    "doubled_space", "html", "emoji",
]  # fmt: skip
ODD = st.text(
    st.sampled_from("aBz09 \n.,!?:;-'\"<>&/()#\u2019\u201c\u2014\u2026\u00b4\u0301\u0338\u200b\U0001f600\u0130")
)
TEXTS = st.one_of(
    st.text(), ODD, st.lists(st.sampled_from(["<b>", "&lt;", "&amp;", "b>", "<", "lt;", " x"])).map("".join)
)
WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  Good\n tent.Very\tGOOD !  ", "good tent. very good"),
        ("(great) , really ; ok : 3 ? no", "(great), really; ok: 3? no"),
        ("Wow!!! Really ?? ok... so\u2026", "wow! really? ok. so"),
        ("It\u2019s \u201cgreat\u201d, 'so' so", "it's great, so so"),
        ("a 3.5 of 1,000 at 10:30. x", "a 3.5 of 1,000 at 10:30. x"),
        ("well-made \u2014 or--so - yes", "well-made - or - so - yes"),
        ("a<br />b <b>c</b> <!-- x --> AT&amp;T I <3 it", "a b c at and t i 3 it"),
        ("&amp;quot;ok&amp;quot; &#39;n&#39; it&#39;s", "ok n it's"),
        ("nice \U0001f600\U0001f44d\U0001f3fd one \u2764\ufe0f", "nice one"),
        ("\uff27\uff4f\uff4f\uff44 \U0001d413\U0001d41e\U0001d427\U0001d42d so\u00adft \ufb01t", "good tent soft fit"),
        ("rock \u0149 roll\u2034s \ufe58 \uff40x\uff40", "rock n roll s - x"),
        ("...and / or - so?)", "and/or - so"),
        (" !!! \U0001f600 <br>", ""),
    ],
)
def test_a_text_is_made_alike_by_hand(text: str, told: str) -> None:
    assert alike(text) == told


def test_words_beyond_the_number_are_cut_with_the_marks_before_them() -> None:
    assert alike("One, two. (Three) four!", 2) == "one, two"
    assert alike("One, two. (Three) four!", 3) == "one, two. (three"
    assert alike("One, two.", 9) == "one, two"


@given(TEXTS, st.one_of(st.none(), st.integers(1, 8)))
def test_twice_is_the_same_as_once(text: str, words: int | None) -> None:
    once = alike(text, words)
    assert alike(once, words) == once
    assert words is None or num_words(once) <= words


@given(TEXTS)
def test_nothing_is_left_for_a_rule_of_looks(text: str) -> None:
    (row,) = surface([alike(text)])
    features = dict(zip(FEATURES, row, strict=True))
    assert {look: features[look] for look in LOOKS} == dict.fromkeys(LOOKS, 0)


@given(WORDS, st.data())
def test_texts_that_differ_only_in_their_surface_become_one(words: list[str], data: st.DataObject) -> None:
    space = st.sampled_from([" ", "  ", "\n", "\u00a0", " <br/> ", " \U0001f600 ", "&nbsp;"])
    case = st.sampled_from([str, str.upper, str.capitalize])
    quoted = st.sampled_from(["{}", '"{}"', "\u201c{}\u201d", " '{}' ", "<b>{}</b>"])
    pieces = [data.draw(quoted).format(data.draw(case)(word)) for word in words]
    spaced = "".join(f"{data.draw(space)}{piece}" for piece in pieces)
    dressed = f"{spaced}{data.draw(st.sampled_from(['', '.', ' !!', '...', '?)']))}{data.draw(space)}"
    assert alike(dressed) == alike(" ".join(words))
    np.testing.assert_array_equal(*surface([alike(dressed), alike(" ".join(words))]))


@given(st.lists(WORDS, min_size=1, max_size=6), st.sampled_from(list(".,;:!?")), st.data())
def test_spaces_around_marks_do_not_matter(sentences: list[list[str]], mark: str, data: st.DataObject) -> None:
    between = st.sampled_from([mark, f" {mark}", f"{mark} ", f" {mark}  ", f"{mark}{mark} ", f"{mark} {mark}"])
    first, *others = [" ".join(words) for words in sentences]
    dressed = first + "".join(f"{data.draw(between)}{other}" for other in others)
    assert alike(dressed) == f"{mark} ".join([first, *others])


def test_lengths_are_drawn_from_all_alike() -> None:
    rng = np.random.default_rng(0)
    short = [" ".join(rng.choice(["a", "b", "c"], 10)) for _ in range(300)]
    long = [" ".join(rng.choice(["a", "b", "c"], 100)) for _ in range(300)]
    numbers = [num_words(text) for text in all_alike([*short, *long], seed=3)]
    assert set(numbers) == {10, 100}
    assert set(numbers[:300]) == {10}
    assert 0.4 < np.mean(np.array(numbers[300:]) == 10) < 0.6


def test_a_draw_is_the_texts_own() -> None:
    texts = [" ".join([word] * length) for length, word in enumerate(["one", "two", "three", "four", "five"] * 8, 1)]
    forth, back = all_alike(texts, seed=1), all_alike(texts[::-1], seed=1)
    assert forth == back[::-1]
    assert all_alike(texts, seed=2) != forth
    assert all_alike([], seed=1) == []


@pytest.mark.parametrize("unit", ["<", "<a", "&amp;", "&", "'", "-", ". ", " ", "3.", "<a>", "\u2026"])
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    start = time.process_time()
    alike(unit * 50_000)
    assert time.process_time() - start < 3
