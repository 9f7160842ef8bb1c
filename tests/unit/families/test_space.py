from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field, ValidationError

from reviewtune.errors import UsageError
from reviewtune.families.registry import get_family
from reviewtune.families.space import Choice, Floats, Integers, Params, resolve


class SampleParams(Params):
    rate: Annotated[float, Floats(1e-4, 1e-1, log=True)] = Field(1e-2, gt=0)
    """A rate."""
    depth: Annotated[int, Integers(1, 4)] = Field(2, ge=1)
    """A depth."""
    limit: Annotated[int | None, Choice([None, 10])] = None
    """A limit."""
    kind: Annotated[Literal["a", "b"], Choice(["a", "b"])] = "a"
    """A kind."""
    epochs: int = 3
    """Not searched."""


DEFAULTS = {"rate": 1e-2, "depth": 2, "limit": None, "kind": "a", "epochs": 3}


def test_the_space_holds_the_searched_fields_only() -> None:
    assert list(SampleParams.space()) == ["rate", "depth", "limit", "kind"]


def test_without_overrides_the_space_and_the_defaults_are_the_familys() -> None:
    assert resolve(SampleParams, {}) == (SampleParams.space(), DEFAULTS)


def test_a_value_fixes_a_param() -> None:
    space, defaults = resolve(SampleParams, {"rate": 1, "epochs": 5})
    assert list(space) == ["depth", "limit", "kind"]
    assert defaults == {**DEFAULTS, "rate": 1.0, "epochs": 5}


def test_a_list_is_a_choice_of_validated_values() -> None:
    space, defaults = resolve(SampleParams, {"rate": [1, 2], "kind": ["b", "a"], "epochs": [3, 4]})
    assert space["rate"] == CategoricalDistribution([1.0, 2.0])
    assert space["kind"] == CategoricalDistribution(["b", "a"])
    assert space["epochs"] == CategoricalDistribution([3, 4])
    assert defaults == {**DEFAULTS, "rate": 1.0}


def test_a_range_searches_numbers_of_the_params_kind() -> None:
    overrides = {
        "rate": {"low": 1, "high": 10, "log": True},
        "depth": {"low": 3, "high": 9},
        "limit": {"low": 5, "high": 6},
    }
    space, defaults = resolve(SampleParams, overrides)
    assert space["rate"] == FloatDistribution(1.0, 10.0, log=True)
    assert space["depth"] == IntDistribution(3, 9)
    assert space["limit"] == IntDistribution(5, 6)
    assert defaults == {**DEFAULTS, "rate": 1.0, "depth": 3, "limit": 5}


@pytest.mark.filterwarnings("ignore:The distribution is specified by:UserWarning")
def test_a_default_outside_of_the_steps_moves_to_the_nearest() -> None:
    space, defaults = resolve(
        SampleParams, {"epochs": {"low": 4, "high": 11, "step": 5}, "depth": {"low": 1, "high": 9, "step": 4}}
    )
    assert space["epochs"] == IntDistribution(4, 9, step=5)
    assert (defaults["epochs"], defaults["depth"]) == (4, 1)


@pytest.mark.filterwarnings("ignore:The distribution is specified by:UserWarning")
@given(low=st.integers(1, 50), width=st.integers(0, 50), step=st.integers(1, 7))
def test_the_default_always_lies_in_the_range(low: int, width: int, step: int) -> None:
    space, defaults = resolve(SampleParams, {"depth": {"low": low, "high": low + width, "step": step}})
    limits = space["depth"]
    assert isinstance(limits, IntDistribution)
    assert limits.low <= defaults["depth"] <= limits.high
    assert (defaults["depth"] - limits.low) % step == 0


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"gamma": 1}, ["no param 'gamma'", "rate, depth, limit, kind, epochs"]),
        ({"rate": -1.0}, ["rate=-1.0", "greater than 0"]),
        ({"rate": float("nan")}, ["rate=nan", "finite number"]),
        ({"kind": "c"}, ["kind='c'", "'a' or 'b'"]),
        ({"kind": []}, ["space.kind", "at least one choice"]),
        ({"kind": ["a", "c"]}, ["kind='c'", "'a' or 'b'"]),
        ({"depth": [1, 2.5]}, ["depth=2.5", "integer"]),
        ({"rate": {"low": 2, "high": 1}}, ["space.rate", "low"]),
        ({"rate": {"low": 1}}, ["space.rate", "high"]),
        ({"rate": {"low": 1, "high": 2, "mid": 3}}, ["space.rate", "mid"]),
        ({"rate": {"low": 0, "high": 1}}, ["rate=0", "greater than 0"]),
        ({"rate": {"low": 1, "high": float("inf")}}, ["rate=inf", "finite"]),
        ({"rate": {"low": "x", "high": 1}}, ["rate='x'", "number"]),
        ({"depth": {"low": 1, "high": 2.5}}, ["depth=2.5", "integer"]),
        ({"kind": {"low": 1, "high": 2}}, ["space.kind", "no number"]),
    ],
)
def test_a_wrong_override_is_refused_in_one_line(overrides: dict[str, object], words: list[str]) -> None:
    with pytest.raises(UsageError) as refusal:
        resolve(SampleParams, overrides)
    message = str(refusal.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_params_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SampleParams().depth = 3


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match=r"SampleParams: gamma=1: .*the params are rate, depth"):
        SampleParams.from_values({"gamma": 1})


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown family 'forest': the families are tfidf, rules, logreg"):
        get_family("forest")
