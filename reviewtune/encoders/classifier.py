"""An encoder with a pooled linear head: the module that a LoRA adapter is trained on.

Shape letters: `B` reviews of a batch, `L` tokens of its longest review, `D` hidden width, `C` = 2 classes.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reviewtune.encoders.architectures import architecture_of
from reviewtune.encoders.attention import hidden_states, mean_pool
from reviewtune.encoders.inspection import is_pooler
from reviewtune.encoders.loading import load_backbone
from reviewtune.encoders.packing import PackedRows
from reviewtune.encoders.quantisation import Quantisation
from reviewtune.encoders.registry import on_the_hub, resolve_encoder

if TYPE_CHECKING:
    from transformers.modeling_outputs import SequenceClassifierOutput

NUM_CLASSES = 2


def masked_mean(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """(B, D) float32 mean of each review's real tokens; padding takes no part.

    Args:
        hidden: (B, L, D) last hidden states.
        attention_mask: (B, L), 1 at real tokens.
    """
    weights = attention_mask.unsqueeze(-1).to(torch.float32)
    return (hidden.to(torch.float32) * weights).sum(1) / weights.sum(1).clamp(min=1)


class EncoderClassifier(nn.Module):
    """Backbone, masked mean pooling, dropout and a linear head over genuine and fake.

    Attributes:
        backbone: The frozen encoder.
        classifier: The head, `nn.Linear(D, 2)` in float32.
        config: What peft asks a model for.
        name: Of the base model, by which `resolve_encoder` finds it.
        name_or_path, revision: What the hub calls it; peft writes them into an adapter's folder.
    """

    def __init__(self, backbone: nn.Module, *, name: str, head_dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = backbone
        self.name = name
        self.name_or_path, self.revision = on_the_hub(name)
        self.dropout = nn.Dropout(head_dropout)
        # Not the encoder's own: by its model type peft would rename the layers of some, as transformers does on load.
        self.config = {"model_type": "reviewtune"}
        config: Any = backbone.config
        device = next(backbone.parameters()).device
        self.classifier = nn.Linear(config.hidden_size, NUM_CLASSES, device=device, dtype=torch.float32)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    @classmethod
    def from_pretrained(
        cls, name: str, *, quantisation: Quantisation = "none", revision: str | None = None, **_: Any
    ) -> "EncoderClassifier":
        """The classifier over a base model, its head freshly initialised: what `peft.PeftModel` puts an adapter on.

        Args:
            name: As `--base-model` takes it: a known name, a hub id or a folder.
            quantisation: How the frozen weights are held.
            revision: Commit or tag on the hub; None: what the name says.
        """
        encoder = resolve_encoder(f"{name}@{revision}" if revision else name)
        return cls(load_backbone(encoder, quantisation=quantisation), name=encoder.name)

    def forward(
        self,
        input_ids: Tensor | PackedRows,
        attention_mask: Tensor | None = None,
        *,
        labels: Tensor | None = None,
        return_dict: bool = False,
        **options: Any,
    ) -> "Tensor | SequenceClassifierOutput":
        """(B, C) float32 logits.

        Args:
            input_ids: Packed reviews; or (B, L) padded token ids, as those who load an adapter with peft have them.
            attention_mask: (B, L), 1 at real tokens, of padded token ids; None: all are.
            labels: (B,) class of each review; with `return_dict` alone.
            return_dict: Give the logits, and the mean loss where there are labels, as transformers' classifiers do:
                what `peft.PeftModelForSequenceClassification` asks for.
            options: What else those take. A review has one segment, so `token_type_ids` say nothing here.

        Raises:
            TypeError: An option is set that this model has not.
        """
        for option, value in options.items():
            if option != "token_type_ids" and value is not None and value is not False:
                raise TypeError(f"{type(self).__name__} takes no {option}: give input_ids, attention_mask and labels")
        if isinstance(input_ids, PackedRows):
            pooled = mean_pool(hidden_states(self.backbone, input_ids), input_ids)
        else:
            mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
            pooled = masked_mean(self.backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state, mask)
        with torch.autocast(pooled.device.type, enabled=False):
            logits: Tensor = self.classifier(self.dropout(pooled))
        return _as_output(logits, labels) if return_dict else logits


def _as_output(logits: Tensor, labels: Tensor | None) -> "SequenceClassifierOutput":
    from transformers.modeling_outputs import SequenceClassifierOutput

    return SequenceClassifierOutput(loss=None if labels is None else cross_entropy(logits, labels), logits=logits)


def linear_layers(backbone: nn.Module, target: str) -> list[str]:
    """Names of the linear layers of `backbone` that an adapter goes on.

    Args:
        backbone: An encoder; its quantised layers count as linear.
        target: `attention` for the projections inside attention blocks, `all-linear` for every linear layer but a
            pooler's, whose output is not used.
    """
    config: Any = backbone.config
    names = [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    names = [name for name in names if not is_pooler(name)]
    if target == "all-linear":
        return names
    attention = architecture_of(getattr(config, "model_type", "")).attention
    return [name for name in names if attention.search(name)]
