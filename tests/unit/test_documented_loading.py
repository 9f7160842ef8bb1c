"""The documented way to load an adapter, run as it stands."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reviewtune
from tests.unit.test_export import CLOSE, TEXTS, made

PAGE = Path(__file__).resolve().parents[2] / "docs" / "from_python.md"
EXAMPLE = '["Great product, works as described."]'


def loading_example() -> str:
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "from peft" in block
    ]
    assert EXAMPLE in code
    return str(code)


@pytest.mark.usefixtures("in_full")
def test_the_documented_loading_example_gives_the_scores_of_the_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = made("minilm", tmp_path / "results" / "artifacts" / "NAME")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"TEXTS": TEXTS}
    exec(loading_example().replace(EXAMPLE, "TEXTS"), names)
    logits = names["logits"].detach().cpu().numpy()
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], reviewtune.load(artifact).scores(TEXTS), atol=CLOSE)
