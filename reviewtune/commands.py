"""What each verb of a study does, and what it prints."""

import shlex
import shutil
import sys
from functools import partial
from pathlib import Path

from rich.console import Console

from reviewtune.config import StudyConfig
from reviewtune.data.watching import watched
from reviewtune.errors import ArtifactError, one_line
from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.entry import ERRORS_FILE, FIGURES_FOLDER, LABEL_ISSUES_FILE, Entry, entry_path
from reviewtune.leaderboard.export import export
from reviewtune.leaderboard.terminal import board_table
from reviewtune.storage.place import shown
from reviewtune.tracebacks import reason_of
from reviewtune.verb_config import EmbedConfig, LeaderboardConfig


def tune_and_show(config: StudyConfig) -> int:
    """Run a study, or with `--dry-run` describe it, and print the leaderboard."""
    from reviewtune.tuning.description import describe
    from reviewtune.tuning.plan import resolve_study
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
            export(collect(config.results_dir), config.results_dir, with_texts=config.with_texts)
        raise
    _show(board, config.results_dir, config.figures)
    _draw(board, config.results_dir, config.figures)
    return 0


def rank_and_show(config: LeaderboardConfig) -> int:
    """Rank what is there and print it."""
    board = collect(config.results_dir)
    if not any(config.results_dir.glob("studies/*/*")):
        raise ArtifactError(
            f"{config.results_dir} holds no study (there is no studies/*/*/entry.json in it): run one first, or give "
            "its --results-dir"
        )
    export(board, config.results_dir, with_texts=config.with_texts)
    _show(board, config.results_dir, config.figures)
    _draw(board, config.results_dir, config.figures)
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


def _draw(board: Board, results_dir: Path, entries: int) -> None:
    """Draw figures for papers, by matplotlib, which is loaded for it and not before; results stand without them."""
    from reviewtune.leaderboard.figures.write import write_figures

    try:
        write_figures(board, results_dir, entries=entries)
    except Exception as error:  # noqa: BLE001 - of numbers and names that matplotlib does not draw, too
        line = str(error) if isinstance(error, ArtifactError) else f"figures are not drawn: {reason_of(error)}"
        Console(stderr=True).print(one_line(line), highlight=False, markup=False, soft_wrap=True)


def _show(board: Board, results_dir: Path, figures: int) -> None:
    console = Console()
    console.print(board_table(board))
    has_figures = figures and any(entry.test for entry in board.entries)
    drawn = f", figures in {results_dir / FIGURES_FOLDER}" if has_figures else ""
    lines = [f"leaderboard.json, .csv, .md and .html are in {results_dir}{drawn}"]
    if best := _best(board, results_dir):
        artifact = results_dir / str(best.artifact)
        files = ["--artifact", shown(artifact), "--input", "new.csv", "--output", "labelled.csv"]
        lines += [f"The best on {board.groups[0].data} is {artifact}; to label reviews with it:"]
        lines += [shlex.join([*_program(), "predict", *files])]
        beside = entry_path(results_dir, best.study_id, best.family)
        if beside.with_name(ERRORS_FILE).is_file():
            lines.append(
                f"Its worst errors and labels that may be wrong: {ERRORS_FILE}, {LABEL_ISSUES_FILE} in {beside.parent}"
            )
    for line in lines:
        console.print(one_line(line), highlight=False, markup=False, soft_wrap=True)


def _best(board: Board, results_dir: Path) -> Entry | None:
    """The first entry on the newest board whose artifact is there."""
    entries = board.groups[0].entries if board.groups else ()
    scored = [entry for entry in entries if entry.artifact and entry.test]
    return next((entry for entry in scored if (results_dir / str(entry.artifact)).is_dir()), None)


def _program() -> list[str]:
    """How this program is called from this folder: by its name, or by its path where the shell would not find it."""
    called = Path(sys.argv[0])
    if called.parts[-2:] == ("reviewtune", "__main__.py"):
        return ["python", "-m", "reviewtune"]
    return [str(called)] if called.name == "reviewtune" and not shutil.which("reviewtune") else ["reviewtune"]
