"""An artifact as one ONNX file, from token ids to the fake probability, for machines without torch and mostly CPUs.

What is left has been run by onnxruntime on reviews of the sample, and says what the artifact says.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from reviewtune.artifact_info import ArtifactInfo
from reviewtune.card.facts import CARD_FILE
from reviewtune.errors import ArtifactError, UsageError
from reviewtune.evaluation.beta_calibration import BetaCalibration
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.registry import get_family

if TYPE_CHECKING:
    from reviewtune.encoders.onnx_graph import ReviewGraph
    from reviewtune.encoders.registry import Encoder

MODEL_FILE = "model.onnx"
ORIGIN_FILE = "origin.json"
"""What `reviewtune.json` said of an artifact that was exported: labels, threshold, calibration, data and versions."""
FAMILIES = ("qlora", "logreg", "svm", "mlp")
TOLERANCE, BF16_TOLERANCE, INT8_TOLERANCE = 1e-3, 0.05, 0.1
"""Of a fake probability: in float32; of an adapter that a GPU scores, in bfloat16; with weights of eight bits, which
make a model say something else."""
CHECKED = 64
"""Reviews that are scored by both, of every length that the sample has."""


def check_exportable(artifact: Path, info: ArtifactInfo) -> None:
    """Refuse what has no such file.

    Raises:
        UsageError: Its family is none of `FAMILIES`.
    """
    if info.family == "tfidf":
        raise UsageError(
            f"--onnx: {artifact} is of the family tfidf, whose n-grams ONNX has no operator for that cuts texts as "
            "scikit-learn does: leave the flag out; a copy needs neither torch nor a base model"
        )
    if info.family not in FAMILIES:
        raise UsageError(
            f"--onnx: {artifact} is of the family {info.family}: one of {', '.join(FAMILIES)} can be written so; of an "
            "ensemble, each of members/"
        )


def write_onnx_folder(artifact: Path, info: ArtifactInfo, folder: Path, base_model: str | None, *, int8: bool) -> float:
    """Write model.onnx, the tokenizer, `origin.json` and a card into an existing, empty folder.

    Args:
        artifact: Its folder, of a family that `check_exportable` lets pass.
        info: What it says of itself.
        folder: Gets the files.
        base_model: Where the artifact's base model is here; None: where it was in training.
        int8: Hold the weights in eight bits.

    Returns:
        The largest difference of a fake probability from the artifact's.

    Raises:
        ArtifactError: The file says something else than the artifact.
        EncoderError: The base model cannot be loaded here.
    """
    from reviewtune.encoders.loading import default_device, load_tokenizer
    from reviewtune.encoders.onnx_graph import write_onnx
    from reviewtune.predict import check_base

    assert info.encoder is not None
    encoder = check_base(info.encoder, artifact, base_model)
    graph = _graph(artifact, info, encoder)
    tokenizer = load_tokenizer(encoder)
    longest = min(info.encoder.max_length, tokenizer.model_max_length)
    path = folder / MODEL_FILE
    write_onnx(graph, path, longest)
    if int8:
        _quantise(path)
    tokenizer.model_max_length = longest
    tokenizer.save_pretrained(folder)
    (folder / ORIGIN_FILE).write_text(info.model_dump_json(indent=1) + "\n")
    (folder / CARD_FILE).write_text(_card(info, int8=int8))
    on_gpu = info.family == "qlora" and default_device().type == "cuda"
    tolerance = INT8_TOLERANCE if int8 else BF16_TOLERANCE if on_gpu else TOLERANCE
    return _checked(artifact, info, encoder, path, tolerance)


def _graph(artifact: Path, info: ArtifactInfo, encoder: "Encoder") -> "ReviewGraph":
    """All of an artifact's computation."""
    from reviewtune.encoders.encode import TextEncoder
    from reviewtune.encoders.onnx_graph import CPU, LinearHead, ReviewGraph

    if info.family == "qlora":
        from reviewtune.adapters.merged import merge_adapter
        from reviewtune.families.qlora import read_base

        _, quantisation = read_base(artifact)
        merged = merge_adapter(artifact, encoder, quantisation)
        weight, bias = (each.detach().double().numpy() for each in (merged.classifier.weight, merged.classifier.bias))
        head = LinearHead(weight[1] - weight[0], bias[1] - bias[0])
        return ReviewGraph(merged.backbone, head, _calibration(info))
    text_encoder = TextEncoder(encoder, CPU, in_half=False)
    family: Any = get_family(info.family)
    return ReviewGraph(
        text_encoder.backbone, _head(info.family, family.load(artifact)), _calibration(info), text_encoder.projection
    )


def _head(family: str, model: Any) -> Any:
    """The head over embeddings, as a module of torch."""
    from reviewtune.encoders.onnx_graph import LinearHead, RbfHead

    if family == "mlp":
        return model.network
    scaler, classifier = (step for _, step in model.pipeline.steps)
    if family == "logreg":
        weight = classifier.coef_[0] / scaler.scale_
        return LinearHead(weight, classifier.intercept_[0] - weight @ scaler.mean_)
    return RbfHead(
        classifier.support_vectors_,
        classifier.dual_coef_[0],
        bias=classifier.intercept_[0],
        gamma=classifier.gamma,
        mean=scaler.mean_,
        scale=scaler.scale_,
    )


