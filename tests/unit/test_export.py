import json
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import reviewtune
from reviewtune.artifact import ArtifactInfo, EncoderInfo, read_info, write_artifact
from reviewtune.cli import main
from reviewtune.encoders.encode import tokenize
from reviewtune.encoders.loading import load_tokenizer
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import ArtifactError, EncoderError, UsageError
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.choice import Calibration
from reviewtune.evaluation.isotonic_calibration import IsotonicCalibration
from reviewtune.evaluation.operating_basis import OperatingBasis
from reviewtune.export import export_artifact
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.families.qlora_folds import FoldedQlora
from reviewtune.families.tfidf import TfidfFamily, TfidfParams

TEXTS = [
    "Great product, works as described.",
    "the strap broke twice on tuesday, sadly, and the rusty hinge of my neighbour's cheaper tent did not",
    "love it",
    "perfect quality, amazing, must buy, highly recommend",
]
CLOSE = 0.05 if torch.cuda.is_available() else 1e-4
"""On a GPU the artifact itself computes in bfloat16, which keeps eight bits."""
FAKE = np.array([True, False, True, False])


CALIBRATIONS = {
    "minilm": PlattCalibration(slope=1.7, intercept=-0.3),
    "t5": BetaCalibration(slope=1.7, intercept=-0.3, above=1.5, below=0.5, offset=0.1),
    "gte": IsotonicCalibration(scores=(-0.5, 0.1, 0.5), values=(-2.0, 0.5, 1.0), tail=1e-6),
}


def info(family: str, encoder: EncoderInfo | None, calibration: Calibration = CALIBRATIONS["minilm"]) -> ArtifactInfo:
    return ArtifactInfo(
        family=family, encoder=encoder, params={}, calibration=calibration, threshold=0.4,
        study_id="s", trial_id="t", data="d", data_sha256="0" * 64, split_sha256="0" * 64, validation_f1=1.0, code="c",
        versions={}, created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def made(base: str, folder: Path, calibration: Calibration = CALIBRATIONS["minilm"], seed: int = 0) -> Path:
    """An artifact of a trained adapter."""
    encoder = resolve_encoder(base)
    rows = Rows(tokenize(load_tokenizer(encoder), TEXTS, encoder.max_length), FAKE)
    params = QloraParams(learning_rate=0.01, batch_size=2, rank=4, epochs=2, warmup_ratio=0.0)
    model: Any = list(QloraFamily().fit(params, rows, Setting(seed, base_model=base)))[-1].model
    about = EncoderInfo(name=encoder.name, revision=encoder.revision, max_length=encoder.max_length)
    write_artifact(folder, info("qlora", about, calibration), model)
    return folder


@pytest.fixture(scope="module")
def artifact(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(str(tiny_bert), tmp_path_factory.mktemp("results") / "artifacts" / "adapter")


@pytest.fixture(scope="module")
def classical(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "words"
    model: Any = next(iter(TfidfFamily().fit(TfidfParams(), Rows(TEXTS * 3, np.tile(FAKE, 3)), Setting()))).model
    write_artifact(folder, info("tfidf", None), model)
    return folder


def run(code: str, folder: Path) -> dict[str, Any]:
    """The names that a card's code leaves, run on the folder it stands in and on all of `TEXTS`."""
    assert "this folder" in code
    assert f'["{TEXTS[0]}"]' in code
    names: dict[str, Any] = {"TEXTS": TEXTS}
    exec(code.replace("this folder", str(folder)).replace(f'["{TEXTS[0]}"]', "TEXTS"), names)
    return names


@pytest.mark.usefixtures("in_full")
@pytest.mark.parametrize("base", ["minilm", "t5", "gte"])
def test_the_code_on_a_merged_card_runs_and_agrees_with_the_artifact(tiny_base: Any, tmp_path: Path, base: str) -> None:
    name = "minilm" if base == "minilm" else str(tiny_base(base))
    artifact = made(name, tmp_path / "artifact", CALIBRATIONS[base])
    output = tmp_path / "merged"
    assert main(["export", "--artifact", str(artifact), "--output", str(output), "--merge"]) == 0
    card = (output / "README.md").read_text()
    alone, sentences = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    classifier = reviewtune.load(artifact)
    names = run(alone, output)
    np.testing.assert_allclose(names["score"].detach().numpy(), classifier.scores(TEXTS), atol=CLOSE)
    np.testing.assert_allclose(
        names["fake_probability"].detach().numpy(), classifier.fake_probability(TEXTS), atol=CLOSE
    )
    pytest.importorskip("sentence_transformers")
    logits = run(sentences, output)["logits"]
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], classifier.scores(TEXTS), atol=CLOSE)


def test_the_code_on_a_merged_card_corrects_to_the_artifacts_share_of_fakes(artifact: Path, tmp_path: Path) -> None:
    basis = OperatingBasis.of(np.array([0.2, 0.7, 0.4]), np.array([False, True, False]))
    about = read_info(artifact).model_copy(update={"basis": basis, "prevalence": 0.01})
    shutil.copytree(artifact, tmp_path / "rare")
    (tmp_path / "rare" / "reviewtune.json").write_text(about.model_dump_json())
    export_artifact(tmp_path / "rare", tmp_path / "merged", merge=True)
    alone, _ = re.findall(r"```python\n(.*?)```", (tmp_path / "merged" / "README.md").read_text(), re.DOTALL)
    said = run(alone, tmp_path / "merged")["fake_probability"].detach().numpy()
    np.testing.assert_allclose(said, reviewtune.load(tmp_path / "rare").fake_probability(TEXTS), atol=CLOSE)
    assert said.max() < reviewtune.load(artifact).fake_probability(TEXTS).max() / 2


def test_a_merged_folder_says_where_it_comes_from_and_is_whole(artifact: Path, tmp_path: Path) -> None:
    export_artifact(artifact, tmp_path / "merged", merge=True)
    assert json.loads((tmp_path / "merged" / "origin.json").read_text())["trial_id"] == "t"
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]
    with pytest.raises(ArtifactError, match=r"has no reviewtune\.json"):
        reviewtune.load(tmp_path / "merged")


