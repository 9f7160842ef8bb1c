"""How a source of labelled reviews is asked for: `FILE`, `NAME=FILE` or `NAME=FILE:LABEL`, told without opening it."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewtune.data.kinds import HUB_PREFIX, SAMPLE, check_source
from reviewtune.data.shown import shown
from reviewtune.errors import UsageError

_NAMED = re.compile(r"(?P<name>[\w][\w .+-]{0,63})=(?P<source>.+)", re.DOTALL)


@dataclass(frozen=True)
class NamedSource:
    """A source, what it is called, and which of its labels means fake.

    Attributes:
        name: On the board and in reports.
        source: One of `kinds.KINDS`.
        fake_label: None where it goes by `--fake-label`, or by the labels themselves.
    """

    name: str
    source: str
    fake_label: str | None = None


def named_source(asked: str) -> NamedSource:
    """What the value of a flag asks for.

    What is there as it stands is a path, whatever signs its name has. A source without a name is called after its
    file.

    Examples:
        >>> named_source("hotels=data/hotels.csv:generated")
        NamedSource(name='hotels', source='data/hotels.csv', fake_label='generated')
        >>> named_source("data/hotels.csv").name
        'hotels'
    """
    match = None if _is_there(asked) else _NAMED.fullmatch(asked)
    name, rest = (match["name"].strip(), match["source"]) if match else (None, asked)
    source, label = _labelled(rest)
    return NamedSource(name or _stem(source), source, label)


def named_sources(asked: Sequence[str], flag: str) -> list[NamedSource]:
    """Those of a flag that may be given several times.

    Raises:
        UsageError: Two of them have one name.

    Examples:
        >>> [each.name for each in named_sources(["shop=a.csv", "b.csv"], "--data")]
        ['shop', 'b']
        >>> named_sources(["a.csv", "other/a.csv"], "--data")
        Traceback (most recent call last):
        reviewtune.errors.UsageError: two of --data are called a: name them apart, --data one=FILE --data other=FILE
    """
    found = [named_source(value) for value in asked]
    names = [each.name for each in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two of {flag} are called {shown(twice)}: name them apart, {flag} one=FILE {flag} other=FILE")
    return found


def check_sources(asked: Sequence[str], flag: str) -> None:
    """Refuse what is not there or of no known kind, without reading it.

    Raises:
        DataError: As `check_source`.
        UsageError: As `named_sources`.

    Examples:
        >>> check_sources(["sample", "shop=nothere.csv"], "--data")
        Traceback (most recent call last):
        reviewtune.errors.DataError: there is no file or folder nothere.csv: a source is ...
    """
    for each in named_sources(asked, flag):
        check_source(each.source)


def _labelled(asked: str) -> tuple[str, str | None]:
    """A source and the label after its last colon; None where the colon is the source's own."""
    source, colon, label = asked.rpartition(":")
    own = f"{source}:" == HUB_PREFIX or not colon or not label
    return (asked, None) if own or _is_there(asked) or "/" in label else (source, label)


def _is_there(source: str) -> bool:
    return source == SAMPLE or os.path.exists(source)  # noqa: PTH110 - Path.exists raises on a name that is too long


def _stem(source: str) -> str:
    """`reviews` of `folder/reviews.csv.gz`, `owner/name` of `hub:owner/name@revision`."""
    if source.startswith(HUB_PREFIX):
        return source.removeprefix(HUB_PREFIX).partition("@")[0]
    return Path(source).name.partition(".")[0] or source