def _calibration(info: ArtifactInfo) -> Any:
    """Scores to log-odds, corrected to the artifact's prevalence."""
    from reviewtune.encoders.onnx_graph import BetaCurve, KnottedCurve

    found, shift = info.calibration, 0.0
    if info.prevalence is not None and info.basis is not None:
        shift = float(logit(info.prevalence) - logit(info.basis.fake_share))
    if isinstance(found, PlattCalibration):
        return BetaCurve(found.slope, found.intercept, offset=shift)
    if isinstance(found, BetaCalibration):
        return BetaCurve(found.slope, found.intercept, found.above, found.below, found.offset + shift)
    return KnottedCurve(found.scores, found.values, found.tail, shift)


def _quantise(path: Path) -> None:
    """Hold the weights of all matrix products in eight bits, in place."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = path.with_suffix(".int8")
    quantize_dynamic(path, small, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])
    small.replace(path)
    # Beside a graph that is too large for one file lie its weights, which the small one has within.
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)


def _checked(artifact: Path, info: ArtifactInfo, encoder: "Encoder", path: Path, tolerance: float) -> float:
    """The largest difference of what the file says from what the artifact says.

    Raises:
        ArtifactError: It is above the tolerance.
    """
    from reviewtune.data.sample import generate

    texts = sorted(generate()["text"].to_pylist(), key=len)
    texts = texts[:: max(1, len(texts) // CHECKED)]
    own = info.fake_probability(_own_scores(artifact, info, encoder, texts))
    off = float(np.abs(run_onnx(path.parent, texts) - own).max())
    if not off <= tolerance:
        raise ArtifactError(
            f"--onnx: the file would say other than {artifact}, by {off:.2g} of a fake probability where {tolerance:g} "
            "is let pass: nothing is written; give --merge in its place"
        )
    return off


def _own_scores(artifact: Path, info: ArtifactInfo, encoder: "Encoder", texts: Sequence[str]) -> NDArray[np.float64]:
    """(N,) scores by the artifact itself, on the CPU; of one with folds, by the adapter of all development reviews."""
    from reviewtune.encoders.encode import TextEncoder, tokenize
    from reviewtune.encoders.loading import load_tokenizer
    from reviewtune.encoders.onnx_graph import CPU

    assert info.encoder is not None
    family: Any = get_family(info.family)
    if info.family == "qlora":
        model = family.load(artifact, encoder.name)
        scores: NDArray[np.float64] = model.scores(tokenize(load_tokenizer(encoder), texts, info.encoder.max_length))
        return scores
    model = family.load(artifact)
    found: NDArray[np.float64] = model.scores(TextEncoder(encoder, CPU, in_half=False).embed(texts))
    return found


def run_onnx(folder: Path, texts: Sequence[str]) -> NDArray[np.float64]:
    """(N,) fake probabilities by the file in a folder that `write_onnx_folder` wrote: what its card shows."""
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"])
    tokenizer.enable_padding()
    session = onnxruntime.InferenceSession(folder / MODEL_FILE, providers=["CPUExecutionProvider"])
    batch = tokenizer.encode_batch(list(texts))
    ids, mask = (np.array([getattr(each, name) for each in batch]) for name in ("ids", "attention_mask"))
    (probability,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    return np.asarray(probability, dtype=np.float64)


def _card(info: ArtifactInfo, *, int8: bool) -> str:
    alone = ""
    if info.folds:
        alone = f"""
It holds the adapter of all development reviews; the artifact's own scores are the mean of it and {info.folds} more:
check its threshold on reviews of your own.
"""
    held = "in eight bits" if int8 else "in float32"
    return f"""# Fake or genuine reviews, as ONNX

The artifact of `{info.study_id}` ({info.family}), its weights {held}: token ids to calibrated fake probabilities.
{alone}
```python
import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder = "this folder"
tokenizer = Tokenizer.from_file(f"{{folder}}/tokenizer.json")
tokenizer.enable_truncation(json.load(open(f"{{folder}}/tokenizer_config.json"))["model_max_length"])
tokenizer.enable_padding()
session = onnxruntime.InferenceSession(f"{{folder}}/{MODEL_FILE}")

texts = ["Great product, works as described."]
batch = tokenizer.encode_batch(texts)
ids = np.array([each.ids for each in batch])
mask = np.array([each.attention_mask for each in batch])
(fake_probability,) = session.run(None, {{"input_ids": ids, "attention_mask": mask}})
```

A review is called fake where its probability is above {info.threshold:.4f}. Texts are to be normalised as those of
training were: Unicode NFC, line feeds for line ends, no white space around. `{ORIGIN_FILE}` says what the model was
trained on and with.
"""
