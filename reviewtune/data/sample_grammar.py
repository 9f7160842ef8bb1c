"""The words of the sample corpus: products with their facts, people, and the sentences of genuine reviews.

All of it was written for this project. `{name}` in a sentence is a fact of the review it stands in: the same fact
everywhere in that review, which is what the corpus's fakes get wrong.
"""

import csv
from pathlib import Path
from typing import NamedTuple


class Product(NamedTuple):
    """A kind of product: what it is called, what it is for, and parts of it that can please or fail."""

    name: str
    short: str
    use: str
    place: str
    parts: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]


def _read() -> dict[str, tuple[Product, ...]]:
    products: dict[str, list[Product]] = {}
    with PRODUCTS_FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="|"):
            parts, good, bad = (tuple(row[name].split(",")) for name in ("parts", "good", "bad"))
            product = Product(row["name"], row["short"], row["use"], row["place"], parts, good, bad)
            products.setdefault(row["category"], []).append(product)
    return {category: tuple(kinds) for category, kinds in products.items()}


PRODUCTS_FILE = Path(__file__).with_name("sample_products.csv")
CATEGORIES = _read()
"""Products by category."""

PLURALS = ("shears", "headphones", "socks", "shoes", "blocks", "poles")

PEOPLE = (
    ("my wife", "she", "her"), ("my husband", "he", "his"), ("my mother", "she", "her"), ("my father", "he", "his"),
    ("my daughter", "she", "her"), ("my son", "he", "his"), ("my sister", "she", "her"), ("my neighbour", "he", "his"),
    ("my grandmother", "she", "her"), ("my brother", "he", "his"),
)  # fmt: skip

SPANS = (
    ("two weeks", "a fortnight"), ("a month", "four weeks"), ("three months", "a quarter of a year"),
    ("half a year", "six months"), ("a year", "twelve months"), ("two years", "twenty-four months"),
)  # fmt: skip

COLOURS = ("red", "green", "black", "grey", "blue", "white", "orange", "brown")
PRICES = ("twelve", "fifteen", "twenty", "thirty", "forty", "sixty", "eighty")

OPENINGS = (
    "Bought {this} {colour} {name} for {person}, mainly for {use}.",
    "{Person} wanted {a_name} for {use}, so I ordered the {colour} one from this shop.",
    "I have had {this} {name} for {span} now and mostly for {use}.",
    "Got the {colour} {name} as a present for {person}.",
    "After {span} with {this} {name} I can say a few things.",
    "We needed {a_name} for {use} and paid about {price} pounds.",
    "The second {name} we have had from this maker.",
    "My old {short} gave up, so I chose {this} {name}.",
)
BODIES = (
    "Nothing wrong with the {part}, and the {short} {good}.",
    "What I like best is that {it} {good}.",
    "For {use} just right.",
    "I keep the {short} {place} and the {colour} finish goes well there.",
    "{Person} tries the {short} every day and {pronoun} says {it} {good}.",
    "Compared with the old {short} {it} {good}.",
    "I like how solid the {part} felt in the hand.",
    "{Pronoun} keeps the {short} {place}, ready for {use}.",
    "At {price} pounds I found the {short} far from cheap.",
    "The {short} arrived a day early and well packed.",
)
COMPLAINTS = (
    "Sadly the {short} {bad}.",
    "The one thing I would change: the {other}.",
    "After {same_span} the {other} came loose.",
    "{Person} complains that {it} {bad}.",
    "The {other} could be better, {it} {bad}.",
    "Our old {short} never did that.",
)
VERDICTS = {
    1: ("One star, the {short} went back.", "Do not buy {this} {name}.", "{Person} wants {possessive} money back."),
    2: (
        "Two stars, because I can live with the {part}.",
        "For {price} pounds I expected more.",
        "No such {short} again.",
    ),
    3: (
        "Average {short}, neither good nor bad.",
        "Good enough for {use}, no more.",
        "{Person} can live with the {short}.",
    ),
    4: (
        "Good {short} with one small fault.",
        "Four stars, and {person} would agree.",
        "For {use} I would buy {it_object} again.",
    ),
    5: (
        "Five stars, the best {short} we have had.",
        "{Person} loves {possessive} new {short}.",
        "I would buy {this} {name} again.",
    ),
}
SHORT = (
    "Great {short}, {it} {good}.",
    "The {short} {bad}, avoid.",
    "Nice {colour} {short} for {use}.",
    "{Person} loves the {short}.",
)
