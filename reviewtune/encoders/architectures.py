"""What sets one architecture apart from another: its attention layers, its positions, whether it runs unpadded.

Everything else is the same for all of them: the tokenizer and the weights are loaded natively by transformers, mean
pooling over real tokens, every linear layer quantised but for poolers, heads and those that transformers keeps whole.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ANY_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
"""Within the names of attention's linear layers in every encoder of transformers."""


@dataclass(frozen=True)
class Architecture:
    """A model type of transformers.

    Attributes:
        title: What people call it.
        attention: Found in the names of the linear layers that `target=attention` adapts, and in no others.
        unpadded: Whether it runs over packed reviews without padding. A test holds each to the padded model's numbers.
        positions_after_padding: Whether its first position is the one after the padding token's id.
    """

    title: str
    attention: re.Pattern[str] = ANY_ATTENTION
    unpadded: bool = True
    positions_after_padding: bool = False


ARCHITECTURES = {
    "bert": Architecture("BERT", re.compile(r"\.attention\.")),
    "camembert": Architecture("CamemBERT", re.compile(r"\.attention\."), positions_after_padding=True),
    "deberta-v2": Architecture("DeBERTa-v3", re.compile(r"\.attention\."), unpadded=False),
    "distilbert": Architecture("DistilBERT", re.compile(r"\.attention\.")),
    "electra": Architecture("ELECTRA", re.compile(r"\.attention\.")),
    "gte": Architecture("GTE, Stella", re.compile(r"\.self_attn\.")),
    "longformer": Architecture("Longformer", unpadded=False, positions_after_padding=True),
    "modernbert": Architecture("ModernBERT", re.compile(r"\.attn\.")),
    "mpnet": Architecture("MPNet", unpadded=False, positions_after_padding=True),
    "roberta": Architecture("RoBERTa", re.compile(r"\.attention\."), positions_after_padding=True),
    "t5": Architecture("T5, FLAN-T5", re.compile(r"\.SelfAttention\.")),
    "xlm-roberta": Architecture("XLM-RoBERTa", re.compile(r"\.attention\."), positions_after_padding=True),
}
"""By `model_type`. Any other that transformers has natively works as `architecture_of` says."""

UNPADDED = frozenset(name for name, architecture in ARCHITECTURES.items() if architecture.unpadded)
"""Model types that run over packed reviews without padding."""


def architecture_of(model_type: str) -> Architecture:
    """What is known of a model type; one that is not listed runs padded, its attention found by the usual names."""
    unlisted = Architecture(model_type, unpadded=False, positions_after_padding="roberta" in model_type)
    return ARCHITECTURES.get(model_type, unlisted)


def titles() -> str:
    """The listed architectures, for people."""
    return ", ".join(dict.fromkeys(architecture.title for architecture in ARCHITECTURES.values()))


def positions_of(settings: Mapping[str, Any]) -> int | None:
    """Word pieces for which a base model has positions; None where its positions are relative.

    Args:
        settings: Of its config.json.

    Raises:
        ValueError, TypeError: They are no number.
    """
    positions = int(settings.get("max_position_embeddings") or 0)
    if positions <= 0:
        return None
    return positions - 2 if architecture_of(settings.get("model_type", "")).positions_after_padding else positions
