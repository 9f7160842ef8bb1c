"""Why an artifact says what it says of a text: how much each of its words moves the log-odds of fake.

Of a model that is a sum (TF-IDF) the weights are its own: with what it says of any text they sum to the log-odds. Of
all others each word is left out in turn, and its weight is what the log-odds lose by that (occlusion; Li, Monroe and
Jurafsky, "Understanding neural networks through representation erasure", 2016): such weights have no sum to keep, and
of two words that say the same neither may have any. Where the calibration is isotonic, which is level in places, they
are those on the line through its ends. Shape letters: `N` texts, `W` words or parts of one.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reviewtune.data.texts import Prepared, normalise
from reviewtune.data.words import Span, in_parts, without, word_spans
from reviewtune.errors import UsageError
from reviewtune.families.base import Additive, Asking

if TYPE_CHECKING:
    from reviewtune.predict import Classifier

MOST_PARTS = 128
"""Parts of a text that are left out in turn, at most: of longer texts several words go together."""
MOST_AT_ONCE = 20_000
"""Texts, shortened ones included, that are in memory together."""
DIGITS = 6


@dataclass(frozen=True)
class Word:
    """A part of a text and what it does.

    Attributes:
        start, end: Its place, as offsets into the prepared text.
        weight: Log-odds of fake that it adds; below 0 it speaks for genuine.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Explanation:
    """What an artifact says of a text, and why.

    Attributes:
        text: As it was read: normalised.
        words: The W parts of the text, in its order.
        log_odds: Of fake, calibrated, at the artifact's operating point.
        fake_probability: The same as a probability.
        label: `fake` or `genuine`.
        familiar: How usual the text is among the training reviews, from 0 to 1; NaN where that is not known.
        base: Where the weights are the model's own, its log-odds of a text without any word: with the weights they sum
            to `log_odds`. None where words were left out.
        passes: Texts that were scored for it, this one included.
        questions: Of rules: each question with its answer, and the change of the log-odds by it; the first is what it
            begins at.
    """

    text: str
    words: tuple[Word, ...]
    log_odds: float
    fake_probability: float
    label: str
    familiar: float
    base: float | None
    passes: int
    questions: tuple[tuple[str, float], ...] = ()

    @property
    def weights(self) -> list[tuple[str, float]]:
        """Each word as it stands in the text, with its weight."""
        return [(self.text[word.start : word.end], word.weight) for word in self.words]

    @property
    def text_sha256(self) -> str:
        """Of the text, which the offsets belong to."""
        return text_sha256(self.text)

    def as_json(self) -> dict[str, Any]:
        """Everything in plain values, words as `[start, end, weight]`."""
        return {
            "text": self.text,
            "text_sha256": self.text_sha256,
            "fake_probability": self.fake_probability,
            "label": self.label,
            "familiar": None if np.isnan(self.familiar) else self.familiar,
            "log_odds": round(self.log_odds, DIGITS),
            "base": None if self.base is None else round(self.base, DIGITS),
            "passes": self.passes,
            "words": as_triples(self.words),
            "questions": [[question, round(change, DIGITS)] for question, change in self.questions],
        }


def text_sha256(text: str) -> str:
    """Of a prepared text."""
    return hashlib.sha256(text.encode()).hexdigest()


def as_triples(words: Sequence[Word]) -> list[tuple[int, int, float]]:
    """The words as `(start, end, weight)`."""
    return [(word.start, word.end, round(word.weight, DIGITS)) for word in words]


def explain(
    classifier: "Classifier", prepared: Prepared, most_parts: int = MOST_PARTS
) -> Iterator[tuple[int, Explanation]]:
    """Row and explanation of each of the texts that `prepared` holds, in their order.

    Args:
        classifier: The loaded artifact.
        prepared: The texts.
        most_parts: Parts that a text is cut into where words are left out, at most; that many passes it costs.

    Raises:
        UsageError: `most_parts` is below 2.
    """
    if most_parts < 2:
        raise UsageError(f"most_parts must be 2 or more, not {most_parts}: a text is compared with what is left of it")
    familiar = classifier.familiar(prepared)
    rows = iter(prepared.rows.tolist())
    for texts in _in_memory(prepared.texts, 1 if _is_sum(classifier) else most_parts + 1):
        for (text, words, score, base), row in zip(_weighed(classifier, texts, most_parts), rows, strict=False):
            log_odds, probability = _said(classifier, score)
            found = Explanation(
                text=text,
                words=tuple(words),
                log_odds=log_odds,
                fake_probability=probability,
                label=str(classifier.labels(np.array([probability]))[0]),
                familiar=float(familiar[row]),
                base=base,
                passes=1 if base is not None or len(words) == 1 else len(words) + 1,
                questions=_questions(classifier, text),
            )
            yield row, found


