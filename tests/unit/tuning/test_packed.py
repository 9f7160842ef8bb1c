import re
from typing import Any

import pytest

from reviewtune.errors import UsageError
from reviewtune.families.registry import get_family
from reviewtune.families.space import resolve
from reviewtune.tuning.packed import _optimizer
from reviewtune.tuning.plan import FamilyPlan


def make_plan(space: dict[str, Any]) -> FamilyPlan:
    family = get_family("qlora")
    return FamilyPlan(family, *resolve(family.params, space), num_trials=4)


@pytest.mark.parametrize(
    ("space", "expected"),
    [({}, "adamw"), ({"optimizer": "adamw"}, "adamw"), ({"optimizer": "adamw_8bit"}, "adamw_8bit")],
)
def test_a_pack_has_one_optimizer_for_all_its_trials(space: dict[str, Any], expected: str) -> None:
    assert _optimizer(make_plan(space)) == expected


@pytest.mark.parametrize(
    ("asked", "told"), [("paged_adamw_8bit", "paged_adamw_8bit"), (["adamw", "adamw_8bit"], "adamw or adamw_8bit")]
)
def test_what_packs_do_not_have_is_refused_with_what_they_have(asked: Any, told: str) -> None:
    told = f"space.qlora.optimizer={told}: packs have one optimizer for all trials, adamw or adamw_8bit"
    with pytest.raises(UsageError, match=f"{re.escape(told)}.*--executor ddp"):
        _optimizer(make_plan({"optimizer": asked}))
