"""Artifacts that are damaged or were made to do harm: one clear line, or the right result, and at once."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reviewtune
from reviewtune.adapters.stored_config import read_config
from reviewtune.artifact import ArtifactInfo, EncoderInfo, write_artifact
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import ArtifactError, ReviewtuneError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family

TEXTS = [
    "Great product, works as described.",
    "the strap broke twice on tuesday",
    "love it",
    "sadly the hinge is rusty",
]
FAKE = np.array([True, False, True, False])
FAMILIES = ["tfidf", "rules", "logreg", "mlp", "qlora", "ensemble"]
CATASTROPHIC = "(" * 12 + ".*" + ")*" * 12 + "$"
PARAMS = {"mlp": {"width": 8, "epochs": 1}, "qlora": {"rank": 2, "batch_size": 4, "epochs": 1}, "tfidf": {"min_df": 1}}
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def artifacts(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each family, by name."""
    root = tmp_path_factory.mktemp("results")
    encoder = resolve_encoder(str(tiny_bert))
    tokens = tokenize(load_tokenizer(encoder), TEXTS, encoder.max_length)
    about = EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length)
    inputs = {
        "texts": TEXTS * 3,
        "embeddings": np.tile(reviewtune.embed(TEXTS, str(tiny_bert)), (3, 1)),
        "tokens": tokens,
    }
    folders = {}
    for name in FAMILIES[:-1]:
        family = get_family(name)
        rows = Rows(inputs[family.inputs], np.resize(FAKE, 4 if family.inputs == "tokens" else 12))
        setting = Setting(base_model=encoder.name, quantisation="none")
        model: Any = list(family.fit(family.params(**PARAMS.get(name, {})), rows, setting))[-1].model
        folders[name] = root / name
        write_artifact(root / name, info(name, None if name in ("tfidf", "rules") else about, {}), model)

    class Members:
        def save(self, folder: Path) -> None:
            for name in ("tfidf", "logreg"):
                shutil.copytree(folders[name], folder / "members" / name)

    folders["ensemble"] = root / "ensemble"
    write_artifact(root / "ensemble", info("ensemble", None, {"tfidf": 0.5, "logreg": 1, "intercept": 0.1}), Members())
    return folders


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


def info(family: str, encoder: EncoderInfo | None, params: dict[str, Any]) -> ArtifactInfo:
    return ArtifactInfo(
        family=family, encoder=encoder, params=params, calibration=PlattCalibration(slope=1.7, intercept=-0.3),
        threshold=0.4, study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64,
        validation_f1=1.0, code="c", versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def outcome(folder: Path) -> str:
    """What is said of a folder, empty where it labels reviews; anything but that and one line fails."""
    start, said = time.monotonic(), ""
    try:
        probability = reviewtune.load(folder).predict_proba(TEXTS)
    except ReviewtuneError as error:
        said = str(error)
        probability = np.full((4, 2), 0.5)
    assert time.monotonic() - start < 20
    assert probability.shape == (4, 2)
    assert np.isfinite(probability).all()
    assert "\n" not in said
    assert len(said) < 1500
    return said


def changed(folder: Path, name: str, **values: Any) -> None:
    """Set some values of a JSON file, by dotted name."""
    contents = json.loads((folder / name).read_text())
    for key, value in values.items():
        *above, last = key.split("__")
        place = contents
        for part in above:
            place = place[part]
        place[last] = value
    (folder / name).write_text(json.dumps(contents))


@pytest.fixture
def copy(artifacts: dict[str, Path], tmp_path: Path) -> Any:
    return lambda name: Path(shutil.copytree(artifacts[name], tmp_path / "copy"))


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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"r": 10**9}, "r=1000000000: input should be less than or equal to 65536"),
        ({"r": 60_000}, "not of [60000, 64] as for r=60000"),
        ({"r": 0}, "r=0"),
        ({"r": 2.5}, "r=2.5"),
        ({"lora_alpha": 10**12}, "lora_alpha=1000000000000"),
        ({"lora_dropout": 1.0}, "lora_dropout=1.0"),
        ({"target_modules": CATASTROPHIC}, "target_modules='(((("),
        ({"target_modules": [CATASTROPHIC]}, "target_modules.0='(((("),
        ({"target_modules": ["query", "nowhere"]}, "target_modules='nowhere': the base model has no linear layer"),
        ({"target_modules": ["LayerNorm"]}, "has no linear layer of that name"),
        ({"target_modules": []}, "target_modules=[]"),
        ({"target_modules": None}, "target_modules=None"),
        ({"exclude_modules": CATASTROPHIC}, "exclude_modules='(((("),
        ({"layers_pattern": ".*"}, "layers_pattern='.*': only peft's default is read"),
        ({"layers_to_transform": [0]}, "layers_to_transform=[0]"),
        ({"rank_pattern": {CATASTROPHIC: 8}}, "rank_pattern={"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa'"),
        ({"use_dora": True}, "use_dora=True"),
        ({"auto_mapping": {"base_model_class": "system", "parent_library": "os"}}, "auto_mapping={"),
        ({"modules_to_save": ["backbone"]}, "modules_to_save.0='backbone'"),
        ({"peft_type": "IA3"}, "peft_type='IA3'"),
        ({"megatron_config": {"a": 1}, "megatron_core": "os"}, "megatron"),
        ({"layer_replication": [[0, 10**9]]}, "layer_replication"),
        ({"surprise": {"a": 1}}, "surprise"),
    ],
)
def test_an_adapters_configuration_asks_for_nothing_else(copy: Any, values: dict[str, Any], said: str) -> None:
    folder = copy("qlora")
    changed(folder, "adapter_config.json", **values)
    assert said in outcome(folder)


