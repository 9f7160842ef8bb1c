"""Adapters as peft holds and stores them: a folder that `peft.AutoPeftModel` or `peft.PeftModel` loads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reviewtune.adapters.initial import initial_adapter, linear_shapes
from reviewtune.encoders.classifier import EncoderClassifier, linear_layers
from reviewtune.errors import ArtifactError, EncoderError

HEAD = "classifier"
PEFT_PREFIX = "base_model.model."
"""Before the name of every tensor in a peft folder."""
CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"


def add_adapter(
    classifier: EncoderClassifier,
    *,
    rank: int,
    alpha: int,
    dropout: float,
    target: str,
    rslora: bool,
    seed: int = 0,
) -> PeftModel:
    """The classifier with a freshly initialised LoRA adapter (Hu et al. 2022) on its backbone and a trainable head.

    They begin with the values of `initial.initial_adapter`, whatever torch's generators stand at.

    Args:
        classifier: Over a frozen, possibly quantised base model.
        rank: Of the adapter.
        alpha: The adapter's product is scaled by alpha / rank.
        dropout: Share of the adapter's inputs that a training step leaves out.
        target: `attention` or `all-linear`.
        rslora: Scale by alpha / sqrt(rank) instead (Kalajdzievski 2023).
        seed: Of the values it begins with.

    Raises:
        EncoderError: The base model has no layer of that kind.
    """
    layers = linear_layers(classifier.backbone, target)
    if not layers:
        raise EncoderError(
            f"target={target} finds no linear layer in {classifier.name_or_path}: give target=all-linear or another "
            "base model"
        )
    config = lora_config(layers, rank=rank, alpha=alpha, dropout=dropout, rslora=rslora)
    shapes = linear_shapes(classifier.backbone, layers)
    model = get_peft_model(classifier, config)
    width = classifier.classifier.in_features
    values = initial_adapter(shapes, rank=rank, width=width, seed=seed)
    set_peft_model_state_dict(model, {PEFT_PREFIX + name: value for name, value in values.items()})
    return model


def lora_config(layers: Sequence[str], *, rank: int, alpha: int, dropout: float, rslora: bool) -> LoraConfig:
    """What peft is told of an adapter on these linear layers of a backbone."""
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        use_rslora=rslora,
        target_modules=[f"backbone.{name}" for name in layers],
        modules_to_save=[HEAD],
    )


def save_tensors(tensors: Mapping[str, Tensor], config: LoraConfig, base_model: str, folder: Path) -> None:
    """Write the peft folder of an adapter that is held as tensors, by their names within the classifier."""
    config.base_model_name_or_path = base_model
    config.inference_mode = True
    config.auto_mapping = {
        "base_model_class": EncoderClassifier.__name__,
        "parent_library": EncoderClassifier.__module__,
    }
    config.save_pretrained(folder)
    save_file({PEFT_PREFIX + name: value.contiguous() for name, value in tensors.items()}, folder / WEIGHTS_FILE)


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write adapter and head as a peft folder (safetensors)."""
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def load_adapter(classifier: EncoderClassifier, folder: Path, *, trainable: bool = False) -> PeftModel:
    """The classifier with the adapter and head of a peft folder.

    Raises:
        ArtifactError: The folder lacks a file, or a file is damaged or of another base model.
    """
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ArtifactError(f"{folder} has no {name}: it is no adapter folder, or was copied in part")
    options: dict[str, Any] = {"is_trainable": trainable}
    try:
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as weights:
            held = set(weights.keys())
        model = PeftModel.from_pretrained(classifier, str(folder), **options)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"the adapter in {folder} is damaged or of another base model ({reason}): export it again"
        ) from error
    differing = sorted(held ^ set(get_peft_model_state_dict(model, save_embedding_layers=False)))
    if differing:
        # peft warns of tensors that the file lacks, and leaves random values in their place.
        raise ArtifactError(
            f"the adapter in {folder} lacks tensors or has too many ({len(differing)}, among them {differing[0]}): "
            "export it again"
        )
    return model
