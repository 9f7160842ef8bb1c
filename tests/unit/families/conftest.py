"""An easy task for QLoRA, and how it is trained on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reviewtune.data.tokens import from_lists
from reviewtune.families.base import Leg, Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams

FAMILY = QloraFamily()
EASY = {"learning_rate": 5e-3, "batch_size": 8, "rank": 4, "epochs": 4}


def make_rows(count: int, seed: int) -> Rows:
    """Fake and genuine reviews that share half of their words."""
    rng = np.random.default_rng(seed)
    fake = np.arange(count) % 2 == 0
    lists = [
        np.r_[2, rng.permutation(np.r_[rng.integers(4 + 15 * label, 19 + 15 * label, 6), rng.integers(40, 50, 3)]), 3]
        for label in fake
    ]
    return Rows(from_lists(lists), fake)


TRAIN, TEST = make_rows(96, seed=0), make_rows(60, seed=1)


@pytest.fixture
def setting(tiny_bert: Path) -> Setting:
    return Setting(base_model=str(tiny_bert))


def fit(setting: Setting, **params: Any) -> Iterator[Leg]:
    return FAMILY.fit(QloraParams(**{**EASY, **params}), TRAIN, setting)


def trained(setting: Setting, **params: Any) -> Any:
    return list(fit(setting, **params))[-1].model
