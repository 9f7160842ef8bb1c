"""Search spaces, declared where the params are: an annotation of each field of a family's `Params`.

    class LogRegParams(Params):
        C: Annotated[float, FloatDistribution(1e-3, 1e3, log=True)] = 1.0

The default value of every field is the family's default configuration, which is always a study's first trial. A field
without a distribution is not searched.
"""

from collections.abc import Mapping
from typing import Any, Self

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import BaseModel, ConfigDict, ValidationError

from reviewtune.errors import UsageError


class Params(BaseModel):
    """One configuration of a family: the values a trial runs with. Frozen; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, arbitrary_types_allowed=True)

    @classmethod
    def space(cls) -> dict[str, BaseDistribution]:
        """The Optuna distribution of each searched field, by name."""
        return {
            name: item
            for name, field in cls.model_fields.items()
            for item in field.metadata
            if isinstance(item, BaseDistribution)
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Validated params.

        Raises:
            UsageError: A name is unknown or a value is out of range.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise UsageError(
                f"{cls.__name__}: {name}={first['input']!r}: {first['msg']}; the params are {', '.join(cls.model_fields)}"
            ) from None


def resolve(params: type[Params], overrides: Mapping[str, Any]) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
    """A family's search space and default configuration under a user's overrides.

    An override is a single value (the param is fixed), a list (a choice) or `{"low": a, "high": b, "log": true}` (a range).

    Returns:
        The distributions of what is searched, and the default configuration: all params of the first trial, moved into
        the overridden space where they would fall outside of it.

    Raises:
        UsageError: An override names no param of the family, or is no valid value, choice or range.
    """
    unknown = sorted(set(overrides) - set(params.model_fields))
    if unknown:
        raise UsageError(f"{params.__name__} has no param {unknown[0]!r}: the params are {', '.join(params.model_fields)}")
    distributions = params.space()
    defaults = params().model_dump()
    for name, override in overrides.items():
        distributions.pop(name, None)
        if isinstance(override, Mapping) or isinstance(override, list | tuple):
            distributions[name] = _distribution(name, override, like=defaults[name])
            defaults[name] = _nearest(distributions[name], defaults[name])
        else:
            defaults[name] = override
    return distributions, params.from_values(defaults).model_dump()


def _distribution(name: str, override: Any, like: Any) -> BaseDistribution:
    if isinstance(override, list | tuple):
        if not override:
            raise UsageError(f"space.{name} is an empty list: give at least one choice")
        return CategoricalDistribution(list(override))
    try:
        kind = IntDistribution if isinstance(like, int) and not isinstance(like, bool) else FloatDistribution
        return kind(**override)
    except (TypeError, ValueError) as error:
        raise UsageError(f'space.{name}={dict(override)} is no range: give {{"low": a, "high": b, "log": true}}: {error}') from None


def _nearest(distribution: BaseDistribution, value: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return value if value in distribution.choices else distribution.choices[0]
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return min(max(value, distribution.low), distribution.high)
    return value
