"""What the verbs beside `tune` are told: a model each, whose fields are its flags."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from reviewtune.config import Config, DataConfig, OperatingConfig, ReportConfig, ResultsConfig, ResultsFolder

LONGEST_NAME = 64


def _as_name(value: str) -> str:
    name = value.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"give a name of 1 to {LONGEST_NAME} printable letters")
    return name


class EmbedConfig(DataConfig):
    """Embed the reviews once, into the store."""

    base_model: str = "minilm"
    """The encoder: a known name, a hub id `owner/name[@revision]`, or a local folder in the hub's layout."""
    address: str | None = None
    """Ray cluster to use, as `ray.init` takes it. Default: $RAY_ADDRESS, or a local Ray on this machine."""
    preset: Path | None = None
    """TOML file of these settings; what the command line says wins over it."""


class ArtifactConfig(Config):
    """Which artifact, and where its base model is by now."""

    artifact: Path
    """Folder of the artifact, for example results/artifacts/NAME."""
    base_model: str | None = None
    """Where the base model that the artifact was trained on is here: a folder or a hub id; its revision is checked.
    Default: where it was in training."""


class PredictConfig(OperatingConfig, ArtifactConfig):
    """Label reviews with an artifact: the input's columns, then `fake_probability`, `label` and `familiar`."""

    input: str
    """Reviews: a csv, tsv, jsonl or parquet file, or `-` for one review a line on standard input."""
    output: str = "-"
    """Where the rows go: a .csv, .tsv, .jsonl or .parquet file, or `-` for csv on standard output."""
    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""
    only_scores: bool = False
    """Leave the input's columns out."""
    prefix: str = ""
    """Before the names of the columns that are added, where the input has columns of their names."""


class ExportConfig(ArtifactConfig):
    """Copy an artifact to a folder of its own, or merge its adapter into the base model for other tools."""

    output: Path
    """Folder to write; not there yet, or empty."""
    merge: bool = False
    """Merge a QLoRA adapter into its dequantised base model: a plain transformers folder in float32, with its head, for
    tools that know no adapters."""


class EvaluateConfig(OperatingConfig, ArtifactConfig):
    """Score an artifact on labelled reviews."""

    data: str
    """The labelled reviews, as `tune --data` takes them."""
    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""
    label_column: str | None = None
    """Column of the label. Default: found by its usual names."""
    fake_label: str | None = None
    """The label value that means fake. Needed unless the labels say it themselves (CG/OR, fake/real, ...)."""
    keep: Annotated[str, AfterValidator(_as_name)] | None = None
    """Name to keep the scores by, in the artifact's folder, its model card and on its board."""
    output: Path | None = None
    """JSON file for the scores, beside the table that is printed."""


class LeaderboardConfig(ReportConfig, ResultsConfig):
    """Rank everything in a results directory and write leaderboard.json, .csv, .md, .html and figures."""


class DoctorConfig(Config):
    """Check what works on this machine, and say what to do about what does not."""

    results_dir: ResultsFolder = Path("results")
    """Folder that `tune` would write to."""
