"""What each character of a text adds to the score of a linear classifier on TF-IDF.

An n-gram adds its coefficient times its value in the text. That is shared evenly by its occurrences, of each by its
elements (characters, or tokens), and of a token by its characters: so whatever the n-grams are, all of it stands where
it comes from, and the sum is the score without the intercept.
Shape letters: `L` characters of a text, `K` n-grams that occur in it, one that occurs twice counted twice.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLANKS = re.compile(r"\s\s+")
"""What scikit-learn's character analyzer takes for one blank."""

Span = tuple[int, int]


def character_weights(union: Any, coefficients: NDArray[np.float64], text: str) -> NDArray[np.float64]:
    """(L,) what each character adds to the score.

    Args:
        union: A fitted `FeatureUnion` of `TfidfVectorizer`s, of characters or of tokens.
        coefficients: Of all their n-grams, one vectorizer's after the other.
        text: Of L characters.
    """
    weights, first = np.zeros(len(text)), 0
    for _, vectorizer in union.transformer_list:
        row = vectorizer.transform([text])
        own = coefficients[first : first + row.shape[1]]
        first += row.shape[1]
        added = dict(zip(row.indices.tolist(), (row.data.astype(np.float64) * own[row.indices]).tolist(), strict=True))
        weights += _shared(vectorizer, text, added)
    return weights


def elements(vectorizer: Any, text: str) -> tuple[list[str], list[Span], str]:
    """The elements that the n-grams of a text are made of, where each stands in it, and what joins them in a term."""
    lowered = _lowered(text) if vectorizer.lowercase else (text, [(at, at + 1) for at in range(len(text))])
    if vectorizer.analyzer == "word":
        found = list(re.finditer(vectorizer.token_pattern, lowered[0]))
        return [token.group() for token in found], [_place(lowered[1], token.span()) for token in found], " "
    letters, places = [], []
    for start, end in _as_one_blank(lowered[0]):
        letters.append(lowered[0][start:end] if end - start == 1 else " ")
        places.append(_place(lowered[1], (start, end)))
    return letters, places, ""


def _shared(vectorizer: Any, text: str, added: dict[int, float]) -> NDArray[np.float64]:
    """(L,) what the n-grams of one vectorizer add, by column in `added`, where they stand."""
    pieces, places, joiner = elements(vectorizer, text)
    shortest, longest = vectorizer.ngram_range
    columns, starts, lengths = _occurrences(vectorizer.vocabulary_, pieces, (shortest, longest), joiner)
    _, which, count = np.unique(columns, return_inverse=True, return_counts=True)
    shares = np.array([added[column] for column in columns.tolist()]) / count[which] / lengths
    # What each element has is a running sum of what begins at it and ends before it.
    steps = np.zeros(len(pieces) + 1)
    np.add.at(steps, starts, shares)
    np.subtract.at(steps, starts + lengths, shares)
    return _spread(np.cumsum(steps)[:-1], places, len(text))


def _occurrences(
    vocabulary: dict[str, int], pieces: list[str], sizes: tuple[int, int], joiner: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(K,) columns of the n-grams that occur and count, (K,) the element that each begins at, (K,) their elements."""
    found = [
        (column, start, size)
        for size in range(sizes[0], min(sizes[1], len(pieces)) + 1)
        for start in range(len(pieces) - size + 1)
        if (column := vocabulary.get(joiner.join(pieces[start : start + size]))) is not None
    ]
    columns, starts, lengths = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return columns, starts, lengths


def _spread(values: NDArray[np.float64], places: list[Span], length: int) -> NDArray[np.float64]:
    """(L,) the values of elements, each shared evenly by the characters that it stands at."""
    weights = np.zeros(length)
    for value, (start, end) in zip(values.tolist(), places, strict=True):
        weights[start:end] += value / (end - start)
    return weights


def _lowered(text: str) -> tuple[str, list[Span]]:
    """The text in small letters, and where each of them comes from: of some capitals there are two."""
    origins = [(at, at + 1) for at, letter in enumerate(text) for _ in letter.lower()]
    return text.lower(), origins


def _as_one_blank(text: str) -> Iterator[Span]:
    """The places of a text's characters, those of two blanks or more together."""
    at = 0
    for blanks in _BLANKS.finditer(text):
        yield from ((letter, letter + 1) for letter in range(at, blanks.start()))
        yield blanks.span()
        at = blanks.end()
    yield from ((letter, letter + 1) for letter in range(at, len(text)))


def _place(origins: list[Span], span: Span) -> Span:
    """Where something stands in a text, from where it stands in what was made of it."""
    return origins[span[0]][0], origins[span[1] - 1][1]
