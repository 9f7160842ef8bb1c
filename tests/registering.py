"""Packages that register families, as pip would have installed them, in a folder of a test's."""

import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

from reviewtune.families import registry
from reviewtune.families.registered import GROUP, registered_families
from reviewtune.families.registry import FAMILIES


def install(site: Path, monkeypatch: pytest.MonkeyPatch, *, code: str, families: dict[str, str]) -> None:
    """Put a module `own_family` of that code beside its package's metadata, on the path here and in processes to come.

    Args:
        site: A folder.
        monkeypatch: Of the test.
        code: Of the module.
        families: What is registered, by name: `own_family:CLASS`.
    """
    (site / "own_family.py").write_text(code)
    info = site / "own_family-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-family\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in families.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    monkeypatch.delitem(sys.modules, "own_family", raising=False)
    invalidate_caches()
    registered_families.cache_clear()


def give_away(name: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a family of reviewtune's be one of another package, `own-family 1.0`, for the time of a test.

    Args:
        name: Of the family.
        site: A folder.
        monkeypatch: Of the test.
    """
    install(site, monkeypatch, code="", families={name: FAMILIES[name]})
    # Not taken out of it and put back, which would leave it last for the tests to come.
    monkeypatch.setattr(registry, "FAMILIES", {other: where for other, where in FAMILIES.items() if other != name})
