"""What a study is told, once: the command line, the presets and the Python call all fill this one model."""

import tomllib
from argparse import HelpFormatter
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn, Self, TypeVar, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import CliApp, CliSettingsSource
from pydantic_settings.exceptions import SettingsError

from reviewtune.errors import UsageError


class Config(BaseModel):
    """Base of what the command line can fill: frozen, unknown keys refused, each field documented under it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataConfig(Config):
    """Where the reviews come from and what their columns mean."""

    data: str = "sample"
    """The labelled reviews: a csv, tsv, jsonl or parquet file, a folder of parquet, `hub:owner/name[@revision]`, or
    `sample`, the embedded demonstration corpus."""
    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""
    label_column: str | None = None
    """Column of the label. Default: found by its usual names."""
    fake_label: str | None = None
    """The label value that means fake. Needed unless the labels say it themselves (CG/OR, fake/real, ...)."""
    group_column: str | None = None
    """Column (a product, a reviewer) whose rows must stay in one split."""
    results_dir: Path = Path("results")
    """Folder for everything that is kept: the store, studies, artifacts and the leaderboard."""
    seed: int = 42
    """Seeds the split, the sampler and every fit."""
    validation_size: float = Field(0.08, gt=0, lt=1)
    """Share of the reviews that chooses among trials."""
    test_size: float = Field(0.20, gt=0, lt=1)
    """Share of the reviews that scores the selected trials."""
    duplicate_threshold: float = Field(0.5, gt=0, le=1)
    """Word 3-gram Jaccard similarity from which two reviews are near-duplicates and stay in one split."""

    @model_validator(mode="after")
    def _some_rows_train(self) -> Self:
        if self.validation_size + self.test_size >= 1:
            raise ValueError("validation_size + test_size must leave rows to train on: their sum must be below 1")
        return self


class StudyConfig(DataConfig):
    """A study: which families are tuned on which reviews, by how many trials, and on what."""

    families: list[str] = ["tfidf", "logreg", "svm", "mlp", "qlora", "ensemble"]
    """Kinds of model to tune, comma-separated: tfidf, logreg, svm, mlp, qlora; and ensemble, which weighs those that
    the study has by then on the validation split and trains nothing."""
    base_model: str = "minilm"
    """The encoder: a known name, a hub id `owner/name[@revision]`, or a local folder in the hub's layout."""
    quantisation: Literal["auto", "nf4", "int8", "none"] = "nf4"
    """How the frozen base model is held for QLoRA: NF4 with double quantisation, LLM.int8(), as it is stored, or
    `auto`: as it is stored where this machine's GPU has room for it several times over, otherwise NF4."""
    num_trials: int = Field(16, ge=1)
    """Trials a family. The first is always the family's default configuration."""
    space: dict[str, dict[str, Any]] = {}
    """Overrides of the search spaces, by family: a value fixes a param, a list is a choice,
    {"low": a, "high": b, "log": true} a range. As JSON: '{"qlora": {"epochs": 3, "rank": [8, 16]}}'."""
    study: str | None = None
    """Name of the study. Default: made from the data and the configuration, so that the same command resumes it."""
    executor: Literal["packed", "ddp"] = "packed"
    """How QLoRA trials train: `packed`, many at once over one base model in a long-lived worker a GPU (or CPU), or
    `ddp`, each by a Ray Train TorchTrainer of its own."""
    slots: int | None = Field(None, ge=1)
    """QLoRA trials that a packed worker trains at once, at most. Default: enough for half of `num_trials`, up to 32 on
    a GPU and 2 on a CPU; fewer where memory is short."""
    workers_per_trial: int = Field(1, ge=1)
    """Workers (GPUs, where there are any) that train one QLoRA trial together under `--executor ddp`."""
    evaluations_per_epoch: int = Field(1, ge=1)
    """Times that a QLoRA trial is scored on the validation split, reported and kept, in each epoch: more give the early
    stopping earlier rungs on large data."""
    cpus_per_trial: float | None = Field(None, gt=0)
    """CPUs that a trial, or a packed worker, reserves. Default: 1."""
    gpus_per_trial: float | None = Field(None, ge=0)
    """GPUs that each worker of QLoRA trials reserves; a fraction shares a card. Default: 1 where Ray has GPUs."""
    max_concurrent_trials: int | None = Field(None, ge=1)
    """Most trials at a time. Default: as many as the resources hold."""
    time_budget_s: float | None = Field(None, gt=0)
    """Seconds after which a family starts no further trials and ends those that run. Default: no limit."""
    keep_trials: int = Field(3, ge=1)
    """Trials of a family, the best ones, whose models and training states stay on disk after the search."""
    address: str | None = None
    """Ray cluster to use, as `ray.init` takes it. Default: $RAY_ADDRESS, or a local Ray on this machine."""
    continue_entry: str | None = Field(None, validation_alias=AliasChoices("continue_entry", "continue"))
    """A finished entry, by its name on the board, its artifact's folder or `study/family`: its selected trial goes on
    from where it ended, under its own study's settings. Needs `--epochs`."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the training reviews that the continued trial shall have done in all; only with `--continue`."""
    dry_run: bool = False
    """Print the resolved study, its resources and an estimate of its cost, and stop."""
    preset: Path | None = None
    """TOML file of these settings; what the command line says wins over it."""

    @model_validator(mode="after")
    def _executor_fits(self) -> Self:
        if self.workers_per_trial > 1 and self.executor != "ddp":
            raise ValueError(f"workers_per_trial={self.workers_per_trial} needs executor=ddp")
        if self.slots is not None and self.executor != "packed":
            raise ValueError(f"slots={self.slots} needs executor=packed")
        if not self.families:
            raise ValueError("families is empty: name at least one of tfidf, logreg, svm, mlp, qlora, ensemble")
        return self

    @model_validator(mode="after")
    def _continuation_is_whole(self) -> Self:
        if self.continue_entry and self.epochs is None:
            raise ValueError("--continue needs --epochs: how many the trial shall have done in all")
        if self.epochs is not None and not self.continue_entry:
            raise ValueError(
                f"epochs={self.epochs} goes with --continue ENTRY; a new study searches them: "
                f"""--space '{{"qlora": {{"epochs": {self.epochs}}}}}'"""
            )
        return self


