"""What every family promises: a registered one is covered at once. The promises are `reviewtune.testing`'s."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reviewtune.families.registry import FAMILIES, get_family
from reviewtune.testing import FAMILY_CHECKS, FamilyBench

EASIER: dict[str, dict[str, Any]] = {"qlora": {"learning_rate": 5e-3, "batch_size": 8, "epochs": 4}}
"""Params that learn the easy problem where the default ones suit larger data: the base model here is random."""


@pytest.fixture(scope="module", params=list(FAMILIES))
def bench(request: pytest.FixtureRequest, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> FamilyBench:
    name = request.param
    return FamilyBench(get_family(name), tmp_path_factory.mktemp(name), str(tiny_bert), EASIER.get(name, {}))


def test_the_name_is_the_registrys(bench: FamilyBench) -> None:
    assert FAMILIES[bench.family.name].endswith(f":{type(bench.family).__name__}")


@pytest.mark.parametrize("check", FAMILY_CHECKS.values(), ids=FAMILY_CHECKS)
def test_it_keeps_what_every_family_promises(check: Callable[[FamilyBench], None], bench: FamilyBench) -> None:
    check(bench)
