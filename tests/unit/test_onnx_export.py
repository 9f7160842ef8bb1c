"""What `export --onnx` leaves says what the artifact says, and nothing is left that does not."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reviewtune
from reviewtune import onnx_export
from reviewtune.artifact import EncoderInfo, write_artifact
from reviewtune.cli import main
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.isotonic_calibration import IsotonicCalibration
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family
from tests.unit.artifact_infos import info_of

TEXTS = [
    "Great product, works as described.",
    "the strap broke twice on tuesday, sadly, and the rusty hinge of my neighbour's cheaper tent did not",
    "love it",
    "perfect quality, amazing, must buy, highly recommend",
]
FAKE = np.array([True, False, True, False])
PLATT = PlattCalibration(slope=1.7, intercept=-0.3)
BETA = BetaCalibration(slope=1.7, intercept=-0.3, above=1.5, below=0.5, offset=0.1)
KNOTS = IsotonicCalibration(scores=(-0.5, 0.1, 0.5), values=(-2.0, 0.5, 1.0), tail=1e-3)
PARAMS: dict[str, dict[str, Any]] = {
    "mlp": {"width": 8, "epochs": 1}, "qlora": {"rank": 2, "batch_size": 2, "epochs": 2, "learning_rate": 0.01},
}  # fmt: skip


def made(family_name: str, base: str, folder: Path, calibration: Any = PLATT) -> Path:
    """A trained artifact on a tiny base model."""
    encoder, family = resolve_encoder(base), get_family(family_name)
    about = EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length)
    rows = Rows(np.tile(reviewtune.embed(TEXTS, base), (3, 1)), np.tile(FAKE, 3))
    if family_name == "qlora":
        rows = Rows(tokenize(load_tokenizer(encoder), TEXTS, encoder.max_length), FAKE)
    params = family.params(**PARAMS.get(family_name, {}))
    model: Any = list(family.fit(params, rows, Setting(base_model=base)))[-1].model
    write_artifact(folder, info_of(family_name, encoder=about, calibration=calibration), model)
    return folder


def exported(artifact: Path, output: Path, *more: str) -> int:
    return main(["export", "--artifact", str(artifact), "--output", str(output), "--onnx", *more])


@pytest.fixture
def packages() -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason="comes with the extra `onnx`")


def check(artifact: Path, output: Path) -> None:
    own = reviewtune.load(artifact).fake_probability(TEXTS)
    np.testing.assert_allclose(onnx_export.run_onnx(output, TEXTS), own, atol=1e-4)
    (code,) = re.findall(r"```python\n(.*?)```", (output / "README.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"TEXTS": TEXTS}
    exec(code.replace("this folder", str(output)).replace(f'["{TEXTS[0]}"]', "TEXTS"), names)
    np.testing.assert_allclose(names["fake_probability"], own, atol=1e-4)


@pytest.mark.usefixtures("in_full")
def test_an_adapter_and_its_calibration_are_one_file(
    packages: None, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = made("qlora", str(tiny_bert), tmp_path / "artifact")
    assert exported(artifact, tmp_path / "out") == 0
    assert re.search(r"it was run, and gives the artifact's fake probabilities to \de-\d\d\n", capsys.readouterr().out)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"model.onnx", "tokenizer.json", "origin.json", "README.md"} <= names
    check(artifact, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.usefixtures("in_full")
@pytest.mark.parametrize(("base", "calibration"), [("t5", BETA), ("gte", KNOTS)])
def test_other_architectures_and_calibrations(
    packages: None, tiny_base: Any, tmp_path: Path, base: str, calibration: Any
) -> None:
    artifact = made("qlora", str(tiny_base(base)), tmp_path / "artifact", calibration)
    assert exported(artifact, tmp_path / "out") == 0
    check(artifact, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.usefixtures("in_full")
@pytest.mark.parametrize(("family", "calibration"), [("logreg", KNOTS), ("svm", PLATT), ("mlp", BETA)])
def test_heads(packages: None, tiny_bert: Path, tmp_path: Path, family: str, calibration: Any) -> None:
    artifact = made(family, str(tiny_bert), tmp_path / "artifact", calibration)
    assert exported(artifact, tmp_path / "out") == 0
    check(artifact, tmp_path / "out")


@pytest.mark.slow
def test_eight_bits_are_smaller_and_nearly_the_same(packages: None, tiny_bert: Path, tmp_path: Path) -> None:
    artifact = made("logreg", str(tiny_bert), tmp_path / "artifact")
    assert exported(artifact, tmp_path / "out") == exported(artifact, tmp_path / "small", "--int8") == 0
    sizes = [(tmp_path / name / "model.onnx").stat().st_size for name in ("out", "small")]
    assert sizes[1] < sizes[0]
    found = [onnx_export.run_onnx(tmp_path / name, TEXTS) for name in ("out", "small")]
    np.testing.assert_allclose(found[1], found[0], atol=onnx_export.INT8_TOLERANCE)
    assert not np.array_equal(found[1], found[0])


@pytest.mark.slow
def test_a_file_that_says_something_else_is_not_left(
    packages: None, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = made("logreg", str(tiny_bert), tmp_path / "artifact")
    own = onnx_export.run_onnx
    monkeypatch.setattr(onnx_export, "run_onnx", lambda *given: own(*given) + 0.01)
    assert exported(artifact, tmp_path / "out") == 1
    assert "the file would say other than" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def test_what_has_no_such_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "onnxscript" else find("json"))
    model: Any = type("Nothing", (), {"save": lambda self, folder: None})()
    for family in ("tfidf", "rules"):
        write_artifact(tmp_path / family, info_of(family), model)
    assert exported(tmp_path / "tfidf", tmp_path / "out") == 2
    assert "--onnx: onnxscript is not installed: run `pip install 'reviewtune[onnx]'`" in capsys.readouterr().err
    monkeypatch.setattr(util, "find_spec", lambda name: find("json"))
    assert exported(tmp_path / "tfidf", tmp_path / "out") == 2
    assert "of the family tfidf, whose n-grams ONNX has no operator for" in capsys.readouterr().err
    assert exported(tmp_path / "rules", tmp_path / "out") == 2
    assert "is of the family rules: one of qlora, logreg, svm, mlp can be written so" in capsys.readouterr().err
    assert exported(tmp_path / "rules", tmp_path / "out", "--merge") == 2
    assert "give --merge or --onnx, one of both" in capsys.readouterr().err
    assert main(["export", "--artifact", str(tmp_path / "rules"), "--output", str(tmp_path / "out"), "--int8"]) == 2
    assert "--int8 goes with --onnx" in capsys.readouterr().err
