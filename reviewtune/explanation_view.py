"""An explanation on a terminal of any width: the text with its words shaded, and a small table of the strongest ones.

What is shaded is underlined too, for terminals without colours and eyes that do not tell them apart; the texts are
somebody else's, so nothing in them is obeyed.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from reviewtune.data.shown import shown
from reviewtune.errors import escaped
from reviewtune.explanation import Explanation, Word
from reviewtune.schema import FAKE_NAME, GENUINE_NAME

STYLES = {FAKE_NAME: ("underline", "bold underline", "bold underline black on orange1"),
          GENUINE_NAME: ("italic", "italic bold", "italic bold black on sky_blue1")}  # fmt: skip
"""Of words that speak for either, the weak ones first: of orange and blue every eye tells which is which."""
LEVELS = (0.25, 0.5, 0.75)
"""Of the largest weight of a text, from which a word is shown as weak, as middling and as strong."""
LEAST = 0.005
"""Log-odds, below which a weight is as good as none."""
LONGEST_WORD = 20
STRONGEST = 8
"""Words for fake, and as many for genuine, in the table."""


@dataclass(frozen=True)
class Strong:
    """A word of a text.

    Attributes:
        word: As it stands there.
        weight: Log-odds of fake, of all the places where it stands together.
        times: How many these are.
    """

    word: str
    weight: float
    times: int

    @property
    def shown(self) -> str:
        """The word on one line, shortened, with nothing that a terminal obeys."""
        return shown(" ".join(self.word.split()), LONGEST_WORD)


def strongest(explanation: Explanation, most: int = STRONGEST) -> tuple[list[Strong], list[Strong]]:
    """The words that speak most for fake, and those that speak most for genuine, the strongest first."""
    weights: defaultdict[str, float] = defaultdict(float)
    times: defaultdict[str, int] = defaultdict(int)
    for spelled, weight in explanation.weights:
        weights[spelled] += weight
        times[spelled] += 1
    order = sorted(weights, key=lambda spelled: -abs(weights[spelled]))
    ranked = [Strong(word, weights[word], times[word]) for word in order if abs(weights[word]) >= LEAST]
    return [each for each in ranked if each.weight > 0][:most], [each for each in ranked if each.weight < 0][:most]


@dataclass(frozen=True)
class ExplanationView:
    """Renders an explanation within the width it is given.

    Attributes:
        explanation: What is shown.
        threshold: Of the artifact.
        family: Of the artifact.
        most: Words for either side in the table.
    """

    explanation: Explanation
    threshold: float
    family: str
    most: int = STRONGEST

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What it is called, the text, the strongest words, and how the weights came about."""
        yield self._verdict()
        yield Text()
        yield shaded(self.explanation)
        yield Text()
        sides = strongest(self.explanation, self.most)
        yield self._table(sides, options.max_width) if any(sides) else Text("No word by itself moves the log-odds.")
        yield from self._questions()
        if any(sides) and console.is_terminal:
            yield Text("Underlined words speak for fake, those in italics for genuine.", style="dim")
        yield Text(self._how(), style="dim")

    def _verdict(self) -> Text:
        found = self.explanation
        said = f"fake probability {found.fake_probability:.4f}, threshold {self.threshold:.4f}"
        if not np.isnan(found.familiar):
            said += f", familiar {found.familiar:.2f}"
        return Text.assemble((found.label, "bold"), f": {said}")

    def _table(self, sides: tuple[list[Strong], list[Strong]], width: int) -> Table:
        """Both sides next to each other."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for side in (FAKE_NAME, GENUINE_NAME):
            table.add_column(f"for {side}", no_wrap=True, overflow="ellipsis", max_width=max(8, (width - 24) // 2))
            table.add_column("log-odds", justify="right", no_wrap=True)
        for number in range(max(map(len, sides))):
            table.add_row(*(cell for side in sides for cell in _cells(side, number)))
        return table

    def _questions(self) -> Iterator[Text]:
        if self.explanation.questions:
            yield Text()
            yield Text("Its questions, and how each answer moves the log-odds:")
        for question, change in self.explanation.questions:
            yield Text(f"  {change:+.2f}  {question}")

    def _how(self) -> str:
        found = self.explanation
        if found.base is not None:
            return (
                f"Weights are {self.family}'s own: with {found.base:+.2f}, which it says of any text, they sum to the "
                f"log-odds of fake, {found.log_odds:+.2f}."
            )
        return (
            f"A weight is what the log-odds of fake, {found.log_odds:+.2f}, lose where that part of the text is left "
            f"out: {len(found.words)} parts, {found.passes} passes of {self.family}. They need not sum to anything."
        )


def shaded(explanation: Explanation) -> Text:
    """The text, each word in the style of its weight; its lines are kept, what else a terminal obeys is written out."""
    text, at = Text(overflow="fold"), 0
    largest = max((abs(word.weight) for word in explanation.words), default=0.0)
    for word in explanation.words:
        text.append(_harmless(explanation.text[at : word.start]))
        text.append(_harmless(explanation.text[word.start : word.end]), style=_style(word, largest))
        at = word.end
    text.append(_harmless(explanation.text[at:]))
    return text


def _style(word: Word, largest: float) -> str:
    level = sum(abs(word.weight) >= share * largest for share in LEVELS) if largest else 0
    return STYLES[FAKE_NAME if word.weight > 0 else GENUINE_NAME][level - 1] if level else ""


def _harmless(text: str) -> str:
    return "\n".join(map(escaped, text.split("\n")))


def _cells(side: list[Strong], number: int) -> tuple[Text, Text]:
    if number >= len(side):
        return Text(), Text()
    strong = side[number]
    times = f" x{strong.times}" if strong.times > 1 else ""
    return Text(strong.shown + times), Text(f"{strong.weight:+.2f}")
