"""The sample corpus: a demonstration that comes with the package, generated, the same on every machine.

Genuine reviews come from a hand-written grammar (`sample_grammar`) in which the facts of a review hold throughout:
the product, its colour and price, who it is for, how long it has been used, a verdict that fits the rating. Fake ones
come from a word-level Markov chain that has read *other* genuine reviews of the same grammar. So single words and
short phrases are distributed alike in both, and so are lengths, typos, categories and ratings; only coherence
differs. Some reviews come twice with a few words changed, and 1 % of the labels are wrong, as in real data.

What it can tell: that the machinery works, that counting words is not reading, and what a leak-proof split is for.
What it cannot tell: anything about fake reviews on any real marketplace. Real fakes are written by people and by
language models.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from reviewtune.data.sample_grammar import (
    BODIES,
    CATEGORIES,
    COLOURS,
    COMPLAINTS,
    OPENINGS,
    PEOPLE,
    PLURALS,
    PRICES,
    SHORT,
    SPANS,
    VERDICTS,
    Product,
)
from reviewtune.schema import FAKE_NAME, GENUINE_NAME

DEFAULT_SIZE = 1000
DEFAULT_SEED = 20
CHAIN_ORDER = 2
"""Words that the chain looks back: what it writes holds together for three words at a time."""
CHAIN_READS = 4
"""Genuine reviews that the chain reads for each that is asked for."""
NEAR_DUPLICATES = 0.03
LABEL_NOISE = 0.01
TYPOS = 0.01
"""Share of words with two letters swapped."""
RATING_WEIGHTS = (2, 1, 2, 4, 6)
_END = ""


class Review(NamedTuple):
    """A review before its label may be flipped."""

    text: str
    category: str
    rating: int
    product: str
    fake: bool


def generate(num_reviews: int = DEFAULT_SIZE, seed: int = DEFAULT_SEED) -> pa.Table:
    """Half genuine, half fake reviews, shuffled.

    Args:
        num_reviews: Rows.
        seed: Two tables of one seed and size are equal.

    Returns:
        Columns text, label (`fake` or `genuine`), category, rating (1 to 5) and product.

    Examples:
        >>> table = generate(200)
        >>> table.num_rows, table.column_names
        (200, ['text', 'label', 'category', 'rating', 'product'])
    """
    rng = random.Random(seed)  # noqa: S311
    genuine = [_genuine(rng) for _ in range(num_reviews - num_reviews // 2)]
    chain = Chain([_genuine(rng) for _ in range(CHAIN_READS * num_reviews)], CHAIN_ORDER)
    fake = [chain.write(rng) for _ in range(num_reviews // 2)]
    reviews = _with_near_duplicates([*genuine, *fake], rng)
    rng.shuffle(reviews)
    rows = [
        {
            "text": _with_typos(review.text, rng),
            "label": FAKE_NAME if review.fake != (rng.random() < LABEL_NOISE) else GENUINE_NAME,
            "category": review.category,
            "rating": float(review.rating),
            "product": review.product,
        }
        for review in reviews
    ]
    return pa.Table.from_pylist(rows)


class Chain:
    """A word-level Markov chain over genuine reviews, whole reviews at a time.

    Args:
        reviews: What it reads.
        order: Words it looks back.
    """

    def __init__(self, reviews: list[Review], order: int) -> None:
        self.reviews = reviews
        self.order = order
        self.following: dict[tuple[str, ...], list[str]] = {}
        for review in reviews:
            words = [*[_END] * order, *review.text.split(), _END]
            for position in range(order, len(words)):
                self.following.setdefault(tuple(words[position - order : position]), []).append(words[position])

    def write(self, rng: random.Random) -> Review:
        """A fake about as long as a genuine review drawn at random, whose category and rating it takes.

        Examples:
            >>> read = ["The zip broke on the first day.", "The tent broke on the way.", "It rained on the first day."]
            >>> chain = Chain([Review(text, "Tents", 2, "tent", fake=False) for text in read], order=1)
            >>> chain.write(random.Random(0)).text
            'The zip broke on the way.'
        """
        model = rng.choice(self.reviews)
        length = len(model.text.split())
        drafts = [list(self._words(rng)) for _ in range(8)]
        words = min(drafts, key=lambda draft: abs(len(draft) - length))
        return model._replace(text=" ".join(words), fake=True)

    def _words(self, rng: random.Random) -> Iterator[str]:
        state = (_END,) * self.order
        while word := rng.choice(self.following[state]):
            yield word
            state = (*state[1:], word)


def _genuine(rng: random.Random) -> Review:
    category = rng.choice(list(CATEGORIES))
    product = rng.choice(CATEGORIES[category])
    (rating,) = rng.choices(range(1, 6), RATING_WEIGHTS)
    facts = _facts(product, rng)
    text = " ".join(sentence.format(**facts) for sentence in _sentences(rating, rng))
    return Review(text, category, rating, product.name, fake=False)


def _facts(product: Product, rng: random.Random) -> dict[str, str]:
    """What stays the same throughout a review."""
    person, pronoun, possessive = rng.choice(PEOPLE)
    span, same_span = rng.choice(SPANS)
    part, other = rng.sample(product.parts, 2)
    return {
        "name": product.name,
        "short": product.short,
        "use": product.use,
        "place": product.place,
        **_number(product),
        "part": part,
        "other": other,
        "good": rng.choice(product.good),
        "bad": rng.choice(product.bad),
        "person": person,
        "Person": person.capitalize(),
        "pronoun": pronoun,
        "Pronoun": pronoun.capitalize(),
        "possessive": possessive,
        "span": span,
        "same_span": same_span,
        "colour": rng.choice(COLOURS),
        "price": rng.choice(PRICES),
    }


def _number(product: Product) -> dict[str, str]:
    """The little words that go with one thing or with several."""
    if product.short in PLURALS:
        return {"it": "they", "it_object": "them", "this": "these", "a_name": f"new {product.name}"}
    article = "an" if product.name[0] in "aeio" else "a"
    return {"it": "it", "it_object": "it", "this": "this", "a_name": f"{article} {product.name}"}


def _sentences(rating: int, rng: random.Random) -> list[str]:
    """An opening, praise and complaints as the rating has it, a verdict; some reviews are one sentence."""
    if rng.random() < 0.06:
        return [rng.choice(SHORT)]
    praise = rng.sample(BODIES, max(1, rating - 3 + rng.randint(0, 2)))
    complaints = rng.sample(COMPLAINTS, int(rating < 3) + int(rating < 5 and rng.random() < 0.5))
    return [rng.choice(OPENINGS), *praise, *complaints, rng.choice(VERDICTS[rating])]


def _with_near_duplicates(reviews: list[Review], rng: random.Random) -> list[Review]:
    """The reviews, a few of them replaced by others of the same label with a word changed."""
    kept = list(reviews)
    for index in rng.sample(range(len(kept)), round(NEAR_DUPLICATES * len(kept))):
        source = rng.choice([review for review in rng.sample(reviews, 40) if review.fake == kept[index].fake])
        words = source.text.split()
        words[rng.randrange(len(words))] = rng.choice(COLOURS)
        kept[index] = source._replace(text=" ".join(words))
    return kept


def _with_typos(text: str, rng: random.Random) -> str:
    words = text.split()
    for position, word in enumerate(words):
        if len(word) > 4 and rng.random() < TYPOS:
            at = rng.randrange(1, len(word) - 2)
            words[position] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
