"""What of a program's standard error is its ordinary progress, and what a fault made it say."""

import re
from collections import Counter
from collections.abc import Iterable

PHASE = re.compile(r"\w+: (preparing|tuning|assessing|done)\b")

ORDINARY = [
    r"",
    r"  .*",
    r"\S+ in /.*",
    r"Ray (dashboard: |starts \().*",
    r"\w+: (preparing|tuning|assessing|done).*",
    r"\w+: \w+ [\d,]+ of [\d,]+ reviews.*",
    r"\w+: models of .* kept .*",
    r"\w+ \d+/\d+ (finished|stopped): .*",
    r"\w+: \d+ packs train now",
]
"""Lines of an undisturbed study, whole."""

TRACEBACK = re.compile(r"Traceback \(most recent call last\)|^\s*@ +0x[0-9a-f]+|\*\*\* SIG|Check failed|StackTrace")
LINES = 4
"""Most lines that a fault may make a user read."""

VARYING = [
    (re.compile(r"/(?:[\w.-]+/)+"), "…/"),
    (re.compile(r"\b[0-9a-f]{8,}\b"), "<id>"),
    (re.compile(r"\d+(\.\d+)?"), "N"),
]


def extraordinary(lines: Iterable[str]) -> list[str]:
    """The lines that no undisturbed study prints."""
    return [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in ORDINARY)]


def is_plain(lines: list[str]) -> bool:
    """Whether these lines may be shown to a user: few, and none of a traceback's or a dump's."""
    return len(lines) <= LINES and not any(TRACEBACK.search(line) for line in lines)


def in_short(lines: list[str]) -> str:
    """What was read, in one line: without what differs between two runs; a dump's number of lines and its end."""
    if not lines:
        return "nothing"
    shown = lines if is_plain(lines) else [f"{len(lines)} lines, the last of them:", lines[-1]]
    text = " ".join(line.strip()[:300] for line in shown)
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.replace("|", "/")


def commonest(texts: Iterable[str]) -> str:
    """Each text once, the most frequent first, with how often."""
    counted = Counter(texts).most_common()
    return "; ".join(text if len(counted) == 1 else f"{text} ({times})" for text, times in counted)
