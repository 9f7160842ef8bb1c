from pathlib import Path

import numpy as np
import pytest
import torch

from reviewtune.encoders import encode
from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder

TEXTS = ["great tent", "a " * 50, "", "the rusty hinge broke twice and my neighbour was very sadly", "great tent"]


@pytest.fixture(scope="module")
def encoder(tiny_bert: Path) -> TextEncoder:
    return TextEncoder(resolve_encoder(str(tiny_bert)), torch.device("cpu"))


def test_embeddings_come_in_the_order_of_the_texts(encoder: TextEncoder) -> None:
    vectors = encoder.embed(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((5, 64), np.float32)
    np.testing.assert_allclose(encoder.embed(TEXTS[::-1])[::-1], vectors, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[4])
    assert np.abs(vectors[0] - vectors[3]).max() > 1e-2


def test_neighbours_do_not_change_an_embedding(encoder: TextEncoder) -> None:
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.embed(TEXTS), alone, rtol=0, atol=1e-5)


def test_an_embedding_is_the_mean_of_the_last_hidden_states(encoder: TextEncoder) -> None:
    input_ids = torch.tensor([encoder.tokenizer(TEXTS[3])["input_ids"]])
    with torch.no_grad():
        states = encoder.backbone(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).last_hidden_state
    np.testing.assert_allclose(encoder.embed(TEXTS[3:4]), states[0].mean(0, keepdim=True).numpy(), rtol=0, atol=1e-5)


def test_texts_are_tokenised_some_at_a_time(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoder.embed(TEXTS)
    monkeypatch.setattr(encode, "TOKENISED", 2)
    np.testing.assert_allclose(encoder.embed(TEXTS), whole, rtol=0, atol=1e-5)


def test_layers_are_compiled_once_when_enough_has_been_encoded(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(encode, "compile_layers", compiled.append)
    base, cpu = resolve_encoder(str(tiny_bert)), torch.device("cpu")
    TextEncoder(base, cpu, compile_after=0).embed(TEXTS)
    assert not compiled
    monkeypatch.setattr(encode, "takes_reviews_of_any_length", lambda backbone: True)
    text_encoder = TextEncoder(base, cpu, compile_after=10)
    text_encoder.embed(TEXTS)
    assert not compiled
    text_encoder.embed(TEXTS)
    text_encoder.embed(TEXTS)
    assert compiled == [text_encoder.backbone]


def test_no_texts_give_no_embeddings(encoder: TextEncoder) -> None:
    assert encoder.embed([]).shape == (0, 64)


def test_the_embedded_minilm_knows_what_is_alike() -> None:
    vectors = TextEncoder(resolve_encoder("minilm"), torch.device("cpu")).embed(
        ["The tent leaks in the rain.", "Water comes through this tent when it rains.", "A delicious cake recipe."]
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]
