"""A model card as a whole: the metadata that the hub reads, then the sections that people do."""

from pathlib import Path

from reviewtune.card.facts import CARD_FILE, Facts, read_facts
from reviewtune.card.metadata import card_data
from reviewtune.card.purpose import intended_use, limits, loading, misuse, origin
from reviewtune.card.results import (
    cost_section,
    looks_section,
    parts_section,
    test_section,
    transfer_section,
    unseen_section,
)
from reviewtune.card.settings import labels_section, settings_section
from reviewtune.card.words import literal
from reviewtune.files import write_text

SECTIONS = (
    ("", origin),
    ("Use", loading),
    ("What it is for", intended_use),
    ("What it must not be used for", misuse),
    ("Labels, probabilities, threshold", labels_section),
    ("Test scores", test_section),
    ("On a source that it was trained without", unseen_section),
    ("On other reviews", transfer_section),
    ("When the same reviews look otherwise", looks_section),
    ("Parts of the test reviews", parts_section),
    ("Cost", cost_section),
    ("Limits", limits),
    ("How it was made", settings_section),
)
"""Titles, and what makes each section of the facts; one that has nothing to say is left out."""


def model_card(facts: Facts) -> str:
    """A model card in the hub's form: YAML, then Markdown."""
    from huggingface_hub import ModelCard

    made = [(title, make(facts).strip("\n")) for title, make in SECTIONS]
    told = [f"## {title}\n\n{text}" if title else text for title, text in made if text]
    text = "\n\n".join([f"# {literal(facts.name)}: fake or genuine reviews", *told])
    return str(ModelCard(f"---\n{card_data(facts).to_yaml()}\n---\n\n{text}\n"))


def write_card(folder: Path) -> None:
    """Write an artifact's card anew, of what its folder holds.

    Raises:
        ArtifactError: It is no artifact, or one of its files is damaged.
        OSError: It cannot be written.
    """
    write_text(folder / CARD_FILE, model_card(read_facts(folder)))
