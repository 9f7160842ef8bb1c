"""Reviews that any family can learn to tell apart, in the form that it reads; made from a seed.

Shape letter: `N` reviews.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.tokens import Tokens, from_lists
from reviewtune.families.base import Inputs, Rows

NUM_TRAIN, NUM_TEST, WIDTH = 80, 40, 12

GENUINE_WORDS = ["strap", "broke", "twice", "Tuesday", "neighbour", "rusty", "hinge", "sadly", "cheaper", "tent"]
FAKE_WORDS = ["great", "product", "love", "highly", "recommend", "perfect", "quality", "amazing", "must", "buy"]
SHARED_WORDS = ["the", "a", "it", "is", "was", "and", "with", "for", "this", "but", "very", "my"]


def easy_rows(inputs: Inputs, count: int, seed: int) -> Rows:
    """Reviews of both classes by turns; read-only, as in a study.

    Args:
        inputs: Which form: `texts`, `embeddings` or `tokens`.
        count: N.
        seed: Of the draw.

    Examples:
        >>> rows = easy_rows("embeddings", 4, seed=0)
        >>> rows.inputs.shape, rows.fake.tolist()
        ((4, 12), [True, False, True, False])
    """
    fake = np.arange(count) % 2 == 0
    fake.flags.writeable = False
    return Rows(_MAKE[inputs](fake, np.random.default_rng(seed)), fake)


def some(inputs: Any, rows: list[int]) -> Any:
    """The inputs at `rows`, by their numbers, in the form that they have.

    Examples:
        >>> some(["Great", "The zip broke", "Perfect"], [2, 0])
        ['Perfect', 'Great']
    """
    if isinstance(inputs, Tokens):
        return inputs.take(np.array(rows, dtype=np.int64))
    return inputs[rows] if isinstance(inputs, np.ndarray) else [inputs[row] for row in rows]


def _words(fake: NDArray[np.bool_], rng: np.random.Generator) -> list[list[str]]:
    own = [FAKE_WORDS if is_fake else GENUINE_WORDS for is_fake in fake]
    return [list(rng.permutation([*rng.choice(words, 4), *rng.choice(SHARED_WORDS, 5)])) for words in own]


def _texts(fake: NDArray[np.bool_], rng: np.random.Generator) -> list[str]:
    """The genuine ones end in a full stop, for a family that reads no words."""
    texts = [" ".join(words) for words in _words(fake, rng)]
    return [text if is_fake else f"{text}." for text, is_fake in zip(texts, fake, strict=True)]


def _embeddings(fake: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """(N, WIDTH), the last column constant."""
    rows = rng.normal(size=(len(fake), WIDTH)).astype(np.float32)
    rows[:, :4] += 2.5 * fake[:, None] - 1
    rows[:, -1] = 0.5
    rows.flags.writeable = False
    return rows


def _tokens(fake: NDArray[np.bool_], rng: np.random.Generator) -> Tokens:
    ids = {word: number for number, word in enumerate([*GENUINE_WORDS, *FAKE_WORDS, *SHARED_WORDS], start=4)}
    tokens = from_lists([[ids[word] for word in words] for words in _words(fake, rng)])
    tokens.ids.flags.writeable = False
    return tokens


_MAKE: dict[str, Callable[[NDArray[np.bool_], np.random.Generator], Any]] = {
    "texts": _texts,
    "embeddings": _embeddings,
    "tokens": _tokens,
}
