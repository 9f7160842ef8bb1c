"""Randomness that belongs to a text: the same for the same seed, wherever the text stands among others."""

import hashlib

import numpy as np


def generator_of(text: str, seed: int, purpose: str) -> np.random.Generator:
    """A generator for what is done at random to a text.

    Args:
        text: With lone surrogates, which no encoding has, if it must be.
        seed: Of the whole.
        purpose: A name for what is done, so that two things done to a text are not drawn alike.
    """
    key = hashlib.sha256(f"{seed} {purpose} {text}".encode(errors="surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(key[:16], "big"))