@pytest.mark.usefixtures("in_full")
def test_an_artifact_of_several_adapters_scores_their_mean_and_merges_the_first(
    tiny_bert: Path, tmp_path: Path
) -> None:
    parts = [made(str(tiny_bert), tmp_path / str(seed), seed=seed) for seed in range(3)]
    alone = np.array([reviewtune.load(part).scores(TEXTS) for part in parts])
    assert np.abs(alone[0] - alone[1]).min() > 0
    about = read_info(parts[0]).model_copy(update={"folds": 2})
    artifact = tmp_path / "several"
    write_artifact(artifact, about, FoldedQlora(parts))
    np.testing.assert_allclose(reviewtune.load(artifact).scores(TEXTS), alone.mean(axis=0), atol=CLOSE)
    assert "the mean of 3 adapters over one base model" in (artifact / "README.md").read_text()
    export_artifact(artifact, tmp_path / "copy", merge=False)
    np.testing.assert_allclose(reviewtune.load(tmp_path / "copy").scores(TEXTS), alone.mean(axis=0), atol=CLOSE)
    export_artifact(artifact, tmp_path / "merged", merge=True)
    card = (tmp_path / "merged" / "README.md").read_text()
    assert "the mean of it and\n2 more" in card
    (first, _) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    np.testing.assert_allclose(run(first, tmp_path / "merged")["score"].detach().numpy(), alone[0], atol=CLOSE)


