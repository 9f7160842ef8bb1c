"""Artifacts for elsewhere: copied as they are, or with the adapter merged into its base model for other tools."""

import shutil
from pathlib import Path

from scipy.special import logit

from reviewtune.artifact_info import MEMBERS, ArtifactInfo, read_info
from reviewtune.card.facts import CARD_FILE, Facts
from reviewtune.card.metadata import card_data
from reviewtune.contents import check_inside
from reviewtune.errors import UsageError
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.choice import Calibration
from reviewtune.onnx_export import ORIGIN_FILE, check_exportable, write_onnx_folder
from reviewtune.outputs import check_output, written
from reviewtune.verb_config import ExportConfig


def export_and_show(config: ExportConfig) -> int:
    """Do what is asked and say where it is."""
    off = export_artifact(
        config.artifact, config.output,
        merge=config.merge, onnx=config.onnx, int8=config.int8, base_model=config.base_model,
    )  # fmt: skip
    checked = "" if off is None else f"; it was run, and gives the artifact's fake probabilities to {off:.1g}"
    print(f"{config.output} is complete: its README.md says how to load it{checked}")
    return 0


def export_artifact(
    artifact: Path, output: Path, *, merge: bool = False, onnx: bool = False, int8: bool = False,
    base_model: str | None = None,
) -> float | None:  # fmt: skip
    """Write an artifact to a folder of its own, in one step.

    Args:
        artifact: For example `results/artifacts/NAME`.
        output: Not there yet, or empty.
        merge: A plain transformers folder, which needs no base model, peft or reviewtune any more, in float32.
        onnx: One ONNX file and its tokenizer (`onnx_export`).
        int8: With `onnx`, weights of eight bits.
        base_model: With `merge` or `onnx`, where the artifact's base model is here; None: where it was in training.

    Returns:
        With `onnx`, the largest difference of a fake probability from the artifact's, on reviews of the sample.

    Raises:
        ArtifactError: The folder is no artifact, or is damaged, or its ONNX file would say something else.
        EncoderError: Its base model cannot be loaded here.
        UsageError: The artifact has no adapter to merge, or no ONNX form, or `output` is taken or lies in what is read.
    """
    info = read_info(artifact)
    check_output(output, {"--artifact": artifact, "--base-model": base_model}, folder=True)
    if base_model is not None and not (merge or onnx):
        raise UsageError(f"--base-model {base_model} goes with --merge or --onnx: a copy needs no base model")
    if onnx:
        check_exportable(artifact, info)
    if merge and info.family != "qlora":
        inner = artifact / MEMBERS / "qlora"
        instead = f"merge {inner}, or export it without" if inner.is_dir() else "export it without"
        raise UsageError(f"--merge needs an adapter and {artifact} is of the family {info.family}: {instead}")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"--output {output} is taken: give a folder that is not there yet")
    with written(output) as partial:
        if not merge and not onnx:
            check_inside(artifact, (path.relative_to(artifact).as_posix() for path in sorted(artifact.rglob("*"))))
            shutil.copytree(artifact, partial)
            return None
        partial.mkdir()
        if onnx:
            return write_onnx_folder(artifact, info, partial, base_model, int8=int8)
        _merge(artifact, info, partial, base_model)
        return None


def _merge(artifact: Path, info: ArtifactInfo, folder: Path, place: str | None) -> None:
    from reviewtune.adapters.merged import loading_call, merge_adapter, save_merged
    from reviewtune.families.qlora import read_base
    from reviewtune.predict import check_base

    assert info.encoder is not None
    base_model, quantisation = read_base(artifact)
    encoder = check_base(info.encoder, artifact, place)
    classifier = merge_adapter(artifact, encoder, quantisation)
    save_merged(classifier, encoder, folder)
    (folder / ORIGIN_FILE).write_text(info.model_dump_json(indent=1) + "\n")
    (folder / CARD_FILE).write_text(merged_card(info, base_model, *loading_call(classifier)))


def merged_card(info: ArtifactInfo, base_model: str, cls: str, options: str) -> str:
    """The model card of a merged export, in Markdown; its code runs as it stands.

    Args:
        info: Of the artifact.
        base_model: As the study named it.
        cls: The transformers class of the encoder.
        options: Arguments after the folder that load it without a warning.
    """
    imports, odds = _log_odds_code(info.calibration)
    odds += _shift_code(info)
    facts = Facts(info, (info.encoder,) if info.encoder else ())
    return f"""---
{card_data(facts, library="sentence-transformers").to_yaml()}
---

# Fake or genuine reviews

`{base_model}` with the adapter of the trial `{info.trial_id}` of `{info.study_id}` merged into its weights, in
float32, and a linear head over the mean of the last hidden states (`2_Dense`).{_alone(info)} With transformers:

```python
{imports}from safetensors.torch import load_file
from transformers import AutoTokenizer, {cls}

folder = "this folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
encoder = {cls}.from_pretrained(folder{options}).eval()
head = load_file(f"{{folder}}/2_Dense/model.safetensors")

texts = ["Great product, works as described."]
batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
ids, mask = batch["input_ids"], batch["attention_mask"]
hidden = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
pooled = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
logits = pooled @ head["linear.weight"].T + head["linear.bias"]  # columns: genuine, fake
score = logits[:, 1] - logits[:, 0]
{odds}
fake_probability = log_odds.sigmoid()  # calibrated on the validation split
```

With sentence-transformers, the same logits:

```python
from sentence_transformers import SentenceTransformer

logits = SentenceTransformer("this folder").encode(["Great product, works as described."])
```

A review is called fake where its fake probability is above {info.threshold:.4f}. `{ORIGIN_FILE}` says what the model
was trained on and with.
"""


def _alone(info: ArtifactInfo) -> str:
    """What the merged model is, where it was one of several."""
    if not info.folds:
        return ""
    return f"""
It is the one that was trained on all development reviews; the artifact's own scores are the mean of it and
{info.folds} more, which a single model cannot hold: check its threshold on reviews of your own."""


def _shift_code(info: ArtifactInfo) -> str:
    """The line that corrects `log_odds` to the artifact's prevalence, where it has one."""
    if info.prevalence is None or info.basis is None:
        return ""
    shift = float(logit(info.prevalence) - logit(info.basis.fake_share))
    return f"\nlog_odds = log_odds + {shift!r}  # where {info.prevalence:.4g} of the reviews are fake"


def _log_odds_code(calibration: Calibration) -> tuple[str, str]:
    """Imports, and the lines that give `log_odds` of a torch tensor `score`."""
    if isinstance(calibration, PlattCalibration):
        return "", f"log_odds = {calibration.slope!r} * score + {calibration.intercept!r}"
    if isinstance(calibration, BetaCalibration):
        line = f"x = {calibration.slope!r} * score + {calibration.intercept!r}"
        parts = f"{calibration.above!r} * softplus(x) - {calibration.below!r} * softplus(-x) + {calibration.offset!r}"
        return "from torch.nn.functional import softplus\n", f"{line}\nlog_odds = {parts}"
    read = f'knots = json.load(open(f"{{folder}}/{ORIGIN_FILE}"))["calibration"]'
    between = 'np.interp(score.detach().numpy(), knots["scores"], knots["values"])'
    return "import json\n\nimport numpy as np\nimport torch\n", f"{read}\nlog_odds = torch.from_numpy({between})"
