"""The legs of a trial, which may begin with a share of its rows: there a search first compares it with others.

A family of `tokens` has that share in the course of its training, as the first part of its first epoch, whose order is
the same for all trials of a seed. Any other is fitted on the share and, if it goes on, anew on all rows: so what is
fitted once can be stopped early too.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from reviewtune.data.share import nested_share
from reviewtune.families.base import Family, Leg, Rows, Setting
from reviewtune.tuning.training import Fold


def legs_of(family: Family, params: Any, rows: Rows, fold: Fold, setting: Setting) -> Iterator[Leg]:
    """Each leg of a trial as soon as it has ended.

    Args:
        family: That is fitted.
        params: Validated.
        rows: The development rows.
        fold: Which of them it trains on, and whether a share of them comes first.
        setting: The seed is that of the fold.
    """
    train = rows.take(fold.train)
    if fold.first_rung is None or family.inputs == "tokens":
        yield from family.fit(params, train, replace(setting, first_rung=fold.first_rung))
        return
    share = nested_share(train.fake, fold.first_rung, seed=fold.seed)
    *_, fitted = family.fit(params, train.take(share), setting)
    yield replace(fitted, number=1, total=fitted.total + 1, share=fold.first_rung)
    for leg in family.fit(params, train, setting):
        yield replace(leg, number=leg.number + 1, total=leg.total + 1, share=fold.first_rung)
