"""A QLoRA model as a pack holds it between two legs: written out like any other's, a peft folder with its state."""

from dataclasses import dataclass
from pathlib import Path

from reviewtune.adapters import peft_format
from reviewtune.adapters.packed.slot_state import SlotState, save_training
from reviewtune.adapters.spec import AdapterSpec
from reviewtune.families.base import Setting
from reviewtune.families.qlora import write_base


@dataclass(frozen=True)
class SlotModel:
    """Implements `tuning.keeping.Resumable`.

    Attributes:
        state: Of the slot.
        spec: Its configuration.
        layers: Names of the linear layers that carry its adapter, within the backbone.
        setting: Whose base model it is on.
    """

    state: SlotState
    spec: AdapterSpec
    layers: list[str]
    setting: Setting

    def save(self, folder: Path) -> None:
        """Write adapter and head. See `families.qlora.QloraModel.save`."""
        spec = self.spec
        config = peft_format.lora_config(
            self.layers, rank=spec.rank, alpha=spec.alpha, dropout=spec.dropout, rslora=spec.rslora
        )
        peft_format.save_tensors(self.state.adapter, config, self.setting.base_model, folder)
        write_base(folder, self.setting.base_model, self.setting.quantisation)

    def save_state(self, folder: Path) -> None:
        """Write optimizer, schedule and random state too. See `families.qlora.QloraModel.save_state`."""
        self.save(folder)
        save_training(self.state, folder)
