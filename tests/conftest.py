"""Fixtures that any test may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def salminen_csv() -> Path:
    """The labelled reviews of Salminen et al. (2022), where the checkout has them beside it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data" / "salminen.csv"
    if not path.is_file():
        pytest.skip(f"needs the data of Salminen et al. (2022) in {path.parent.name}/ beside the checkout")
    return path
