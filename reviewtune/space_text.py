"""Overrides of the search spaces as the command line has them: JSON objects, one or several."""

import json
from typing import Any

SPACE_FORM = 'give families with their params, like {"qlora": {"epochs": 3, "rank": [8, 16]}}'


def read_space(text: str) -> dict[str, Any]:
    """The search spaces that JSON objects tell, one or several with commas between them; of a family the last one.

    Raises:
        ValueError: It is not JSON, or one of them is no object.
    """
    try:
        objects = json.loads(f"[{text}]", parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON from character {max(1, error.pos)} on: {SPACE_FORM}") from None
    except (ValueError, RecursionError):
        raise ValueError(f"it is no JSON: {SPACE_FORM}") from None
    if not all(isinstance(each, dict) for each in objects):
        raise ValueError(SPACE_FORM)
    return {family: params for each in objects for family, params in each.items()}


def _no_number(name: str) -> float:
    raise ValueError(name)