@pytest.mark.parametrize("kind", ["artifact", "classical"])
def test_without_merge_the_artifact_is_copied_as_it_is(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source: Path = request.getfixturevalue(kind)
    (tmp_path / "copy").mkdir()
    export_artifact(source, tmp_path / "copy", merge=False)
    np.testing.assert_array_equal(
        reviewtune.load(tmp_path / "copy").scores(TEXTS), reviewtune.load(source).scores(TEXTS)
    )


def test_a_copy_holds_no_file_of_this_machine_that_a_link_leads_to(classical: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("mine")
    taken = Path(shutil.copytree(classical, tmp_path / "taken"))
    (taken / "notes.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(ArtifactError, match=r"leads out of itself by 'notes\.txt': copy the artifact again"):
        export_artifact(taken, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_family_without_adapters_has_nothing_to_merge(classical: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="of the family tfidf: export it without"):
        export_artifact(classical, tmp_path / "merged", merge=True)
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UsageError, match="is taken"):
            export_artifact(artifact, taken, merge=False)
    assert (tmp_path / "mine.txt").read_text() == "x"


def test_a_damaged_adapter_leaves_nothing_behind(artifact: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(artifact, tmp_path / "damaged"))
    weights = (damaged / "adapter_model.safetensors").read_bytes()
    (damaged / "adapter_model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ArtifactError, match="damaged"):
        export_artifact(damaged, tmp_path / "merged", merge=True)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


def test_an_artifact_is_not_exported_into_itself(classical: Path, tmp_path: Path) -> None:
    before = sorted(classical.rglob("*"))
    (tmp_path / "link").symlink_to(classical)
    for output in (classical / "copy", classical / "more" / "copy", tmp_path / "link" / "copy"):
        with pytest.raises(UsageError, match="lies in the folder that --artifact reads"):
            export_artifact(classical, output, merge=False)
    assert sorted(classical.rglob("*")) == before


def test_what_is_exported_has_the_rights_of_new_files(artifact: Path, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        export_artifact(artifact, tmp_path / "merged", merge=True)
        export_artifact(artifact, tmp_path / "copy", merge=False)
    finally:
        os.umask(before)
    files = [path for name in ("merged", "copy") for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}
    assert any(path.suffix == ".safetensors" for path in files)


@pytest.fixture
def moved(tiny_bert: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """An artifact whose base model lies elsewhere by now, where that is, and another base model."""
    base = Path(shutil.copytree(tiny_bert, tmp_path / "before"))
    folder = made(str(base), tmp_path / "artifact")
    other = Path(shutil.copytree(base, tmp_path / "other"))
    settings = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**settings, "layer_norm_eps": 1e-3}))
    base.rename(tmp_path / "after")
    return folder, tmp_path / "after", other


def test_a_base_model_that_was_moved_is_given_to_every_verb(
    moved: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact, base, other = moved
    rows = "".join(f'"{text}",{int(fake)}\n' for text, fake in zip(TEXTS, FAKE, strict=True))
    data = tmp_path / "in.csv"
    data.write_text(f"text,label\n{rows}")
    verbs = [
        ["predict", "--input", str(data), "--only-scores", "--output", str(tmp_path / "out.csv")],
        ["evaluate", "--data", str(data), "--fake-label", "1"],
        ["export", "--merge", "--output", str(tmp_path / "merged")],
    ]
    for verb, *words in verbs:
        given = [verb, "--artifact", str(artifact), *words]
        gone = "not there any more: say where it is by --base-model"
        for place, said in (([], gone), (["--base-model", str(other)], "is at")):
            assert main([*given, *place]) == 1
            err = capsys.readouterr().err
            assert (err.count("\n"), said in err) == (1, True)
        assert main([*given, "--base-model", str(base)]) == 0
    scores = reviewtune.load(artifact, base_model=str(base)).scores(TEXTS)
    (tmp_path / "before").symlink_to(base)
    # Links are followed, so the folder goes by its new name, and its contents by their revision.
    np.testing.assert_array_equal(scores, reviewtune.load(artifact).scores(TEXTS))


def test_the_base_model_that_was_checked_is_the_one_that_is_used(artifact: Path, moved: Any, tmp_path: Path) -> None:
    _, _, other = moved
    changed = Path(shutil.copytree(artifact, tmp_path / "changed"))
    (changed / "base.json").write_text(json.dumps({"base_model": str(other), "quantisation": "nf4"}))
    np.testing.assert_array_equal(reviewtune.load(changed).scores(TEXTS), reviewtune.load(artifact).scores(TEXTS))


def test_a_base_model_is_given_only_where_one_is_used(classical: Path, artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="was trained on no base model: leave the flag out"):
        reviewtune.load(classical, base_model="minilm")
    with pytest.raises(UsageError, match="goes with --merge"):
        export_artifact(artifact, tmp_path / "copy", merge=False, base_model="minilm")


def test_another_base_model_than_it_was_trained_on_is_refused(artifact: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(artifact, tmp_path / "changed"))
    about = json.loads((changed / "reviewtune.json").read_text())
    about["encoder"]["revision"] = "0" * 16
    (changed / "reviewtune.json").write_text(json.dumps(about))
    with pytest.raises(EncoderError, match="at revision 0000"):
        export_artifact(changed, tmp_path / "merged", merge=True)
