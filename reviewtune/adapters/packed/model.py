"""The frozen base model with all slots' adapters and heads, from packed rows to logits.

Shape letters: `K` slots, `B` reviews of a pass, `T` tokens, `C` = 2 classes.
"""

from torch import Tensor, nn

from reviewtune.adapters.packed.grouped import has_grouped_products
from reviewtune.adapters.packed.lora import AtHand, head_logits, install, lend
from reviewtune.adapters.packed.rows import Rows
from reviewtune.adapters.packed.stack import AdapterStack
from reviewtune.encoders.attention import hidden_states, mean_pool, supports_unpadded, takes_reviews_of_any_length
from reviewtune.encoders.compiled import compile_layers
from reviewtune.encoders.packing import PackedRows
from reviewtune.encoders.quantisation import is_quantised


class PackedModel:
    """Backbone, adapters, pooling and heads.

    Args:
        backbone: A frozen encoder of its own, whose modules are changed.
        stack: The slots' adapters and heads.
        compiled: Compile the layers, where passes are recordable.

    Attributes:
        unpadded: The architecture runs over packed tokens. Otherwise a pass may hold one slot alone.
        grouped: It does so by grouped products, on a device that has them.
        recordable: A pass is the same operations whichever reviews it holds: one kernel attends reviews of any length,
            and no weights are unpacked on the way.
    """

    def __init__(self, backbone: nn.Module, stack: AdapterStack, *, compiled: bool) -> None:
        self.backbone, self.stack = backbone, stack
        self._at_hand = AtHand()
        self._layers = install(backbone, stack.layers, self._at_hand)
        self.unpadded = supports_unpadded(backbone)
        self.grouped = self.unpadded and has_grouped_products(next(backbone.parameters()).device)
        self.recordable = self.grouped and takes_reviews_of_any_length(backbone) and not is_quantised(backbone)
        if compiled and self.recordable:
            compile_layers(backbone)

    def logits(self, packed: PackedRows, rows: Rows, slot: Tensor) -> Tensor:
        """(B, C) float32 logits.

        Args:
            packed: The T tokens of B reviews.
            rows: Whose they are.
            slot: (B,) which slot each review is of.
        """
        pieces = self.stack.pieces()
        self._at_hand.rows = rows
        lend(self._layers, pieces)
        try:
            hidden = hidden_states(self.backbone, packed)
        finally:
            self._at_hand.rows = None
            lend(self._layers, None)
        return head_logits(rows.head_dropped(mean_pool(hidden, packed)), pieces, slot)
