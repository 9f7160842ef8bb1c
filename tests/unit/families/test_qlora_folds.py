from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reviewtune.adapters.peft_format import WEIGHTS_FILE
from reviewtune.data.tokens import from_lists
from reviewtune.errors import ArtifactError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import BASE_FILE, QloraFamily, QloraParams
from reviewtune.families.qlora_folds import FoldedQlora

LENGTHS = [9, 3, 14, 6, 6, 11, 2, 8]


def rows(seed: int) -> Rows:
    draw = np.random.default_rng(seed)
    fake = np.arange(len(LENGTHS)) % 2 == 0
    return Rows(from_lists([np.r_[2, draw.integers(4, 60, length), 3] for length in LENGTHS]), fake)


TEST = rows(9)


def train(base: Path, folder: Path, seed: int, **values: Any) -> Path:
    params = QloraParams(learning_rate=0.02, batch_size=4, epochs=1, **values)
    model: Any = list(QloraFamily().fit(params, rows(seed), Setting(seed, base_model=str(base))))[-1].model
    folder.mkdir()
    model.save(folder)
    return folder


@pytest.mark.usefixtures("in_full")
@pytest.mark.parametrize("model_type", ["bert", "gte", "t5", "modernbert"])
def test_a_review_scores_the_mean_of_what_the_adapters_say_of_it(
    tiny_base: Any, tmp_path: Path, model_type: str
) -> None:
    """Each alone by peft, all together in one pack; adapters of other ranks, layers and scales among them."""
    base = tiny_base(model_type)
    specs: list[dict[str, Any]] = [
        {"rank": 4, "target": "all-linear"}, {"rank": 8, "alpha": 8}, {"rank": 2, "rslora": True, "target": "attention"}
    ]  # fmt: skip
    folders = [train(base, tmp_path / str(seed), seed, **spec) for seed, spec in enumerate(specs)]
    alone = np.array([QloraFamily().load(folder).scores(TEST.inputs) for folder in folders])
    assert np.abs(alone[0] - alone[1]).min() > 0
    folded = FoldedQlora(folders)
    np.testing.assert_allclose(folded.scores(TEST.inputs), alone.mean(axis=0), atol=1e-4)
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    folded.save(artifact)
    # What lies at the top is the first, for those who load it with peft.
    np.testing.assert_allclose(QloraFamily().load(artifact).scores(TEST.inputs), alone[0], atol=1e-5)
    again = FoldedQlora.load(artifact, 2, str(base))
    np.testing.assert_array_equal(again.scores(TEST.inputs), folded.scores(TEST.inputs))


def test_a_fold_that_is_missing_or_of_another_base_model_is_told(tiny_base: Any, tmp_path: Path) -> None:
    base = tiny_base("bert")
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    FoldedQlora([train(base, tmp_path / str(seed), seed, rank=2) for seed in range(2)]).save(artifact)
    with pytest.raises(ArtifactError, match=r"folds/2/base.json is missing"):
        FoldedQlora.load(artifact, 2)
    (artifact / "folds/1" / BASE_FILE).write_text('{"base_model": "other", "quantisation": "nf4"}')
    with pytest.raises(ArtifactError, match=r"folds/1 is of another base model than .*artifact: copy"):
        FoldedQlora.load(artifact, 1)
    (artifact / "folds/1" / BASE_FILE).write_bytes((artifact / BASE_FILE).read_bytes())
    (artifact / "folds/1" / WEIGHTS_FILE).write_bytes(b"torn")
    with pytest.raises(ArtifactError, match=r"the adapter in .*folds/1 is damaged"):
        FoldedQlora.load(artifact, 1)
