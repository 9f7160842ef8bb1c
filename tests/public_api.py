"""What callers may rely on, written down: `python -m tests.public_api` writes it anew where a change is meant.

Signatures of what `reviewtune` and `reviewtune.testing` have and of the classes that they hand out, and all settings
with their defaults. A change shows in `tests/public_api.txt`, where a reviewer sees it; CHANGELOG.md tells users.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("public_api.txt")

MODULES = ("reviewtune", "reviewtune.testing")
CLASSES = (
    "reviewtune.predict:Classifier",
    "reviewtune.leaderboard.board:Board",
    "reviewtune.leaderboard.board:Group",
    "reviewtune.evaluation.shift:Shift",
    "reviewtune.families.base:Family",
    "reviewtune.families.base:Leg",
    "reviewtune.families.base:Model",
    "reviewtune.families.base:Rows",
    "reviewtune.families.base:Setting",
    "reviewtune.families.space:Choice",
    "reviewtune.families.space:Floats",
    "reviewtune.families.space:Integers",
    "reviewtune.families.space:Params",
)
"""What a caller gets from the functions, and what a family of others is written against."""


def lines() -> Iterator[str]:
    """The public API, a line each."""
    for name in MODULES:
        module = import_module(name)
        for public in sorted(module.__all__):
            yield from _described(f"{name}.{public}", getattr(module, public))
    for place in CLASSES:
        home, _, name = place.partition(":")
        yield from _described(f"{home}.{name}", getattr(import_module(home), name))
    yield from _settings()


def _described(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        if issubclass(value, Exception) or hasattr(value, "model_fields"):
            yield f"class {name}"
        else:
            yield f"class {name}{_signature(value)}"
        for key, member in sorted(vars(value).items()):
            if key.startswith("_") or (hasattr(value, "model_fields") and key.startswith("model_")):
                continue
            if isinstance(member, property):
                yield f"    {key}: property"
            elif callable(member) or isinstance(member, classmethod | staticmethod):
                yield f"    {key}{_signature(getattr(value, key))}"
    elif callable(value):
        yield f"{name}{_signature(value)}"
    else:
        yield f"{name}: {', '.join(value)}"


def _signature(function: Any) -> str:
    """Names, kinds and defaults; annotations are mypy's business."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    text = str(inspect.Signature(parameters))
    return text if " at 0x" not in text and "<factory>" not in text else text.replace("<factory>", "...")


def _settings() -> Iterator[str]:
    from reviewtune.cli import VERBS

    for verb, known in VERBS.items():
        if verb == "demo":  # is `tune` with a preset
            continue
        yield f"reviewtune {verb}"
        for name, field in known.config.model_fields.items():
            yield f"    {name}{'' if field.is_required() else f' = {field.default!r}'}"


if __name__ == "__main__":
    KEPT.write_text("\n".join(lines()) + "\n")
