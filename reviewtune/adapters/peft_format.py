"""Adapters as peft holds and stores them: a folder that `peft.AutoPeftModel` or `peft.PeftModel` loads."""

from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from torch import nn

from reviewtune.encoders.classifier import EncoderClassifier, linear_layers
from reviewtune.errors import ArtifactError

HEAD = "classifier"


def add_adapter(
    classifier: EncoderClassifier, *, rank: int, alpha: int, dropout: float, target: str, rslora: bool
) -> PeftModel:
    """The classifier with a freshly initialised LoRA adapter (Hu et al. 2022) on its backbone and a trainable head.

    Args:
        classifier: Over a frozen, possibly quantised base model.
        rank, alpha, dropout: Of the adapter; its product is scaled by alpha / rank.
        target: `attention` or `all-linear`.
        rslora: Scale by alpha / sqrt(rank) instead (Kalajdzievski 2023).
    """
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        use_rslora=rslora,
        target_modules=[f"backbone.{name}" for name in linear_layers(classifier.backbone, target)],
        modules_to_save=[HEAD],
    )
    return get_peft_model(classifier, config)


def has_adapter(backbone: nn.Module) -> bool:
    """Whether an adapter still sits on a base model that was to be shared."""
    return any(isinstance(module, BaseTunerLayer) for module in backbone.modules())


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write adapter and head as a peft folder (safetensors)."""
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def load_adapter(classifier: EncoderClassifier, folder: Path, *, trainable: bool = False) -> PeftModel:
    """The classifier with the adapter and head of a peft folder.

    Raises:
        ArtifactError: The folder lacks a file or a file is damaged.
    """
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / name).is_file():
            raise ArtifactError(f"{folder} has no {name}: it is no adapter folder, or was copied in part")
    options: dict[str, Any] = {"is_trainable": trainable}
    try:
        return PeftModel.from_pretrained(classifier, str(folder), **options)
    except (SafetensorError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(f"the adapter in {folder} is damaged or of another base model ({reason})") from error
