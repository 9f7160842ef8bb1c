"""The `reviewtune` program: a verb, then the flags of that verb's configuration.

This module imports nothing heavy, so that `--help` and a mistyped flag answer at once.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from reviewtune.arguments import parse, repeated
from reviewtune.config import StudyConfig
from reviewtune.errors import ReviewtuneError, UsageError, one_line
from reviewtune.interrupt import INTERRUPTED, say_interrupted, terminated_as_interrupted
from reviewtune.quiet import be_quiet
from reviewtune.settings import Config
from reviewtune.standard_output import blamed, flush, nobody_reads, silence
from reviewtune.verb_config import (
    DoctorConfig,
    EmbedConfig,
    EvaluateConfig,
    ExplainConfig,
    ExportConfig,
    LeaderboardConfig,
    PredictConfig,
    PushConfig,
    ServeConfig,
    WatchConfig,
)

PRESETS = {"demo": Path(__file__).with_name("demo.toml")}
"""Settings of verbs that bring some, under what the command line says."""

SYNONYMS = {
    "train": "tune", "fit": "tune", "search": "tune", "run": "tune", "encode": "embed", "score": "evaluate",
    "test": "evaluate", "rank": "leaderboard", "board": "leaderboard", "label": "predict", "classify": "predict",
    "merge": "export", "upload": "push", "publish": "push", "why": "explain", "interpret": "explain", "check": "doctor",
    "diagnose": "doctor", "example": "demo", "host": "serve", "deploy": "serve", "api": "serve",
    "live": "watch", "show": "watch",
}  # fmt: skip
"""What other programs call the verbs."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; its exit status: 0, 1 (failed), 2 (usage) or 130 (interrupted)."""
    words = list(sys.argv[1:] if args is None else args)
    return run(words[0] if words else "", words[1:])


def run(verb: str, args: Sequence[str], *, preset: Path | None = None, prog: str | None = None) -> int:
    """Run one verb. This is the program's edge: whatever fails becomes one line on standard error.

    Args:
        verb: One of `VERBS`, or of the words that need none.
        args: The words after it.
        preset: A job's own settings, under what `args` say.
        prog: What the help calls the program. Default: `reviewtune VERB`.
    """
    be_quiet()
    settings: Config | None = None
    try:
        if verb in ANSWERS:
            status = ANSWERS[verb]()
        else:
            with terminated_as_interrupted():
                settings = _settings(verb, args, preset, prog)
                status = VERBS[verb].action(settings) or 0
        flush()
    except KeyboardInterrupt:
        say_interrupted()
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - nothing goes further
        return _fail(error, [verb, *args], getattr(settings, "results_dir", None))
    return status


def run_job(verb: str, preset: Path | None = None) -> int:
    """Run a verb with the words of this script's command line: what each file in jobs/ calls."""
    return run(verb, sys.argv[1:], preset=preset, prog=f"python {sys.argv[0]}")


def flagged(verb: str, args: Sequence[str]) -> Sequence[str]:
    """A verb's words, with the flag before a first one that needs none."""
    bare = VERBS[verb].bare
    return [bare, *args] if bare and args and not args[0].startswith("-") else args


def _settings(verb: str, args: Sequence[str], preset: Path | None, prog: str | None) -> Config:
    """The verb's settings, of which a first look finds nothing wrong."""
    if verb not in VERBS:
        meant = SYNONYMS.get(verb) or next(iter(get_close_matches(verb, [*VERBS, *SYNONYMS], n=1)), "")
        meant = f"did you mean {SYNONYMS.get(meant, meant)}? " if meant else ""
        raise UsageError(f"unknown verb {repeated(verb)}: {meant}the verbs are {', '.join(VERBS)}")
    settings = parse(
        VERBS[verb].config,
        flagged(verb, args),
        prog=prog or f"reviewtune {verb}",
        preset=preset or PRESETS.get(verb),
        example=VERBS[verb].example,
    )
    from reviewtune.first_look import look

    look(settings)
    return settings


def _fail(error: Exception, words: Sequence[str], results_dir: Path | None) -> int:
    """Say what went wrong; the exit status."""
    if isinstance(error, BrokenPipeError) and nobody_reads():  # as after `head`
        silence()
        return 1
    # What a Ray task raised comes as an error of its kind whose text is a traceback, and whose cause is the error.
    ours = blamed(getattr(error, "cause", None) or error)
    if isinstance(ours, ReviewtuneError):
        line, status = str(ours), ours.exit_status
    else:
        from reviewtune.unforeseen import line_for

        line, status = line_for(error, words, results_dir), 1
    with suppress(OSError):
        print(f"reviewtune: {one_line(line)}", file=sys.stderr)
    return status


