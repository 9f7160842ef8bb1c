"""Words of others in Markdown, in spreadsheets, in terminals and on pages."""

import re
import unicodedata

FORMULAS = "=+-@\t\r"
"""What a cell begins with that a spreadsheet takes for a formula."""
OF_SCRIPTS = "\u200c\u200d"
"""Joiners, which some scripts and emoji are written with; other characters without a shape steer or hide."""


def in_markdown(text: str) -> str:
    """The text on one line, with what Markdown or HTML would read as markup taken literally."""
    return re.sub(r"([\\`*_\[\]<>&|])", r"\\\1", " ".join(visible(text).split()))


def visible(text: str) -> str:
    """The text without the characters that steer a terminal, turn the direction of writing or do not show."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter == "\n" or letter in OF_SCRIPTS else _shown(letter) for letter in text)


def _shown(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cf":
        return ""
    return " " if kind in ("Cc", "Cs", "Co", "Zl", "Zp") else letter


def in_spreadsheet(text: str) -> str:
    """The text as a cell that no spreadsheet computes: an apostrophe before what would be a formula."""
    return f"'{text}" if text[:1] and text[0] in FORMULAS else text
