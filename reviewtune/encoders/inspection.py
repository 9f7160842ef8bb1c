"""What a base model's files hold, found out without loading a single weight."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from torch import nn

from reviewtune.encoders.hub import hub_options
from reviewtune.encoders.registry import Encoder


@dataclass(frozen=True)
class Contents:
    """The parameters of a backbone.

    Attributes:
        linear: Values in the weights of the linear layers that a quantisation holds in fewer bits.
        rest: All other values: embeddings, norms, biases, and the layers in `whole`.
        whole: Names of the linear layers that are never quantised.
    """

    linear: int
    rest: int
    whole: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """All values."""
        return self.linear + self.rest


def is_pooler(name: str) -> bool:
    """Whether a module or tensor of this name is of a pooler. Pooling here is the mean, so none is ever used."""
    return "pooler" in name.split(".")


def inspect(encoder: Encoder, cls: Any, config: Any) -> Contents:
    """The contents of a backbone of class `cls`, whose tensors stay where they are.

    Raises:
        ValueError: The files lack tensors of the architecture, which would be filled with random values.
        OSError: The files are missing.
    """
    options = {**hub_options(encoder), **class_options(cls), "config": config, "use_safetensors": True}
    model, report = cls.from_pretrained(encoder.source, device_map={"": "meta"}, output_loading_info=True, **options)
    refuse_absent(cls, report)
    missing = {key.rpartition(".")[0] for key in report["missing_keys"]}
    return contents(model, missing)


def contents(model: Any, missing: Collection[str] = ()) -> Contents:
    """The contents of a backbone.

    Args:
        model: Of transformers, on any device.
        missing: Names of the modules whose tensors no file holds.
    """
    kept = set(model._keep_in_fp32_modules or ())  # noqa: SLF001  quantisers read it too
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    whole = [name for name in layers if is_pooler(name) or name in missing or kept & set(name.split("."))]
    linear = sum(module.weight.numel() for name, module in layers.items() if name not in whole)
    total = sum(parameter.numel() for parameter in model.parameters())
    return Contents(linear, total - linear, tuple(sorted(whole)))


def class_options(cls: Any) -> dict[str, Any]:
    """What an encoder's class is told so that it makes no pooler, where it can be told."""
    from inspect import signature

    return {"add_pooling_layer": False} if "add_pooling_layer" in signature(cls.__init__).parameters else {}


def refuse_absent(cls: Any, report: dict[str, Any]) -> None:
    """Refuse a backbone that transformers would fill, or has filled, with random values.

    Args:
        cls: Its class.
        report: Of `from_pretrained`.

    Raises:
        ValueError: The files lack tensors that are used.
    """
    absent = sorted(key for key in report["missing_keys"] if not is_pooler(key))
    if absent:
        raise ValueError(f"its weights lack {len(absent)} tensors of {cls.__name__}, among them {absent[0]}")
