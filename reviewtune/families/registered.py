"""Families of other packages: found by their entry points, imported when they are asked for.

A package registers one by a line of its `pyproject.toml`:

    [project.entry-points."reviewtune.families"]
    nearest = "own_package.nearest:NearestFamily"
"""

import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from reviewtune.errors import UsageError, one_line
from reviewtune.families.base import Family, Inputs
from reviewtune.families.space import Params

GROUP = "reviewtune.families"
"""The group of the entry points."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""Names are parts of paths and of `--families a,b`."""

_OWES = ("name", "inputs", "params", "trains_in_epochs", "fit", "load")


@cache
def registered_families() -> dict[str, EntryPoint]:
    """What installed packages register, by name; no package is imported.

    A name that is not of lower-case letters, digits and underscores is passed over.
    """
    return {point.name: point for point in entry_points(group=GROUP) if _NAME.fullmatch(point.name)}


def load_registered(point: EntryPoint) -> Family:
    """The family that an entry point names, imported and looked over.

    Raises:
        UsageError: It cannot be imported or made, or lacks what a family owes.

    Examples:
        >>> load_registered(EntryPoint("svm", "reviewtune.families.svm:SvmFamily", GROUP)).inputs
        'embeddings'
        >>> load_registered(EntryPoint("mine", "reviewtune.families.svm:SvmFamily", GROUP))
        Traceback (most recent call last):
        reviewtune.errors.UsageError: the family mine of reviewtune.families.svm:SvmFamily cannot be used (it calls ...
    """
    try:
        family: Family = point.load()()
        reason = _unfit(point.name, family)
    except Exception as error:  # noqa: BLE001 - whatever a package of others raises, one line says it
        reason = f"{type(error).__name__}: {error}"
    if reason:
        raise UsageError(
            one_line(
                f"the family {point.name} of {package_of(point)} cannot be used ({reason}): update or remove that "
                "package"
            )
        )
    return family


def package_of(point: EntryPoint) -> str:
    """The package that registers a family, with its version; where that is not known, the place of the family.

    Examples:
        >>> package_of(EntryPoint("nearest", "own_package.nearest:NearestFamily", GROUP))
        'own_package.nearest:NearestFamily'
    """
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _unfit(name: str, family: Any) -> str | None:
    """Why a family cannot be tuned; None where it can."""
    if missing := [owed for owed in _OWES if not hasattr(family, owed)]:
        return f"it lacks {missing[0]}"
    if family.name != name:
        return f"it calls itself {family.name!r}"
    if family.inputs not in get_args(Inputs):
        return f"it reads {family.inputs!r}, not one of {', '.join(get_args(Inputs))}"
    if family.inputs == "tokens":
        return "it reads tokens, which the packs of qlora alone train on: read texts or embeddings"
    if not (isinstance(family.params, type) and issubclass(family.params, Params)):
        return "its params are no reviewtune.families.space.Params"
    return None
