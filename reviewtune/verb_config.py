"""What the verbs beside `tune` are told: a model each, whose fields are its flags."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from reviewtune.config import DataConfig, OperatingConfig, ReportConfig, ResultsConfig
from reviewtune.settings import Config, ResultsFolder

LONGEST_NAME = 64
LONGEST_REPOSITORY = 96


def _as_name(value: str) -> str:
    name = value.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"give a name of 1 to {LONGEST_NAME} printable letters")
    return name


def _as_repository(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", value) or len(value) > LONGEST_REPOSITORY:
        raise ValueError(f"give owner/name, of letters, digits, `-`, `_` and `.`, {LONGEST_REPOSITORY} at most")
    return value


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

    artifact: ResultsFolder
    """Folder of the artifact, for example results/artifacts/NAME, or s3://BUCKET/results/artifacts/NAME."""
    base_model: str | None = None
    """Where the base model that the artifact was trained on is here: a folder or a hub id; its revision is checked.
    Default: where it was in training."""


class ColumnsConfig(Config):
    """Columns of a file of reviews."""

    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""
    only_scores: bool = False
    """Leave the input's columns out."""
    prefix: str = ""
    """Before the names of the columns that are added, where the input has columns of their names."""


class PredictConfig(ColumnsConfig, OperatingConfig, ArtifactConfig):
    """Label reviews with an artifact: the input's columns, then `fake_probability`, `label` and `familiar`."""

    input: str
    """Reviews: a csv, tsv, jsonl or parquet file, a folder of parquet files, here or in a bucket (s3://, gs://,
    abfs://), or `-` for one review a line on standard input. Of any length: it is read some thousand rows at a time."""
    output: str = "-"
    """Where the rows go: a .csv, .tsv, .jsonl or .parquet file, or `-` for csv on standard output."""
    address: str | None = None
    """Ray cluster to label a long input on, as `ray.init` takes it, or `local` for all cores or GPUs of this machine.
    Default: this process does it."""

    @model_validator(mode="after")
    def _a_cluster_has_files(self) -> Self:
        if self.address is not None and "-" in (self.input, self.output):
            raise ValueError("--address goes with --input FILE and --output FILE: standard input is read here alone")
        return self


class ExplainConfig(ColumnsConfig, OperatingConfig, ArtifactConfig):
    """Say why an artifact calls a review fake or genuine: how much each of its words moves the log-odds of fake."""

    text: str | None = None
    """One review, or `-` for one on standard input."""
    input: str | None = None
    """Reviews in place of `--text`: a csv, tsv, jsonl or parquet file, or `-` for one review a line on standard
    input."""
    output: str | None = None
    """Where rows go, the input's columns and then `fake_probability`, `label`, `familiar`, `for_fake`, `for_genuine`
    and `words`: a .csv, .tsv, .jsonl or .parquet file, or `-` for csv on standard output. Default: they are shown."""
    as_json: bool = Field(False, validation_alias=AliasChoices("as_json", "json"))
    """Print JSON for programs: an object for `--text`, one a row for `--input`."""
    most_parts: int = Field(128, ge=2)
    """Parts of a text that are left out in turn, at most; of a longer text several words go together. Each costs a pass
    of the model, but of TF-IDF, which has weights of its own."""
    top: int = Field(8, ge=1)
    """Words that are listed for fake and for genuine, the strongest ones."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.input is None):
            raise ValueError("give --text with one review, or --input with a file of them")
        if self.output is not None and (self.input is None or self.as_json):
            raise ValueError("--output goes with --input FILE, and without --json: its ending says what is written")
        return self


class ExportConfig(ArtifactConfig):
    """Copy an artifact to a folder of its own, or merge its adapter for other tools, or write it as ONNX."""

    output: Path
    """Folder to write; not there yet, or empty."""
    merge: bool = False
    """Merge a QLoRA adapter into its dequantised base model: a plain transformers folder in float32, with its head, for
    tools that know no adapters."""
    onnx: bool = False
    """Write one ONNX file in place of a copy, from token ids to the fake probability, for onnxruntime: of adapters, and
    of heads on embeddings."""
    int8: bool = False
    """With `--onnx`, hold the weights in eight bits: a quarter of the size, and faster on most CPUs."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.merge and self.onnx:
            raise ValueError("give --merge or --onnx, one of both")
        if self.int8 and not self.onnx:
            raise ValueError("--int8 goes with --onnx")
        return self


class PushConfig(Config):
    """Push an artifact to the Hugging Face Hub: its own files in one commit, and no review or prediction."""

    artifact: ResultsFolder
    """Folder of the artifact, for example results/artifacts/NAME, or s3://BUCKET/results/artifacts/NAME."""
    to: Annotated[str, AfterValidator(_as_repository)]
    """Repository on the hub, as `owner/name`; made where it is not there yet."""
    private: bool = False
    """Make it one that only its owner can read. One that is there and public is refused."""
    revision: str | None = Field(None, pattern=r"^[\w][\w./-]*$")
    """Branch to commit to; made where it is not there yet. Default: main."""
    license: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]*$")
    """The hub's name of the licence that you give it under (apache-2.0, cc-by-nc-4.0, ...), for its model card.
    Default: what the card says, which is `unknown` unless you changed it."""


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


class WatchConfig(Config):
    """Serve a results directory to this machine's browser: its board, and how far its studies are, as they go on.

    `reviewtune watch RESULTS` is `reviewtune watch --results-dir RESULTS`.
    """

    results_dir: ResultsFolder = Path("results")
    """Folder that `tune` was given."""
    port: int = Field(0, ge=0, le=65535)
    """Port on 127.0.0.1. 0 takes a free one."""


class ServeConfig(OperatingConfig, ArtifactConfig):
    """Serve an artifact over HTTP: `POST /predict`, `GET /health`, `/metrics` and `/openapi.json`.

    Where the environment has REVIEWTUNE_TOKEN, requests must bring it, as `Authorization: Bearer TOKEN`.
    """

    host: str = "127.0.0.1"
    """Address to listen on: this machine's own, or 0.0.0.0 for all, which needs a token."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on. 0 takes a free one."""
    without_token: bool = False
    """Let other machines ask without a token."""
    max_batch: int = Field(64, ge=1)
    """Texts of concurrent requests that are scored in one pass, at most."""
    max_body: int = Field(2**20, ge=1)
    """Bytes of a request, at most."""
    replicas: int = Field(1, ge=1)
    """Processes that hold the artifact. More than one are run by Ray Serve, which spreads them over a cluster."""
    gpus_per_replica: float = Field(0, ge=0)
    """GPUs that Ray Serve reserves for each; a fraction shares a card."""
    address: str | None = None
    """Ray cluster for the replicas, as `ray.init` takes it. Default: $RAY_ADDRESS, or a local Ray on this machine."""


class DoctorConfig(Config):
    """Check what works on this machine, and say what to do about what does not."""

    results_dir: ResultsFolder = Path("results")
    """Folder that `tune` would write to."""
