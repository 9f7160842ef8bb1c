"""What `reviewtune.json` says is believed only in its range."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reviewtune
from reviewtune.errors import ArtifactError
from tests.unit.hostile.conftest import FAMILIES, TEXTS, changed, outcome

BETA = {"kind": "beta", "slope": 1.0, "intercept": 0.0, "above": 1.5, "below": 0.5, "offset": 0.1}
BASIS = {"fake_share": 0.5, "genuine": 2, "ranks": [1, 2], "highest": [0.7, 0.1], "bins": [0, 2], "counts": [1, 3]}
KNOTS = {"kind": "isotonic", "scores": [-1.0, 1.0], "values": [-2.0, 3.0], "tail": 1e-6}


@pytest.mark.parametrize(
    ("calibration", "log_odds"),
    [
        ({"slope": 1.7, "intercept": -0.3}, lambda score: 1.7 * score - 0.3),  # as the first version wrote it
        (BETA, lambda score: 1.5 * np.logaddexp(0, score) - 0.5 * np.logaddexp(0, -score) + 0.1),
        (KNOTS, lambda score: np.interp(score, [-1.0, 1.0], [-2.0, 3.0])),
    ],
)
def test_every_calibration_is_read_from_its_numbers(copy: Any, calibration: dict[str, Any], log_odds: Any) -> None:
    folder = copy("tfidf")
    changed(folder, "reviewtune.json", calibration=calibration, schema_version=1)
    classifier = reviewtune.load(folder)
    expected = 1 / (1 + np.exp(-log_odds(classifier.scores(TEXTS))))
    np.testing.assert_allclose(classifier.fake_probability(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_whole_labels_reviews(artifacts: dict[str, Path], name: str) -> None:
    assert outcome(artifacts[name]) == ""


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("threshold", float("nan"), "threshold=nan: input should be a finite number"),
        ("threshold", 1e300, "threshold=1e+300: input should be less than or equal to 1"),
        ("threshold", -0.1, "threshold=-0.1: input should be greater"),
        ("threshold", "0.5", "threshold='0.5': input should be a valid number"),
        ("max_fpr", 0.01, "max_fpr and prevalence need basis, what they were chosen by"),
        ("max_fpr", 0.0, "max_fpr=0.0: input should be greater than 0"),
        ("prevalence", 1.0, "prevalence=1.0: input should be less than 1"),
        ("basis", BASIS | {"fake_share": 0.0}, "basis.fake_share=0.0: input should be greater than 0"),
        ("basis", BASIS | {"ranks": [1, 5]}, "ranks must rise from 1 to 2 at most"),
        ("basis", BASIS | {"highest": [0.1, 0.7]}, "none above the one before"),
        ("basis", BASIS | {"counts": [2**60, 1]}, "basis.counts.0=1152921504606846976: input should be less than"),
        ("basis", BASIS | {"counts": [3]}, "counts must hold a number a bin"),
        ("labels", ["fake", "genuine"], "labels=['fake', 'genuine']: they must be ['genuine', 'fake']"),
        ("calibration__slope", 1e300, "the slope must be from 1e-09 to 1e+09"),
        ("calibration__slope", 0, "calibration.platt.slope=0: input should be greater than 0"),
        ("calibration__slope", -1.5, "calibration.platt.slope=-1.5"),
        ("calibration__slope", float("inf"), "calibration.platt.slope=inf"),
        ("calibration__intercept", 1e200, "the intercept no larger"),
        ("data_sha256", "x", "data_sha256='x': string should match"),
        ("family", "os.system", "family='os.system': the families are tfidf"),
        ("family", "a\nb", r"family='a\nb'"),
        ("params", {"x": [[[]]]}, "params.x"),
        ("encoder", {"name": "minilm", "revision": None, "max_length": -1}, "encoder.max_length=-1"),
        ("encoder", {"name": "minilm", "revision": None, "max_length": 10**12}, "encoder.max_length=1000000000000"),
        (
            "encoder",
            {"name": "minilm", "revision": None, "max_length": 513},
            "encoder.max_length=513, and minilm reads",
        ),
        ("encoder", {"name": "mini\x1b[2J", "revision": None, "max_length": 9}, r"encoder.name='mini\x1b[2J'"),
        ("calibration__kind", "cubic", "calibration={"),
        ("calibration__kind", [[]], "calibration={"),
        ("calibration__kind", "beta", "calibration.beta.above is missing"),
        ("calibration", BETA | {"above": -1.0}, "calibration.beta.above=-1.0"),
        ("calibration", BETA | {"slope": 1e-200}, "the slope must be from 1e-09 to 1e+09"),
        ("calibration", BETA | {"offset": 1e10}, "its numbers must be no larger than 1e+09"),
        ("calibration", KNOTS | {"values": [0.5, -0.5]}, "scores and values must rise from knot to knot"),
        ("calibration", KNOTS | {"values": [0.5]}, "as many values as scores"),
        ("calibration", KNOTS | {"scores": []}, "calibration.isotonic.scores=[]"),
        ("calibration", KNOTS | {"scores": [-1e200, 1e200]}, "its numbers must be no larger than 1e+09"),
        ("calibration", KNOTS | {"tail": 0.0}, "calibration.isotonic.tail=0.0"),
        ("calibration", "platt", "calibration='platt'"),
        ("schema_version", 3, "has schema 3, this reviewtune reads up to 2: upgrade it"),
        ("new\nkey", 1, r"'new\nkey'=1: extra inputs are not permitted"),
    ],
)
def test_what_an_artifact_says_of_itself_is_in_range(copy: Any, field: str, value: Any, said: str) -> None:
    folder = copy("tfidf")
    changed(folder, "reviewtune.json", **{field: value})
    assert said in outcome(folder)
    assert "reviewtune.json" in outcome(folder)


def test_an_encoder_that_is_not_named_is_missed(copy: Any) -> None:
    folder = copy("logreg")
    changed(folder, "reviewtune.json", encoder=None)
    assert "encoder is missing, and logreg needs one" in outcome(folder)


def test_a_file_of_another_size_than_such_files_have_is_not_read(copy: Any) -> None:
    folder = copy("tfidf")
    with (folder / "reviewtune.json").open("ab") as file:
        file.write(b" " * 2**25)
    assert "and 16,777,216 at most are read" in outcome(folder)
    (folder / "reviewtune.json").write_text("[" * 200_000)
    assert "is damaged" in outcome(folder)


def test_a_missing_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no reviewtune\.json"):
        reviewtune.load(tmp_path)
