from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reviewtune.config import DataConfig
from reviewtune.data.alike import all_alike
from reviewtune.encoders import encode, loading
from reviewtune.schema import TEXT
from reviewtune.tuning import inputs as module
from reviewtune.tuning.inputs import StudyInputs, prepare_inputs

LETTERS = "abcdefghijklmnopqrstuvwxyz !?.,"


@pytest.fixture
def inputs(tmp_path: Path) -> StudyInputs:
    rows = [f"This, is review {n} of {n * n}!!,{'fake' if n % 2 else 'genuine'}" for n in range(80)]
    rows = [f'"{text}",{label}' for text, label in (row.rsplit(",", 1) for row in rows)]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    encoder: Any = SimpleNamespace(title="tiny", revision=None, max_length=9)
    config = DataConfig(data=[str(tmp_path / "reviews.csv")], results_dir=tmp_path, duplicate_threshold=1)
    return prepare_inputs(config, encoder)


def second(inputs: StudyInputs) -> list[str]:
    return all_alike(inputs.reviews.table[TEXT].take(inputs.development).to_pylist(), 3)


def test_second_forms_follow_the_texts(inputs: StudyInputs) -> None:
    first, both = inputs.develop("texts"), inputs.both_forms("texts", 3)
    assert both.inputs == [*first.inputs, *second(inputs)]
    assert both.inputs[0] != both.inputs[len(first)]
    np.testing.assert_array_equal(both.fake, np.concatenate([first.fake, first.fake]))


def test_their_tokens_are_made_once(inputs: StudyInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    def tokenize(_: Any, texts: list[str], length: int) -> Any:
        return module.Tokens(
            np.concatenate([np.array([len(text)], np.int32) for text in texts]), np.arange(len(texts) + 1)
        )

    monkeypatch.setattr(encode, "tokenize", tokenize)
    monkeypatch.setattr(loading, "load_tokenizer", lambda _: None)
    both = inputs.both_forms("tokens", 3)
    texts = inputs.both_forms("texts", 3).inputs
    assert both.inputs.ids.tolist() == [len(text) for text in texts]
    assert inputs.made["tokens"] == 80 + len(texts) // 2
    inputs.both_forms("tokens", 3)
    assert inputs.made["tokens"] == 80 + len(texts) // 2


def test_their_embeddings_are_made_once_each(inputs: StudyInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, np.ndarray] = {}

    def encode_missing(_: Any, texts: Any, *__: Any, **___: Any) -> int:
        assert len(set(texts["id"].to_pylist())) == len(texts)
        new = [row for row in texts.to_pylist() if row["id"] not in kept]
        kept.update({row["id"]: np.full(2, len(row["text"]), np.float32) for row in new})
        return len(new)

    import ray

    folder = SimpleNamespace(array=lambda ids: np.stack([kept[each] for each in ids]))
    monkeypatch.setattr(module, "embedding_folder", lambda *_: folder)
    monkeypatch.setattr(module, "encode_missing", encode_missing)
    monkeypatch.setattr(ray, "cluster_resources", dict)
    both = inputs.both_forms("embeddings", 3)
    texts = inputs.both_forms("texts", 3).inputs
    assert both.inputs[:, 0].tolist() == [len(text) for text in texts]
    assert inputs.made["embeddings"] == 80 + len(set(second(inputs)))
