"""What each verb does, and what it prints."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from reviewtune.artifact import read_info
from reviewtune.config import EmbedConfig, EvaluateConfig, LeaderboardConfig, PredictConfig, StudyConfig
from reviewtune.data.reviews import load_reviews, load_texts
from reviewtune.data.sources import read_lines
from reviewtune.data.texts import normalise
from reviewtune.data.watching import watched
from reviewtune.errors import ArtifactError, DataError, UsageError, one_line
from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.significance import f1_interval
from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.terminal import board_table
from reviewtune.schema import FAKE, FAKE_PROBABILITY, LABEL, TEXT

OUTPUT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


def tune_and_show(config: StudyConfig) -> int:
    """Run a study, or with `--dry-run` describe it, and print the leaderboard."""
    from reviewtune.tuning.plan import describe, resolve_study
    from reviewtune.tuning.progress import say
    from reviewtune.tuning.session import ray_session
    from reviewtune.tuning.study import tune

    console = Console(stderr=True)
    if config.dry_run and config.continue_entry:
        from reviewtune.tuning.continuable import find_continuation

        console.print(find_continuation(config).line(), highlight=False, markup=False)
        return 0
    if config.dry_run:
        from reviewtune.tuning.dry_run import describe_cost

        study = resolve_study(config)
        tell = partial(say, console)
        describe(study, tell)
        with ray_session(config.address, console) as cluster:
            describe_cost(study, cluster, tell)
        return 0
    try:
        board = tune(config, console)
    except KeyboardInterrupt:
        if config.results_dir.is_dir():
            export(collect(config.results_dir), config.results_dir)
        raise
    _show(board, config.results_dir)
    return 0


def rank_and_show(config: LeaderboardConfig) -> int:
    """Rank what is there and print it."""
    board = collect(config.results_dir)
    if not any(config.results_dir.glob("studies/*/*")):
        raise ArtifactError(
            f"{config.results_dir} holds no study (there is no studies/*/*/entry.json in it): run one first, or give "
            "its --results-dir"
        )
    export(board, config.results_dir)
    _show(board, config.results_dir)
    return 0


def embed_and_show(config: EmbedConfig) -> int:
    """Embed the reviews and say where the vectors are."""
    from reviewtune.encoders.registry import resolve_encoder
    from reviewtune.tuning.inputs import embedding_folder, prepare_inputs
    from reviewtune.tuning.progress import say
    from reviewtune.tuning.session import ray_session
    from reviewtune.tuning.waiting import Pace, showing

    console = Console(stderr=True)
    encoder = resolve_encoder(config.base_model)
    config = config.model_copy(update={"results_dir": config.results_dir.expanduser().resolve()})
    inputs, pace = prepare_inputs(config, encoder), Pace()
    with (
        ray_session(config.address, console),
        showing(console, "the encoder is loaded") as show,
        watched(lambda *count: show(pace.line(*count))),
    ):
        shape = inputs.embeddings.shape
    folder = embedding_folder(inputs.store, encoder)
    say(
        console,
        f"{shape[0]:,} reviews x {shape[1]} values by {encoder.title}, "
        f"{inputs.made['embeddings']:,} encoded now: {folder.path}",
    )
    return 0


def evaluate_and_show(config: EvaluateConfig) -> int:
    """Score an artifact on labelled reviews, all of them, and print the scores."""
    from reviewtune.predict import load

    if config.output:
        _check_folder(config.output)
    info = read_info(config.artifact)
    reviews = load_reviews(
        config.data, text_column=config.text_column, label_column=config.label_column, fake_label=config.fake_label
    )
    classifier = load(config.artifact)
    fake = reviews.table[FAKE].to_numpy(zero_copy_only=False)
    probability = classifier.fake_probability(reviews.table[TEXT].to_pylist())
    predicted = probability > info.threshold
    low, high = f1_interval(fake, predicted)
    measured = {
        **classification_scores(fake, probability, predicted),
        "f1_low": low,
        "f1_high": high,
    }
    console = Console()
    same = ", the data it was trained on: these scores flatter it" if reviews.sha256 == info.data_sha256 else ""
    console.print(f"{config.artifact.name} on {len(fake):,} reviews of {reviews.name}{same}", highlight=False)
    for name, value in measured.items():
        console.print(
            f"  {name:18} {value:.4f}" if isinstance(value, float) else f"  {name:18} {value}", highlight=False
        )
    if config.output:
        with _writing(config.output):
            config.output.write_text(json.dumps(measured, indent=1) + "\n")
    return 0


def predict_rows(config: PredictConfig) -> int:
    """Write fake_probability and label of each review, in the input's order."""
    from reviewtune.predict import load

    if config.output != "-":
        _check_output(Path(config.output))
    if config.input == "-":
        texts = [normalise(line) for line in read_lines(sys.stdin.buffer.read(), "standard input")]
    else:
        texts = load_texts(config.input, config.text_column)[TEXT].to_pylist()
    if not texts:
        raise DataError(f"--input {config.input} holds no review")
    classifier = load(config.artifact)
    probability = classifier.fake_probability(texts)
    labels = ["fake" if value > classifier.info.threshold else "genuine" for value in probability]
    with _writing(Path(config.output)):
        _write(pa.table({FAKE_PROBABILITY: probability, LABEL: labels}), config.output)
    return 0


def _check_output(path: Path) -> None:
    """Refuse, before the work is done, a file that could not be written."""
    if path.suffix not in OUTPUT_SUFFIXES:
        raise UsageError(f"--output {path}: the file's ending must be one of {', '.join(OUTPUT_SUFFIXES)}, or give -")
    _check_folder(path)


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"--output {path}: there is no folder {path.parent}: make it, or give another file")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise UsageError(f"--output {path} cannot be written ({reason}): give another file") from None


def _write(table: pa.Table, output: str) -> None:
    from pyarrow import csv, parquet

    path = Path(output)
    if output == "-":
        csv.write_csv(table, sys.stdout.buffer)
    elif path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        csv.write_csv(table, path, csv.WriteOptions(delimiter="\t" if path.suffix == ".tsv" else ","))


def _show(board: Board, results_dir: Path) -> None:
    console = Console()
    console.print(board_table(board))
    lines = [f"leaderboard.json, .csv, .md and .html are in {results_dir}"]
    if best := _best(board, results_dir):
        command = [*_program(), "predict", "--artifact", str(best), "--input", "new.csv", "--output", "labelled.csv"]
        lines += [f"The best on {board.groups[0].data} is {best}; to label reviews with it:", shlex.join(command)]
    for line in lines:
        console.print(one_line(line), highlight=False, markup=False, soft_wrap=True)


def _best(board: Board, results_dir: Path) -> Path | None:
    """The folder of the first entry on the newest board that has one."""
    entries = board.groups[0].entries if board.groups else ()
    folders = [results_dir / entry.artifact for entry in entries if entry.artifact and entry.test]
    return next((folder for folder in folders if folder.is_dir()), None)


def _program() -> list[str]:
    """How this program is called from this folder: by its name, or by its path where the shell would not find it."""
    called = Path(sys.argv[0])
    if called.parts[-2:] == ("reviewtune", "__main__.py"):
        return ["python", "-m", "reviewtune"]
    return [str(called)] if called.name == "reviewtune" and not shutil.which("reviewtune") else ["reviewtune"]
