"""What `predict` does: its input's rows as they were, each with a fake probability, a label, how familiar it is."""

from reviewtune.applies import say_if_unlike
from reviewtune.data.texts import prepare, read_texts
from reviewtune.outputs import check_output
from reviewtune.predict import load
from reviewtune.rows import ending_of, judged, kept_rows, read_rows, say_what_has_no_text, write_rows
from reviewtune.schema import FAKE_PROBABILITY, FAMILIAR, LABEL
from reviewtune.verb_config import PredictConfig


def predict_rows(config: PredictConfig) -> int:
    """Write the input's columns, and fake_probability, label and familiar of each review, in the input's order."""
    ending = ending_of(config.output)
    check_output(
        config.output, {"--input": config.input, "--artifact": config.artifact, "--base-model": config.base_model}
    )
    found, name = read_rows(config.input, config)
    added = [config.prefix + column for column in (FAKE_PROBABILITY, LABEL, FAMILIAR)]
    kept = kept_rows(config.input, found.table, added, config, ending)
    prepared = prepare(read_texts(found.table, name))
    # Only now, so that what is wrong with the input is said before a model is loaded.
    classifier = load(config.artifact, config.base_model, max_fpr=config.max_fpr, prevalence=config.prevalence)
    columns = judged(classifier, prepared)
    say_what_has_no_text(prepared, found.replaced.get(name, 0))
    say_if_unlike(classifier, prepared, config.artifact)
    for column, values in zip(added, columns, strict=True):
        kept = kept.append_column(column, values)
    write_rows(kept, config.output, ending)
    return 0