def usage() -> str:
    """The verbs, a line each."""
    verbs = "\n".join(f"  {name:12} {verb.line}" for name, verb in VERBS.items())
    return (
        "usage: reviewtune VERB [--flags]\n\n"
        "Tune fake-review classifiers and rank them on one leaderboard.\n\n"
        f"{verbs}\n\n"
        "`reviewtune VERB --help` lists the flags of a verb."
    )


def _help() -> int:
    print(usage())
    return 0


def _no_verb() -> int:
    print(usage())
    return UsageError.exit_status


def _version() -> int:
    from importlib.metadata import version

    print(f"reviewtune {version('reviewtune')}")
    return 0


ANSWERS: dict[str, Callable[[], int]] = {
    "": _no_verb,
    "-h": _help,
    "--help": _help,
    "help": _help,
    "--version": _version,
}
"""The words that stand in a verb's place."""


def _tune(config: StudyConfig) -> int:
    from reviewtune.commands import tune_and_show

    return tune_and_show(config)


def _embed(config: EmbedConfig) -> int:
    from reviewtune.commands import embed_and_show

    return embed_and_show(config)


def _evaluate(config: EvaluateConfig) -> int:
    from reviewtune.scoring import evaluate_and_show

    return evaluate_and_show(config)


def _leaderboard(config: LeaderboardConfig) -> int:
    from reviewtune.commands import rank_and_show

    return rank_and_show(config)


def _predict(config: PredictConfig) -> int:
    from reviewtune.labelling import predict_rows

    return predict_rows(config)


def _explain(config: ExplainConfig) -> int:
    from reviewtune.explaining import explain_and_show

    return explain_and_show(config)


def _export(config: ExportConfig) -> int:
    from reviewtune.export import export_and_show

    return export_and_show(config)


def _push(config: PushConfig) -> int:
    from reviewtune.push import push_and_show

    return push_and_show(config)


def _watch(config: WatchConfig) -> int:
    from reviewtune.watch.server import watch

    return watch(config)


def _serve(config: ServeConfig) -> int:
    from reviewtune.serving.server import serve

    return serve(config)


def _doctor(config: DoctorConfig) -> int:
    from reviewtune.doctor import examine

    return examine(config.results_dir)


class Verb(NamedTuple):
    """What the program can do.

    Attributes:
        config: What it is told: the fields are the flags.
        action: Does it; its exit status.
        line: What it is, for the usage.
        example: Flags, for its help.
        bare: The flag that a first word without one is of, if any.
    """

    config: type[Config]
    action: Callable[[Any], int]
    line: str
    example: str | None = None
    bare: str | None = None


VERBS = {
    "demo": Verb(StudyConfig, _tune, "tune six families on the embedded sample corpus, in minutes"),
    "tune": Verb(
        StudyConfig, _tune, "tune families on your reviews and rank them", "--data reviews.csv --fake-label CG"
    ),
    "embed": Verb(EmbedConfig, _embed, "embed reviews once, into the store", "--data reviews.csv --fake-label CG"),
    "evaluate": Verb(
        EvaluateConfig,
        _evaluate,
        "score an artifact on labelled reviews",
        "--artifact results/artifacts/NAME --data other.csv",
    ),
    "leaderboard": Verb(
        LeaderboardConfig, _leaderboard, "rank a results directory and write it in four forms", "--results-dir results"
    ),
    "watch": Verb(
        WatchConfig,
        _watch,
        "show a results directory in the browser as it grows",
        "--results-dir results",
        bare="--results-dir",
    ),
    "predict": Verb(
        PredictConfig,
        _predict,
        "label reviews with an artifact",
        "--artifact results/artifacts/NAME --input new.csv",
    ),
    "explain": Verb(
        ExplainConfig,
        _explain,
        "say which words of a review speak for fake",
        "--artifact results/artifacts/NAME --text 'Great product'",
    ),
    "serve": Verb(ServeConfig, _serve, "answer requests over HTTP", "--artifact results/artifacts/NAME --port 8000"),
    "export": Verb(
        ExportConfig,
        _export,
        "copy an artifact, or merge its adapter for other tools",
        "--artifact results/artifacts/NAME --output merged --merge",
    ),
    "push": Verb(
        PushConfig,
        _push,
        "push an artifact to the Hugging Face Hub",
        "--artifact results/artifacts/NAME --to owner/name",
    ),
    "doctor": Verb(DoctorConfig, _doctor, "check what works on this machine"),
}
