"""The `reviewtune` program: a verb, then the flags of that verb's configuration.

This module imports nothing heavy, so that `--help` and a mistyped flag answer at once.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reviewtune.config import (
    Config,
    DoctorConfig,
    EmbedConfig,
    EvaluateConfig,
    ExportConfig,
    LeaderboardConfig,
    PredictConfig,
    StudyConfig,
    parse,
)
from reviewtune.errors import ReviewtuneError, UsageError
from reviewtune.interrupt import INTERRUPTED, say_interrupted, terminated_as_interrupted
from reviewtune.quiet import be_quiet

PRESETS = {"demo": Path(__file__).with_name("demo.toml")}
"""Settings of verbs that bring some, under what the command line says."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; its exit status: 0, 1 (failed), 2 (usage) or 130 (interrupted)."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        status = _answer(words) if not words or words[0].startswith("-") else run(words[0], words[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone, as `head` does; the interpreter would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _answer(words: list[str]) -> int:
    """What needs no verb: the usage and the version."""
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else UsageError.exit_status
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"reviewtune {version('reviewtune')}")
        return 0
    return run(words[0], words[1:])


def run(verb: str, args: Sequence[str], *, preset: Path | None = None) -> int:
    """Run one verb; every failure that a user can mend becomes one line on standard error.

    Args:
        verb: One of `VERBS`.
        args: The words after it.
        preset: A job's own settings, under what `args` say.
    """
    be_quiet()
    try:
        if verb not in VERBS:
            raise UsageError(f"unknown verb {verb!r}: the verbs are {', '.join(VERBS)}")
        config, action, _ = VERBS[verb]
        settings = parse(config, args, prog=f"reviewtune {verb}", preset=preset or PRESETS.get(verb))
        with terminated_as_interrupted():
            return action(settings) or 0
    except ReviewtuneError as error:
        print(f"reviewtune: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        say_interrupted()
        return INTERRUPTED


def run_job(verb: str, preset: Path | None = None) -> int:
    """Run a verb with the words of this script's command line: what each file in jobs/ calls."""
    return run(verb, sys.argv[1:], preset=preset)


def usage() -> str:
    """The verbs, a line each."""
    verbs = "\n".join(f"  {verb:12} {help_line}" for verb, (_, _, help_line) in VERBS.items())
    return (
        "usage: reviewtune VERB [--flags]\n\n"
        "Tune fake-review classifiers and rank them on one leaderboard.\n\n"
        f"{verbs}\n\n"
        "`reviewtune VERB --help` lists the flags of a verb."
    )


def _tune(config: StudyConfig) -> int:
    from reviewtune.commands import tune_and_show

    return tune_and_show(config)


def _embed(config: EmbedConfig) -> int:
    from reviewtune.commands import embed_and_show

    return embed_and_show(config)


def _evaluate(config: EvaluateConfig) -> int:
    from reviewtune.commands import evaluate_and_show

    return evaluate_and_show(config)


def _leaderboard(config: LeaderboardConfig) -> int:
    from reviewtune.commands import rank_and_show

    return rank_and_show(config)


def _predict(config: PredictConfig) -> int:
    from reviewtune.commands import predict_rows

    return predict_rows(config)


def _export(config: ExportConfig) -> int:
    from reviewtune.export import export_artifact

    export_artifact(config.artifact, config.output, merge=config.merge)
    print(f"{config.output} is complete: its README.md says how to load it")
    return 0


def _doctor(config: DoctorConfig) -> int:
    from reviewtune.doctor import examine

    return examine(config.results_dir)


VERBS: dict[str, tuple[type[Config], Callable[[Any], int], str]] = {
    "demo": (StudyConfig, _tune, "tune five families on the embedded sample corpus, in minutes"),
    "tune": (StudyConfig, _tune, "tune families on your reviews and rank them"),
    "embed": (EmbedConfig, _embed, "embed reviews once, into the store"),
    "evaluate": (EvaluateConfig, _evaluate, "score an artifact on labelled reviews"),
    "leaderboard": (LeaderboardConfig, _leaderboard, "rank a results directory and write it in four forms"),
    "predict": (PredictConfig, _predict, "label reviews with an artifact"),
    "export": (ExportConfig, _export, "copy an artifact, or merge its adapter for other tools"),
    "doctor": (DoctorConfig, _doctor, "check what works on this machine"),
}
