"""Words of others in Markdown."""

import re


def in_markdown(text: str) -> str:
    """The text on one line, with what Markdown or HTML would read as markup taken literally."""
    return re.sub(r"([\\`*_\[\]<>&|])", r"\\\1", " ".join(text.split()))
