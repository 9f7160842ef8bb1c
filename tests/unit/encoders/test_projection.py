import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from reviewtune.encoders.encode import TextEncoder
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import EncoderError

CPU = torch.device("cpu")
TEXTS = ["great tent", "the rusty hinge broke twice", ""]


@pytest.fixture
def base(stella_base: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(stella_base(projection=24), tmp_path / "base"))


def test_an_embedding_is_projected_where_the_folder_has_a_projection(base: Path) -> None:
    projected = TextEncoder(resolve_encoder(str(base)), CPU).embed(TEXTS)
    weights = load_file(base / "2_Dense_1024" / "model.safetensors")
    shutil.rmtree(base / "2_Dense_1024")
    pooled = TextEncoder(resolve_encoder(str(base)), CPU).embed(TEXTS)
    assert (projected.shape, pooled.shape) == ((3, 24), (3, 64))
    expected = pooled @ weights["linear.weight"].numpy().T + weights["linear.bias"].numpy()
    np.testing.assert_allclose(projected, expected, rtol=0, atol=1e-4)


def test_a_projection_changes_the_revision(base: Path) -> None:
    with_it = resolve_encoder(str(base))
    shutil.rmtree(base / "2_Dense_1024")
    without = resolve_encoder(str(base))
    assert (with_it.projection, without.projection) == ("2_Dense_1024", None)
    assert with_it.revision != without.revision


def test_other_projections_are_left_alone(base: Path) -> None:
    (base / "2_Dense_1024").rename(base / "2_Dense_8192")
    assert resolve_encoder(str(base)).projection is None


def refusal(base: Path) -> str:
    with pytest.raises(EncoderError) as caught:
        TextEncoder(resolve_encoder(str(base)), CPU)
    assert "\n" not in str(caught.value)
    assert "projection 2_Dense_1024" in str(caught.value)
    return str(caught.value)


def test_an_activation_function_is_refused(base: Path) -> None:
    config = base / "2_Dense_1024" / "config.json"
    settings = json.loads(config.read_text())
    config.write_text(json.dumps({**settings, "activation_function": "torch.nn.modules.activation.Tanh"}))
    assert "Tanh" in refusal(base)


def test_a_projection_of_another_width_is_refused(base: Path) -> None:
    save_file({"linear.weight": torch.zeros(8, 32)}, base / "2_Dense_1024" / "model.safetensors")
    assert "takes 32 values, and the backbone gives 64" in refusal(base)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_damaged_or_missing_file_is_refused(base: Path, file: str) -> None:
    path = base / "2_Dense_1024" / file
    path.write_bytes(path.read_bytes()[:-30])
    refusal(base)
    path.unlink()
    refusal(base)
