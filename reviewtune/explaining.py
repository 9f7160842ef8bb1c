"""What `explain` does: the why of one review on the terminal, or of each row of a file in columns beside its own.

Shape letter: `N` rows.
"""

import json
import sys
from collections.abc import Sequence

import pyarrow as pa
from rich.console import Console
from rich.text import Text

from reviewtune.applies import say_if_unlike
from reviewtune.data.sources import read_lines
from reviewtune.data.texts import Prepared, prepare, read_texts
from reviewtune.data.words import in_parts, word_spans
from reviewtune.errors import DataError
from reviewtune.explanation import DIGITS, Explanation
from reviewtune.explanation_view import ExplanationView, Strong, strongest
from reviewtune.families.base import Additive
from reviewtune.outputs import check_output
from reviewtune.predict import Classifier, load
from reviewtune.rows import check_added, ending_of, judged, kept_rows, read_rows, say_what_has_no_text, write_rows
from reviewtune.schema import FAKE_PROBABILITY, FAMILIAR, LABEL
from reviewtune.tables import stored_schema
from reviewtune.verb_config import ExplainConfig

FOR_FAKE, FOR_GENUINE, WORDS = "for_fake", "for_genuine", "words"
COLUMNS = (FAKE_PROBABILITY, LABEL, FAMILIAR, FOR_FAKE, FOR_GENUINE, WORDS)
"""That are added to a file's own. `words` has them all: where each begins and ends in the prepared text, its weight."""
MANY = 20
"""Reviews of which it is said what they cost."""
WORD_TYPE = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("weight", pa.float64())])


def explain_and_show(config: ExplainConfig) -> int:
    """Explain one text, or all of a file, on the terminal, as JSON, or in a file."""
    if config.text is not None:
        return _explain_text(config)
    return _explain_rows(config) if config.output or config.as_json else _show_rows(config)


def _explain_text(config: ExplainConfig) -> int:
    given = str(config.text)
    if given == "-":
        given = "\n".join(read_lines(sys.stdin.buffer.read(), "standard input"))
    prepared = prepare([given])
    if not prepared.texts:
        raise DataError("--text holds no text to explain: give the words of a review, or - for standard input")
    classifier = _load(config)
    found = _first(classifier.explain(prepared, config.most_parts))
    if config.as_json:
        print(json.dumps({**found.as_json(), "threshold": classifier.info.threshold, "family": classifier.info.family}))
        return 0
    Console().print(_explained(found, classifier, config))
    return 0


def _show_rows(config: ExplainConfig) -> int:
    """All rows on the terminal, one after the other."""
    found, name = read_rows(str(config.input), config)
    prepared = prepare(read_texts(found.table, name))
    classifier, console = _load(config), Console()
    _say_cost(classifier, prepared, config)
    for number, row in enumerate(classifier.explain(prepared, config.most_parts), start=1):
        console.rule(Text(f"row {number:,}"), align="left")
        console.print(_explained(row, classifier, config) if row else Text("no text"))
    _say_about(classifier, prepared, found.replaced.get(name, 0), config)
    return 0


def _explain_rows(config: ExplainConfig) -> int:
    """The input's columns, and those of `COLUMNS`, in the input's order; as lines of JSON on standard output."""
    source, output = str(config.input), config.output or "-"
    ending = ".jsonl" if config.as_json else ending_of(output)
    check_output(output, {"--input": source, "--artifact": config.artifact, "--base-model": config.base_model})
    found, name = read_rows(source, config)
    added = [config.prefix + column for column in COLUMNS]
    table = found.table.select([]) if config.only_scores else found.table
    check_added(source, table.column_names, added)
    kept = kept_rows(table, ending, stored_schema(source))
    prepared = prepare(read_texts(found.table, name))
    classifier = _load(config)
    _say_cost(classifier, prepared, config)
    explanations = classifier.explain(prepared, config.most_parts)
    _say_about(classifier, prepared, found.replaced.get(name, 0), config)
    columns = [*judged(classifier, prepared), *_told(explanations, config, ending)]
    for column, values in zip(added, columns, strict=True):
        kept = kept.append_column(column, values)
    write_rows(kept, output, ending)
    return 0


def _told(explanations: Sequence[Explanation | None], config: ExplainConfig, ending: str) -> list[pa.Array]:
    """(N,) the strongest words for either side, to be read, and all words, for programs; null without a text."""
    sides = [strongest(each, config.top) if each else None for each in explanations]
    words = [
        each and [{"start": word.start, "end": word.end, "weight": round(word.weight, DIGITS)} for word in each.words]
        for each in explanations
    ]
    nested: pa.Array = pa.array(words, pa.list_(WORD_TYPE))
    if ending in (".csv", ".tsv"):
        nested = pa.array([each and json.dumps([list(word.values()) for word in each]) for each in words], pa.string())
    return [pa.array([side and _listed(side[which]) for side in sides], pa.string()) for which in (0, 1)] + [nested]


def _listed(side: Sequence[Strong]) -> str:
    """`1.20 great; 0.31 love`: a number first, so that no table reads a cell as a formula."""
    return "; ".join(f"{abs(each.weight):.2f} {each.shown}" for each in side)


def _load(config: ExplainConfig) -> Classifier:
    return load(config.artifact, config.base_model, max_fpr=config.max_fpr, prevalence=config.prevalence)


def _say_cost(classifier: Classifier, prepared: Prepared, config: ExplainConfig) -> None:
    """Say what is to be waited for, where words are left out of many texts."""
    if len(prepared.texts) < MANY or isinstance(classifier.model, Additive):
        return
    passes = [len(in_parts(word_spans(text), config.most_parts)) + 1 for text in prepared.texts]
    line = f"{len(passes):,} reviews by leaving out words: {sum(passes):,} passes of {classifier.info.family}"
    print(f"{line}; fewer by --most-parts", file=sys.stderr)


def _say_about(classifier: Classifier, prepared: Prepared, repaired: int, config: ExplainConfig) -> None:
    say_what_has_no_text(prepared.total, prepared.missing, prepared.repaired + repaired)
    say_if_unlike(classifier, prepared, config.artifact)


def _explained(found: Explanation, classifier: Classifier, config: ExplainConfig) -> ExplanationView:
    return ExplanationView(found, classifier.info.threshold, classifier.info.family, config.top)


def _first(explanations: Sequence[Explanation | None]) -> Explanation:
    (found,) = explanations
    assert found is not None
    return found
