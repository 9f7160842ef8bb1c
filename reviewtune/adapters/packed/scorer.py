"""What adapters of a pack say of reviews, all of them in the same passes over one base model.

Shape letters: `N` reviews, `M` of them that an adapter judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reviewtune.adapters.packed.batch import Part, micro_steps
from reviewtune.adapters.packed.budget import TokenBudget
from reviewtune.adapters.packed.model import PackedModel
from reviewtune.adapters.packed.passes import Passes
from reviewtune.adapters.packed.slot import Placed
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.batches import token_batches


@dataclass(frozen=True)
class PackScorer:
    """Scores by the adapters of a model's stack.

    Attributes:
        model: The base model with all adapters.
        passes: Over it.
        budget: Tokens of a pass.
    """

    model: PackedModel
    passes: Passes
    budget: TokenBudget

    @property
    def together(self) -> int:
        """Most tokens of a pass of several adapters; an architecture that runs padded takes each by itself."""
        return self.budget.tokens if self.model.unpadded else 0

    def scores(
        self, placed: Mapping[int, Placed], tokens: Tokens, rows: Mapping[int, NDArray[np.int64]]
    ) -> list[NDArray[np.float64]]:
        """(M,) differences of the logits of fake and genuine, by each adapter, in the order of `rows`.

        Args:
            placed: The adapters, by their rows of the stack.
            tokens: N reviews.
            rows: (M,) those that each judges, M of its own.
        """
        return self.budget.within(lambda: self._scores(placed, tokens, rows))

    def _scores(
        self, placed: Mapping[int, Placed], tokens: Tokens, rows: Mapping[int, NDArray[np.int64]]
    ) -> list[NDArray[np.float64]]:
        found, lengths = {index: np.empty(len(tokens)) for index in rows}, tokens.lengths
        share = max(1, self.budget.tokens // max(1, len(rows)))
        parts = [[Part(i, rows[i][batch]) for batch in token_batches(lengths[rows[i]], share)] for i in sorted(rows)]
        for together in micro_steps(parts, lengths, self.together):
            logits = self.passes.logits([(part, placed[part.slot]) for part in together], tokens)
            margins = (logits[:, 1] - logits[:, 0]).double().cpu().numpy()
            ends = np.cumsum([len(part.rows) for part in together])
            for part, margin in zip(together, np.split(margins, ends[:-1]), strict=True):
                found[part.slot][part.rows] = margin
        return [found[index][own] for index, own in rows.items()]