class EmbedConfig(DataConfig):
    """Embed the reviews once, into the store."""

    base_model: str = "minilm"
    """The encoder: a known name, a hub id `owner/name[@revision]`, or a local folder in the hub's layout."""
    address: str | None = None
    """Ray cluster to use, as `ray.init` takes it. Default: $RAY_ADDRESS, or a local Ray on this machine."""
    preset: Path | None = None
    """TOML file of these settings; what the command line says wins over it."""


class PredictConfig(Config):
    """Label reviews with an artifact."""

    artifact: Path
    """Folder of the artifact, for example results/artifacts/NAME."""
    input: str
    """Reviews: a csv, tsv, jsonl or parquet file, or `-` for one review a line on standard input."""
    output: str = "-"
    """Where the rows go: a .csv, .tsv, .jsonl or .parquet file, or `-` for csv on standard output."""
    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""


class ExportConfig(Config):
    """Copy an artifact to a folder of its own, or merge its adapter into the base model for other tools."""

    artifact: Path
    """Folder of the artifact, for example results/artifacts/NAME."""
    output: Path
    """Folder to write; not there yet, or empty."""
    merge: bool = False
    """Merge a QLoRA adapter into its dequantised base model: a plain transformers folder in float32, with its head, for
    tools that know no adapters."""


class EvaluateConfig(Config):
    """Score an artifact on labelled reviews."""

    artifact: Path
    """Folder of the artifact, for example results/artifacts/NAME."""
    data: str
    """The labelled reviews, as `tune --data` takes them."""
    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""
    label_column: str | None = None
    """Column of the label. Default: found by its usual names."""
    fake_label: str | None = None
    """The label value that means fake. Needed unless the labels say it themselves (CG/OR, fake/real, ...)."""
    output: Path | None = None
    """JSON file for the scores, beside the table that is printed."""


class LeaderboardConfig(Config):
    """Rank everything in a results directory and write leaderboard.json, .csv, .md and .html."""

    results_dir: Path = Path("results")
    """Folder that `tune` was given."""


class DoctorConfig(Config):
    """Check what works on this machine, and say what to do about what does not."""

    results_dir: Path = Path("results")
    """Folder that `tune` would write to."""


def read_preset(path: Path) -> dict[str, Any]:
    """The settings in a TOML file.

    Raises:
        UsageError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise UsageError(f"--preset {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--preset {path} is not TOML: {error}") from None


C = TypeVar("C", bound=Config)


def parse(config: type[C], args: Sequence[str], *, prog: str, preset: Path | None = None) -> C:
    """The configuration that a command line gives, over a preset, over the defaults.

    Args:
        config: The model to fill: its fields are the flags.
        args: The words after the verb. `--preset FILE` among them wins over `preset`.
        prog: The program's name in the help.
        preset: TOML file of a job's own settings.

    Raises:
        UsageError: A flag is unknown or a value not valid. (`--help` ends the program, as argparse does.)
    """
    # Any pydantic model will do, whatever the annotation says.
    source: CliSettingsSource[Any] = CliSettingsSource(
        cast("Any", config),
        cli_prog_name=prog,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_shortcuts=None,
        formatter_class=HelpFormatter,
    )
    source.root_parser.error = partial(_refuse, config)
    given = _value_of("--preset", args)
    path = Path(given) if given else preset
    values = {**(read_preset(path) if path else {}), **({"preset": path} if path else {})}
    try:
        return CliApp.run(config, cli_args=list(args), cli_settings_source=source, **values)
    except ValidationError as error:
        raise UsageError(describe(error)) from None
    except SettingsError as error:
        name, _, reason = str(error).removeprefix("Parsing error encountered for ").partition(": ")
        raise UsageError(f"{_flag(name)} cannot be read: {reason[:1].lower()}{reason[1:]}") from None


def _refuse(config: type[Config], message: str) -> NoReturn:
    """What argparse finds wrong, in one line, with the flag that was probably meant."""
    unknown = message.removeprefix("unrecognized arguments: ")
    if unknown == message:
        raise UsageError(message.removeprefix("argument "))
    word = unknown.split()[0]
    flags = [_flag(name) for name in config.model_fields]
    close = get_close_matches(word.partition("=")[0], flags, n=1)
    raise UsageError(f"there is no {word}: {f'did you mean {close[0]}? ' if close else ''}--help lists the flags")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def describe(error: ValidationError) -> str:
    """The first thing wrong in a configuration, as one line."""
    first = error.errors()[0]
    flag = _flag(".".join(str(part) for part in first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    if first["type"] == "missing":
        return f"{flag} is required"
    if first["type"] == "extra_forbidden":
        return f"there is no setting {flag}: see --help"
    return f"{flag}={first['input']}: {message[0].lower()}{message[1:]}"


def _value_of(flag: str, args: Sequence[str]) -> str | None:
    for position, word in enumerate(args):
        if word == flag and position + 1 < len(args):
            return args[position + 1]
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return None
