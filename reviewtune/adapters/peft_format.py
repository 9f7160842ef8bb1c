"""Adapters as peft holds and stores them: a folder that `peft.AutoPeftModel` or `peft.PeftModel` loads.

peft imports all of transformers' models that it knows, which takes seconds: it is imported where it is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from reviewtune.adapters.initial import (
    HEAD_BIAS,
    HEAD_WEIGHT,
    LinearShape,
    initial_adapter,
    linear_shapes,
)
from reviewtune.adapters.stored_config import HEAD, StoredConfig, read_config
from reviewtune.encoders.classifier import NUM_CLASSES, EncoderClassifier, linear_layers
from reviewtune.encoders.registry import on_the_hub
from reviewtune.errors import ArtifactError, EncoderError
from reviewtune.stored import damage_explained

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel

PEFT_PREFIX = "base_model.model."
"""Before the name of every tensor in a peft folder."""
FLOATS = ("F32", "F16", "BF16")
"""Types of an adapter's tensors, as safetensors names them; peft makes float32 of all."""
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
) -> "PeftModel":
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
    from peft import get_peft_model, set_peft_model_state_dict

    layers = linear_layers(classifier.backbone, target)
    if not layers:
        raise EncoderError(
            f"target={target} finds no linear layer in {classifier.name_or_path}: give target=all-linear or another "
            "base model"
        )
    config = lora_config(layers, rank=rank, alpha=alpha, dropout=dropout, rslora=rslora)
    config.revision = classifier.revision
    shapes = linear_shapes(classifier.backbone, layers)
    model = get_peft_model(classifier, config)
    width = classifier.classifier.in_features
    values = initial_adapter(shapes, rank=rank, width=width, seed=seed)
    set_peft_model_state_dict(model, {PEFT_PREFIX + name: value for name, value in values.items()})
    return model


def lora_config(layers: Sequence[str], *, rank: int, alpha: int, dropout: float, rslora: bool) -> "LoraConfig":
    """What peft is told of an adapter on these linear layers of a backbone."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        use_rslora=rslora,
        target_modules=[f"backbone.{name}" for name in layers],
        modules_to_save=[HEAD],
    )


def save_tensors(tensors: Mapping[str, Tensor], config: "LoraConfig", base_model: str, folder: Path) -> None:
    """Write the peft folder of an adapter that is held as tensors, by their names within the classifier."""
    config.base_model_name_or_path, config.revision = on_the_hub(base_model)
    config.inference_mode = True
    config.auto_mapping = {
        "base_model_class": EncoderClassifier.__name__,
        "parent_library": EncoderClassifier.__module__,
    }
    config.save_pretrained(folder)
    save_file({PEFT_PREFIX + name: value.contiguous() for name, value in tensors.items()}, folder / WEIGHTS_FILE)


def save_adapter(model: "PeftModel", folder: Path) -> None:
    """Write adapter and head as a peft folder (safetensors)."""
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def load_adapter(classifier: EncoderClassifier, folder: Path, *, trainable: bool = False) -> "PeftModel":
    """The classifier with the adapter and head of a peft folder.

    Raises:
        ArtifactError: The folder lacks a file, or a file is damaged or of another base model.
    """
    from peft import PeftModel

    with _whole(folder):
        stored, layers = _checked(classifier, folder)
        names = [layer.name for layer in layers]
        config = lora_config(
            names, rank=stored.r, alpha=stored.lora_alpha, dropout=stored.lora_dropout, rslora=stored.use_rslora
        )
        config.base_model_name_or_path, config.revision = classifier.name_or_path, classifier.revision
        options: dict[str, Any] = {"is_trainable": trainable, "config": config}
        return PeftModel.from_pretrained(classifier, str(folder), **options)


@dataclass(frozen=True)
class StoredAdapter:
    """A trained adapter with its head. Implements `spec.LoraSpec`.

    Attributes:
        rank, alpha, rslora: What it computes by.
        layers: That carry it, in the order of the backbone.
        tensors: Its values, by their names within the classifier; on the CPU.
        dropout, head_dropout: None any more.
    """

    rank: int
    alpha: int
    rslora: bool
    layers: list[LinearShape]
    tensors: dict[str, Tensor]
    dropout: float = 0.0
    head_dropout: float = 0.0


def read_adapter(classifier: EncoderClassifier, folder: Path) -> StoredAdapter:
    """The adapter of a peft folder, as tensors.

    Args:
        classifier: Over the base model that it was trained on; not changed.
        folder: The peft folder.

    Raises:
        ArtifactError: As `load_adapter`.
    """
    with _whole(folder):
        stored, layers = _checked(classifier, folder)
        tensors = {name.removeprefix(PEFT_PREFIX): value for name, value in load_file(folder / WEIGHTS_FILE).items()}
        return StoredAdapter(stored.r, stored.lora_alpha, stored.use_rslora, layers, tensors)


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """Raises ArtifactError where a folder lacks a file, or what is done with its files shows damage."""
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise ArtifactError(f"{folder} has no {name}: it is no adapter folder, or was copied in part")
    mend = "give it the base model it was trained on, or export it again"
    with damage_explained(ArtifactError, f"the adapter in {folder}", mend):
        yield


def _checked(classifier: EncoderClassifier, folder: Path) -> tuple[StoredConfig, list[LinearShape]]:
    """What the folder's configuration says, and the layers that it means; its tensors fit them.

    Raises:
        ValueError: They are of something else.
    """
    stored = read_config(folder / CONFIG_FILE)
    layers = linear_shapes(classifier.backbone, stored.layers(classifier))
    _require_tensors(folder / WEIGHTS_FILE, stored, layers, classifier)
    return stored, layers


def _require_tensors(
    path: Path, stored: StoredConfig, layers: Sequence[LinearShape], classifier: EncoderClassifier
) -> None:
    """Refuse a file of other tensors before any is made.

    peft warns of tensors that a file lacks and leaves random values in their place, and makes those of any rank.

    Raises:
        ValueError: A tensor is missing, superfluous, of another shape or no floating-point one.
    """
    width = classifier.classifier.in_features
    shapes = {HEAD_WEIGHT: [NUM_CLASSES, width], HEAD_BIAS: [NUM_CLASSES]}
    for layer in layers:
        shapes |= {layer.down: [stored.r, layer.inputs], layer.up: [layer.outputs, stored.r]}
    expected = {PEFT_PREFIX + name: shape for name, shape in shapes.items()}
    with safe_open(path, framework="pt") as weights:
        names = set(weights.keys())
        if differing := sorted(names ^ set(expected)):
            raise ValueError(f"it lacks tensors or has too many: {len(differing)}, among them {differing[0][:200]}")
        for name, shape in expected.items():
            part = weights.get_slice(name)
            if part.get_shape() != shape or part.get_dtype() not in FLOATS:
                raise ValueError(
                    f"{name} is {part.get_dtype()} of the shape {part.get_shape()}, not of {shape} as for r={stored.r}"
                )
