"""Configurations that did well before: a search begins with them.

One may come with the family, others from earlier studies of the same family on the same base model. What they scored
there is not carried over, since other reviews are harder or easier.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import create_trial

from reviewtune.encoders.registry import Encoder
from reviewtune.errors import UsageError
from reviewtune.families.space import Params
from reviewtune.tuning.identity import known_identity
from reviewtune.tuning.records import TrialStore, best_first

SHARE = 4
"""One trial in so many begins with a known configuration: the others look elsewhere."""


def check_warm_start(results_dir: Path, families: list[str]) -> None:
    """Refuse a folder that has no trial of any of the families.

    Raises:
        UsageError: It is no results directory, or one of other families.
    """
    if not any(any(_stores(results_dir, family)) for family in families):
        raise UsageError(
            f"--warm-start {results_dir}: no study there has a trial of {', '.join(families)}: give the results "
            "directory of an earlier study, or leave the flag out"
        )


def known_configurations(
    results_dir: Path, family: str, encoder: Encoder | None, distributions: Mapping[str, BaseDistribution]
) -> list[dict[str, Any]]:
    """Searched values of the trials of finished studies: the best of each study, then the second best, and so on.

    Args:
        results_dir: Of earlier studies.
        family: Whose trials.
        encoder: That they must be on; None for a family that reads the texts themselves.
        distributions: The search space. What does not fit it is left out.

    Raises:
        StudyError: A file of a study is damaged.
    """
    by_study = []
    for store in _stores(results_dir, family):
        identity = known_identity(store.folder.parent.parent)
        base = (identity.base_model, identity.revision) if identity else None
        if encoder and base != (encoder.title, encoder.revision):
            continue
        own = [{name: record.params.get(name) for name in distributions} for record in best_first(store.read())]
        by_study.append([values for values in own if _fits(values, distributions)])
    different: list[dict[str, Any]] = []
    for values in chain.from_iterable(zip_longest(*by_study)):
        if values is not None and values not in different:
            different.append(values)
    return different


def family_start(
    params: type[Params], searched: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> list[dict[str, Any]]:
    """What the family is known to do well by, in the place of defaults, as far as it is searched; empty without such.

    Args:
        params: Of the family.
        searched: The default of each searched value.
        distributions: The search space. What does not fit it is left out.
    """
    values = {**searched, **{name: value for name, value in params.start.items() if name in distributions}}
    return [values] if values != searched and _fits(values, distributions) else []


def _stores(results_dir: Path, family: str) -> Iterator[TrialStore]:
    for folder in sorted(results_dir.glob(f"studies/*/{family}/trials")):
        if any(folder.glob("*.json")):
            yield TrialStore(folder)


def _fits(values: dict[str, Any], distributions: Mapping[str, BaseDistribution]) -> bool:
    """Whether the space holds a configuration."""
    try:
        create_trial(value=0.0, params=values, distributions=dict(distributions))
    except (ValueError, TypeError):
        return False
    return True