def test_a_configuration_of_another_version_of_peft_is_read(copy: Any) -> None:
    folder = copy("qlora")
    changed(folder, "adapter_config.json", of_a_later_version=None, off=False, empty={}, peft_version="9.0")
    assert outcome(folder) == ""
    assert read_config(folder / "adapter_config.json").r == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"depth": 10**9}, "depth=1000000000"),
        ({"width": 10**9}, "width=1000000000"),
        ({"width": 16}, "size mismatch"),
        ({"dropout": float("nan")}, "dropout=nan"),
        ({"epochs": "3"}, "epochs='3'"),
    ],
)
def test_an_mlp_is_of_the_size_that_it_says(copy: Any, values: dict[str, Any], said: str) -> None:
    folder = copy("mlp")
    changed(folder, "mlp.json", **values)
    assert said in outcome(folder)


@pytest.mark.parametrize("base", [{"quantisation": "int3"}, {"base_model": 3}, {"base_model": "a\nb"}, {"more": 1}])
def test_the_base_model_of_an_adapter_is_one_line(copy: Any, base: dict[str, Any]) -> None:
    folder = copy("qlora")
    changed(folder, "base.json", **base)
    assert "base.json is missing or damaged" in outcome(folder)


def test_a_file_of_another_size_than_such_files_have_is_not_read(copy: Any) -> None:
    folder = copy("tfidf")
    with (folder / "reviewtune.json").open("ab") as file:
        file.write(b" " * 2**25)
    assert "and 16,777,216 at most are read" in outcome(folder)
    (folder / "reviewtune.json").write_text("[" * 200_000)
    assert "is damaged" in outcome(folder)


def test_tensors_of_another_kind_are_refused(copy: Any) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = copy("mlp")
    weights = load_file(folder / "mlp.safetensors")
    save_file({name: value.to(torch.int64) for name, value in weights.items()}, folder / "mlp.safetensors")
    assert "holds torch.int64" in outcome(folder)
    save_file({**weights, "mean": torch.zeros(3)}, folder / "mlp.safetensors")
    assert "size mismatch" in outcome(folder)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value in a JSON document."""
    yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_in(part, (*path, key))


STRANGE = st.one_of(
    st.sampled_from([None, True, float("nan"), float("inf"), -1, 0, 1e300, 2**70, "", CATASTROPHIC, ".*", [], {}]),
    st.floats(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=1),
)  # fmt: skip


@MANY
@given(data=st.data(), name=st.sampled_from(FAMILIES))
def test_any_value_in_any_json_file_is_answered(
    artifacts: dict[str, Path], tmp_path_factory: Any, data: Any, name: str
) -> None:
    folder = Path(shutil.copytree(artifacts[name], tmp_path_factory.mktemp("hostile") / name))
    path = data.draw(st.sampled_from(sorted(folder.rglob("*.json"))))
    contents = json.loads(path.read_text())
    place = data.draw(st.sampled_from(list(paths_in(contents))[1:]))
    parent = contents
    for key in place[:-1]:
        parent = parent[key]
    if data.draw(st.booleans()) and isinstance(parent, dict):
        parent[data.draw(st.text(max_size=5))] = data.draw(STRANGE)
    else:
        parent[place[-1]] = data.draw(STRANGE)
    path.write_text(json.dumps(contents))
    outcome(folder)
    shutil.rmtree(folder.parent)


@MANY
@given(data=st.data(), name=st.sampled_from(FAMILIES))
def test_any_damage_to_any_file_is_answered(
    artifacts: dict[str, Path], tmp_path_factory: Any, data: Any, name: str
) -> None:
    folder = Path(shutil.copytree(artifacts[name], tmp_path_factory.mktemp("hostile") / name))
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors", ".skops"))
    path = data.draw(st.sampled_from(files))
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, min(len(raw) - 1, 4000)))
    match data.draw(st.sampled_from(["cut", "change", "put in", "leave out"])):
        case "cut":
            del raw[at:]
        case "change":
            raw[at] = data.draw(st.integers(0, 255))
        case "put in":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        case "leave out":
            del raw[at : at + data.draw(st.integers(1, 9))]
    path.write_bytes(bytes(raw))
    outcome(folder)
    shutil.rmtree(folder.parent)


def test_a_missing_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no reviewtune\.json"):
        reviewtune.load(tmp_path)
