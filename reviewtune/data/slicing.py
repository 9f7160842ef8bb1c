"""By what reviews are told apart when scores are looked at part by part: source, category, rating, language, length."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from reviewtune.schema import CATEGORY, LANGUAGE, RATING, SOURCE, TEXT

LENGTH = "length"
NONE_GIVEN = "none given"
MOST_NUMBERS = 10
"""Different ratings that are a slice each; more of them are cut into quarters."""


def slicing_traits(reviews: pa.Table) -> dict[str, list[str]]:
    """What the N reviews of a table are told apart by, a value a review; a trait that no review has is left out.

    Args:
        reviews: Columns text, source, category, rating and language. Languages that are the sources are told once.

    Examples:
        >>> columns = {"text": ["Great", "The zip broke at once"], "source": ["shop", "shop"], "rating": [5.0, 1.0]}
        >>> table = pa.table({**columns, "category": ["Tents", None], "language": [None, None]})
        >>> for trait, values in slicing_traits(table).items():
        ...     print(trait, values)
        source ['shop', 'shop']
        category ['Tents', 'none given']
        rating ['5', '1']
        length ['1 words', '5 words']
    """
    texts, ratings = reviews[TEXT].to_pylist(), reviews[RATING].to_pylist()
    sources, languages = _named(reviews, SOURCE), _named(reviews, LANGUAGE)
    traits = {
        SOURCE: sources,
        CATEGORY: _named(reviews, CATEGORY),
        RATING: _rated(ratings),
        **({LANGUAGE: languages} if languages != sources else {}),
        LENGTH: quarters([len(text.split()) for text in texts], "words"),
    }
    return {kind: values for kind, values in traits.items() if set(values) != {NONE_GIVEN}}


def _named(reviews: pa.Table, column: str) -> list[str]:
    return [NONE_GIVEN if name is None else str(name) for name in reviews[column].to_pylist()]


def quarters(numbers: Sequence[float], unit: str = "") -> list[str]:
    """For each number the quarter of all that it lies in, as `5 to 12 words`; equal numbers lie in the same one.

    Args:
        numbers: N.
        unit: Behind them.

    Examples:
        >>> quarters([1, 2, 3, 40], "words")
        ['1 words', '2 words', '3 words', '40 words']
    """
    values = np.asarray(numbers, dtype=np.float64)
    if not len(values):
        return []
    # Where a quarter begins: at numbers that are there, so that what it is called is what it holds.
    edges = np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf")
    place = np.searchsorted(edges, values, side="left")
    names = {part: _span(values[place == part], unit) for part in np.unique(place).tolist()}
    return [names[part] for part in place.tolist()]


def _span(values: np.ndarray, unit: str) -> str:
    low, high = values.min(), values.max()
    span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{span} {unit}".strip()


def _rated(ratings: Sequence[float | None]) -> list[str]:
    given = [rating for rating in ratings if rating is not None]
    named = iter(quarters(given) if len(set(given)) > MOST_NUMBERS else [f"{rating:g}" for rating in given])
    return [NONE_GIVEN if rating is None else next(named) for rating in ratings]
