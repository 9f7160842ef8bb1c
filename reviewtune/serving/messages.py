"""What is sent to the server and what it answers, from which its OpenAPI description is made."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from reviewtune.data.texts import without_halves

MOST_TEXTS = 1_000
"""Of a request."""
LONGEST_TEXT = 100_000
"""Characters: a TF-IDF model holds about a kilobyte for each while it scores."""

_EXAMPLE = "Great product, works as described."


def _readable(value: Any) -> Any:
    """JSON may hold half of a surrogate pair, which no text has."""
    return without_halves(value) if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT), BeforeValidator(_readable)]


class Asked(BaseModel):
    """One review in `text`, or several in `texts`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"text": _EXAMPLE}, {"texts": [_EXAMPLE, None]}]},
    )

    text: Text | None = None
    """A review."""
    texts: list[Text | None] = Field([], max_length=MOST_TEXTS)
    """Reviews; null for one without a text."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError('give {"text": "..."} or {"texts": ["...", ...]}, one of both')
        return self

    @property
    def rows(self) -> list[str | None]:
        """The reviews, however they were given."""
        return list(self.texts) if "texts" in self.model_fields_set else [self.text]


class Judged(BaseModel):
    """What is said of a review: nothing of one without a text."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    fake_probability: float | None
    """Calibrated; null without a text."""
    label: Literal["genuine", "fake"] | None
    """`fake` where the probability is above the threshold; null without a text."""
    familiar: float | None
    """How usual the text is among the training reviews, above 0 and at most 1: 5 % of new ones from where they came are
    below 0.05. Null without a text, and of artifacts that keep no profile."""


class Answer(BaseModel):
    """What is said of all reviews of a request, in their order."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    artifact: str
    """Name of the artifact's folder."""
    threshold: float
    """A review is called fake where its probability is above this."""
    predictions: list[Judged]
    """One a review."""


class Refused(BaseModel):
    """Why there is no answer."""

    error: str
    """One line: the rule, what broke it, and what to do."""
