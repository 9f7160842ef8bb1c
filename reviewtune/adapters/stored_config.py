"""The `adapter_config.json` of an adapter's folder, read by a model of our own before peft sees anything of it.

peft's configuration can name modules to import, patterns to search by and sizes to allocate. Of all that an adapter of
ours has a rank, an alpha, a dropout and the names of its layers; everything else must be what peft has by default.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from torch import nn

from reviewtune.stored import Line, Stored, read_stored

HIGHEST_RANK = 65_536
HEAD = "classifier"
BACKBONE = "backbone."
OWN_CLASS = {"base_model_class": "EncoderClassifier", "parent_library": "reviewtune.encoders.classifier"}
"""Which class `peft.AutoPeftModel` puts the adapter on: ours, and no other."""
DESCRIBED = {"peft_version", "task_type", "inference_mode", "base_model_name_or_path", "revision"}
"""Keys that say where an adapter comes from: they are text, null or a truth value, and nothing here goes by them."""

ModuleName = Annotated[str, StringConstraints(pattern=r"^\w+(\.\w+)*$", max_length=512)]


class StoredConfig(Stored):
    """What the file may hold."""

    model_config = ConfigDict(extra="allow")

    peft_type: Literal["LORA"]
    r: int = Field(ge=1, le=HIGHEST_RANK)
    lora_alpha: int = Field(ge=1, le=2**30)
    lora_dropout: float = Field(ge=0, lt=1)
    use_rslora: bool = False
    target_modules: list[ModuleName] = Field(min_length=1, max_length=10_000)
    """Names of layers, or ends of them, as peft shortens long lists: never a pattern."""
    modules_to_save: list[Literal["classifier"]] = Field(min_length=1, max_length=1)
    auto_mapping: dict[str, Line] | None = None

    @model_validator(mode="after")
    def _nothing_else_is_asked_for(self) -> "StoredConfig":
        if self.auto_mapping not in (None, OWN_CLASS):
            raise ValueError(f"auto_mapping={_shown(self.auto_mapping)}: it must be {OWN_CLASS}")
        from peft import LoraConfig

        defaults = LoraConfig().to_dict()
        for name, value in (self.model_extra or {}).items():
            if name in DESCRIBED:
                harmless = value is None or isinstance(value, str | bool)
            else:
                harmless = not value or (name in defaults and value == defaults[name])
            if not harmless:
                raise ValueError(f"{_shown(name)[1:-1]}={_shown(value)}: only peft's default is read")
        return self

    def layers(self, model: nn.Module) -> list[str]:
        """Names, within the backbone of an `EncoderClassifier`, of the layers that carry the adapter, in its order.

        Raises:
            ValueError: A target is no linear layer of the backbone, nor the end of the names of some.
        """
        linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and name != HEAD]
        meant: set[str] = set()
        for target in self.target_modules:
            found = {name for name in linear if name == target or name.endswith(f".{target}")}
            if not found:
                raise ValueError(
                    f"adapter_config.json: target_modules={target!r}: the base model has no linear layer of that name"
                )
            meant |= found
        return [name.removeprefix(BACKBONE) for name in linear if name in meant]


def read_config(path: Path) -> StoredConfig:
    """What an `adapter_config.json` says.

    Raises:
        OSError: It cannot be read.
        ValueError: It says anything else than an adapter of ours does. One line.
    """
    return read_stored(path, StoredConfig)


def _shown(value: Any) -> str:
    return ascii(value)[:80]
