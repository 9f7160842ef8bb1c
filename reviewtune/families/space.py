"""Search spaces, declared where the params are: an annotation of each field of a family's `Params`.

    class LogRegParams(Params):
        C: Annotated[float, Floats(1e-3, 1e3, log=True)] = 1.0

The default value of every field is the family's default configuration, which is always a study's first trial. A field
without `Floats`, `Integers` or a `Choice` is not searched. Optuna, which samples them, is imported by those who search:
a trained model needs none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from reviewtune.errors import UsageError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution


@dataclass(frozen=True)
class Floats:
    """Any number from `low` to `high`; with `log`, every order of magnitude is as likely."""

    low: float
    high: float
    log: bool = False

    def distribution(self) -> "FloatDistribution":
        """What Optuna samples.

        Examples:
            >>> distribution = Floats(1e-3, 1e3, log=True).distribution()
            >>> distribution.low, distribution.high, distribution.log
            (0.001, 1000.0, True)
        """
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Integers:
    """Any whole number from `low` to `high`; with `log`, every order of magnitude is as likely."""

    low: int
    high: int
    log: bool = False

    def distribution(self) -> "IntDistribution":
        """What Optuna samples.

        Examples:
            >>> distribution = Integers(1, 3).distribution()
            >>> distribution.low, distribution.high, distribution.step
            (1, 3, 1)
        """
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Choice:
    """One of the values."""

    values: Sequence[Any]

    def distribution(self) -> "CategoricalDistribution":
        """What Optuna samples.

        Examples:
            >>> Choice(["none", "balanced"]).distribution().choices
            ('none', 'balanced')
        """
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)


class Params(BaseModel):
    """One configuration of a family: the values a trial runs with. Frozen; unknown names are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )

    main: ClassVar[tuple[str, ...]] = ()
    """Params that tell trials apart in the lists of dashboards; none: all that are searched."""
    start: ClassVar[Mapping[str, Any]] = {}
    """What else than the defaults is known to do well: a search tries the defaults, then them with these changes."""

    @classmethod
    def space(cls) -> "dict[str, BaseDistribution]":
        """The Optuna distribution of each searched field, by name.

        Examples:
            >>> from reviewtune.families.logreg import LogRegParams
            >>> list(LogRegParams.space())
            ['C', 'class_weight']
        """
        return {
            name: item.distribution()
            for name, field in cls.model_fields.items()
            for item in field.metadata
            if isinstance(item, Floats | Integers | Choice)
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Validated params.

        Raises:
            UsageError: A name is unknown or a value is out of range.

        Examples:
            >>> from reviewtune.families.svm import SvmParams
            >>> SvmParams.from_values({"C": 2.0}).C
            2.0
            >>> SvmParams.from_values({"c": 2.0})
            Traceback (most recent call last):
            reviewtune.errors.UsageError: SvmParams: c=2.0: Extra inputs are not permitted; ...
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            names = ", ".join(cls.model_fields)
            raise UsageError(
                f"{cls.__name__}: {name}={first['input']!r}: {first['msg']}; the params are {names}"
            ) from None


def resolve(params: type[Params], overrides: Mapping[str, Any]) -> "tuple[dict[str, BaseDistribution], dict[str, Any]]":
    """A family's search space and default configuration under a user's overrides.

    An override is a single value (the param is fixed), a list (a choice), or a range
    `{"low": a, "high": b, "log": true}`.

    Returns:
        The distributions of what is searched, and the default configuration: all params of the first trial, moved into
        the overridden space where they would fall outside of it.

    Raises:
        UsageError: An override names no param of the family, or is no valid value, choice or range.

    Examples:
        >>> from reviewtune.families.svm import SvmParams
        >>> distributions, defaults = resolve(SvmParams, {"C": [1, 10], "class_weight": "balanced"})
        >>> sorted(distributions), defaults["C"], defaults["class_weight"]
        (['C', 'gamma_scale'], 1.0, 'balanced')
    """
    unknown = sorted(set(overrides) - set(params.model_fields))
    if unknown:
        raise UsageError(
            f"{params.__name__} has no param {unknown[0]!r}: the params are {', '.join(params.model_fields)}"
        )
    distributions = params.space()
    defaults = params().model_dump()
    for name, override in overrides.items():
        distributions.pop(name, None)
        if isinstance(override, Mapping):
            limits = _range(params, name, override)
            distributions[name], defaults[name] = limits, _nearest(limits, defaults[name])
        elif isinstance(override, list | tuple):
            choice = _choice(params, name, override)
            distributions[name] = choice
            defaults[name] = defaults[name] if defaults[name] in choice.choices else choice.choices[0]
        else:
            defaults[name] = override
    resolved = params.from_values(defaults)
    return distributions, {name: _as_written(value, getattr(resolved, name)) for name, value in defaults.items()}


def _as_written(value: Any, resolved: Any) -> Any:
    """What a trial's record says: the validated value, or a word for what other params decide, such as alpha `2r`."""
    return value if isinstance(value, str) and not isinstance(resolved, str) else resolved


def _choice(params: type[Params], name: str, values: Sequence[Any]) -> "CategoricalDistribution":
    from optuna.distributions import CategoricalDistribution

    if not values:
        raise UsageError(f"space.{name} is an empty list: give at least one choice")
    resolved = [getattr(params.from_values({name: value}), name) for value in values]
    return CategoricalDistribution([_as_written(*pair) for pair in zip(values, resolved, strict=True)])


def _range(params: type[Params], name: str, ends: Mapping[str, Any]) -> "FloatDistribution | IntDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    annotation = params.model_fields[name].annotation
    kinds = {annotation, *get_args(annotation)}
    if not kinds & {int, float}:
        raise UsageError(
            f"space.{name}={dict(ends)} is a range, but {name} is no number: give a value or a list of choices"
        )
    for end in ("low", "high"):
        if end in ends:
            # Optuna would cut 2.5 to an integer and take NaN, and the param may have limits of its own.
            params.from_values({name: ends[end]})
    try:
        return FloatDistribution(**ends) if float in kinds else IntDistribution(**ends)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f'space.{name}={dict(ends)} is no range: give {{"low": a, "high": b, "log": true}}: {error}'
        ) from None


def _nearest(limits: "FloatDistribution | IntDistribution", value: float | None) -> float:
    """The value of the range that is closest to `value`, its lowest where there is none."""
    if value is None:
        return limits.low
    inside = min(max(value, limits.low), limits.high)
    if limits.step is None:
        return inside
    # Optuna has already lowered `high` to the last value that whole steps reach.
    return limits.low + round((inside - limits.low) / limits.step) * limits.step