Weighed = tuple[str, list[Word], float, float | None]
"""A text, its words, its score, and what it says of no word."""


def _weighed(classifier: "Classifier", texts: list[str], most_parts: int) -> Iterator[Weighed]:
    return _by_parts(classifier, texts) if _is_sum(classifier) else _by_leaving_out(classifier, texts, most_parts)


def _is_sum(classifier: "Classifier") -> bool:
    return isinstance(classifier.model, Additive)


def _by_parts(classifier: "Classifier", texts: list[str]) -> Iterator[Weighed]:
    """The model's own weights, in log-odds: of a word, with the blanks that follow it.

    A calibration that is no line bends them: they keep their shares of what the text moves the log-odds by.
    """
    model: Any = classifier.model
    for text in texts:
        intercept, parts = model.text_parts(text)
        score = intercept + float(parts.sum())
        base, whole = (_said(classifier, each)[0] for each in (intercept, score))
        slope = (whole - base) / (score - intercept) if score != intercept else 0.0
        spans = word_spans(text)
        ends = [start for start, _ in spans[1:]]
        added = np.add.reduceat(parts, [0, *ends]) * slope
        yield text, _as_words(spans, added), score, base


def _by_leaving_out(classifier: "Classifier", texts: list[str], most_parts: int) -> Iterator[Weighed]:
    """What the log-odds lose by each part's being left out: all texts and what is left of them, scored in one call."""
    model: Any = classifier.model
    parts = [[(part[0][0], part[-1][1]) for part in in_parts(word_spans(text), most_parts)] for text in texts]
    left = [
        [normalise(without(text, start, end)) for start, end in own] if len(own) > 1 else []
        for text, own in zip(texts, parts, strict=True)
    ]
    scores = model.scores(classifier.read([*texts, *(each for own in left for each in own)]))
    # Confident reviews lie where an isotonic calibration is level: by it no word of theirs would weigh anything.
    log_odds, at = classifier.info.calibration.even_log_odds(scores), len(texts)
    for number, (text, own) in enumerate(zip(texts, parts, strict=True)):
        # Of the only part of a text nothing is left that could be scored: all that is said comes of it.
        only = len(own) == 1
        lost = classifier.info.log_odds(scores[[number]]) if only else log_odds[number] - log_odds[at : at + len(own)]
        at += len(own) if len(own) > 1 else 0
        yield text, _as_words(own, lost), float(scores[number]), None


def _as_words(spans: Sequence[Span], weights: NDArray[np.float64]) -> list[Word]:
    return [Word(start, end, weight) for (start, end), weight in zip(spans, weights.tolist(), strict=True)]


def _said(classifier: "Classifier", score: float) -> tuple[float, float]:
    """Log-odds and probability of a score."""
    scores = np.array([score])
    return float(classifier.info.log_odds(scores)[0]), float(classifier.info.fake_probability(scores)[0])


def _questions(classifier: "Classifier", text: str) -> tuple[tuple[str, float], ...]:
    """What a model that asks has asked, each question with the change of the log-odds by its answer."""
    if not isinstance(classifier.model, Asking):
        return ()
    begin, asked = classifier.model.text_path(text)
    log_odds = classifier.info.log_odds(np.array([begin, *(after for _, after in asked)]))
    changes = [log_odds[0], *np.diff(log_odds)]
    return tuple(zip(["before any question", *(said for said, _ in asked)], map(float, changes), strict=True))


def _in_memory(texts: list[str], each: int) -> Iterator[list[str]]:
    """The texts in batches, of which each text needs room for so many."""
    step = max(1, MOST_AT_ONCE // each)
    return (texts[start : start + step] for start in range(0, len(texts), step))
