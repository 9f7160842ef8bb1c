"""What a study is told, once: the command line, the presets and the Python call all fill this one model.

The flags of `--help` are grouped as the fields are here: a class a group, named by the first line of its docstring.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from reviewtune.schema import F1, Objective
from reviewtune.settings import SEPARATOR, Config, ResultsFolder, Several
from reviewtune.space_text import SPACE_FORM, read_space


class ReviewsConfig(Config):
    """The reviews."""

    data: Several = Field(["sample"])
    """The labelled reviews: a csv, tsv, jsonl or parquet file, a folder of parquet, `hub:owner/name[@revision]`, or
    `sample`, the embedded demonstration corpus. Give it several times for several sources, each as `NAME=FILE`, or as
    `NAME=FILE:LABEL` where its labels do not say which of them means fake."""
    source_column: str | None = None
    """Column that says where a review comes from (a platform, a generator, a language, a year). Default: the reviews of
    a file are one source."""
    text_column: str | None = None
    """Column of the review text. Default: found by its usual names."""
    label_column: str | None = None
    """Column of the label. Default: found by its usual names."""
    fake_label: str | None = None
    """The label value that means fake. Needed unless the labels say it themselves (CG/OR, fake/real, ...)."""
    group_column: str | None = None
    """Column (a product, a reviewer) whose rows must stay in one split."""


class SplitConfig(Config):
    """How they are split."""

    seed: int = Field(42, ge=0, lt=2**31)
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


class ResultsConfig(Config):
    """Where the results are."""

    results_dir: ResultsFolder = Path("results")
    """Folder for everything that is kept: the store, studies, artifacts and the leaderboard. `s3://BUCKET/FOLDER`,
    `gs://` or `abfs://` keep it in a bucket, which no node needs another's disk for."""


class DataConfig(ResultsConfig, SplitConfig, ReviewsConfig):
    """Where the reviews come from, what their columns mean, and where what is made of them is kept."""


class ModelsConfig(Config):
    """What is tuned."""

    families: Annotated[list[str], NoDecode] = Field(["tfidf", "rules", "logreg", "svm", "mlp", "qlora", "ensemble"])
    """Kinds of model to tune, comma-separated: tfidf, rules, logreg, svm, mlp, qlora; and ensemble, which weighs
    those that the study has by then on the validation split and trains nothing."""
    base_model: str = "minilm"
    """The encoder: a known name, a hub id `owner/name[@revision]`, or a local folder in the hub's layout."""
    quantisation: Literal["auto", "nf4", "int8", "none"] = "nf4"
    """How the frozen base model is held for QLoRA: NF4 with double quantisation, LLM.int8(), as it is stored, or
    `auto`: as it is stored where this machine's GPU has room for it several times over, otherwise NF4."""
    space: Annotated[dict[str, dict[str, Any]], NoDecode] = Field({})
    """Overrides of the search spaces, by family: a value fixes a param, a list is a choice,
    {"low": a, "high": b, "log": true} a range, as in '{"qlora": {"epochs": 3, "rank": [8, 16]}}'."""

    balance: Literal["source"] | None = None
    """`source`: each training draws as many reviews as it would have, the same number of each class of each source, so
    that a large source does not drown out a small one. Default: reviews are taken as they are."""
    augment: Literal["surface"] | None = None
    """`surface`: each training sees every text twice, as it is and with its surface made alike (case, spacing, marks,
    quotes, HTML, length). Default: as it is."""

    @field_validator("families", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        joined = isinstance(value, str)
        names = [name.strip() for name in value.replace(SEPARATOR, ",").split(",")] if joined else value
        if not names or "" in names:
            raise ValueError("name some of tfidf, rules, logreg, svm, mlp, qlora, ensemble, with commas between them")
        return names

    @field_validator("space", mode="before")
    @classmethod
    def _by_family(cls, value: Any) -> Any:
        space = read_space(value) if isinstance(value, str) else value
        if not isinstance(space, dict) or not all(isinstance(params, dict) for params in space.values()):
            raise ValueError(SPACE_FORM)
        return space


class SearchConfig(Config):
    """How long it is searched, and for what."""

    objective: Objective = F1
    """What trials and finalists are compared by, and a study's entries ranked: F1 of the fake class, the share of
    fakes that is found where 1 % of genuine reviews are called fake (tpr_at_fpr), log loss of the calibrated
    probabilities, or average precision."""

    num_trials: int = Field(16, ge=1)
    """Trials a family. The first is always the family's default configuration."""
    warm_start: ResultsFolder | None = None
    """Results directory of earlier studies: one trial in four begins with a configuration that did well in them, of the
    same family and base model."""
    time_budget_s: float | None = Field(None, gt=0)
    """Seconds after which a family starts no further trials and ends those that run. Default: no limit."""
    keep_trials: int = Field(3, ge=1)
    """Trials of a family, the best ones, whose models and training states stay on disk after the search."""
    finalists: int = Field(4, ge=0)
    """Configurations of a family, the best ones of the search and the default one, that are trained again on folds of
    all development reviews (train and validation together), to choose among them by what the folds say. 0 chooses by
    the one validation split."""
    folds: int = Field(5, ge=2)
    """Parts that the development reviews are cut into; each is held out once. Near-duplicates and groups stay whole."""
    seeds: int = Field(1, ge=1)
    """Trainings of each fold by other seeds, of the first two finalists; of the others one."""
    keep_folds: bool = True
    """Ship a QLoRA entry as the mean of a model that is trained on all development reviews and those of its folds,
    which score in the same passes. Without, the one model alone: it errs a little more and labels that much faster."""
    unseen_sources: int = Field(10, ge=0)
    """Sources, those of the most reviews, without which what was chosen of each family is trained once more, to be
    scored on them, where reviews are from several. 0 trains none."""
    looks: int | None = Field(None, ge=0)
    """Test reviews, drawn once for all entries, that each entry labels again as they look otherwise: made alike,
    mistyped, with words swapped, halved, in look-alike letters. 0 for none. Default: 1,000 with a GPU, 200 without."""
    explain_errors: int | None = Field(None, ge=0)
    """Most confident errors of each entry on the test split whose words are weighed, and kept beside it without their
    texts. All but TF-IDF need up to 49 passes for one. 0 for none. Default: 20, or as many as take 10 seconds."""
    evaluations_per_epoch: int = Field(1, ge=1)
    """Times that a QLoRA trial is scored on the validation split, reported and kept, in each epoch: more give the early
    stopping earlier rungs on large data."""
    first_rung_rows: float | None = Field(None, gt=0, lt=1)
    """Share of the training reviews, the same reviews for all trials, after which a trial is first compared and may be
    stopped: a first fit on so much of each class, or so much of a QLoRA trial's first epoch. A trial that ends there is
    not selected while others have seen more. Default: none, trials train on all of them from the start."""

    @model_validator(mode="after")
    def _first_rung_comes_first(self) -> Self:
        if self.first_rung_rows is not None and self.first_rung_rows * self.evaluations_per_epoch >= 1:
            raise ValueError(
                f"first_rung_rows={self.first_rung_rows:g} must be below 1 / evaluations_per_epoch = "
                f"1/{self.evaluations_per_epoch}, where trials are compared anyway"
            )
        return self


class ResourcesConfig(Config):
    """On what it runs."""

    executor: Literal["packed", "ddp"] = "packed"
    """How QLoRA trials train: `packed`, many at once over one base model in a long-lived worker a GPU (or CPU), or
    `ddp`, each by a Ray Train TorchTrainer of its own."""
    slots: int | None = Field(None, ge=1)
    """QLoRA trials that a packed worker trains at once, at most. Default: enough for half of `num_trials`, up to 32 on
    a GPU and 2 on a CPU; fewer where memory is short."""
    workers_per_trial: int = Field(1, ge=1)
    """Workers (GPUs, where there are any) that train one QLoRA trial together under `--executor ddp`."""
    cpus_per_trial: float | None = Field(None, gt=0)
    """CPUs that a trial, or a packed worker, reserves. Default: 1."""
    gpus_per_trial: float | None = Field(None, ge=0)
    """GPUs that each worker of QLoRA trials reserves; a fraction shares a card. Default: 1 where Ray has GPUs."""
    min_gpus: int | None = Field(None, ge=0)
    """GPUs that QLoRA trials wait for; 0 where none is there yet, and an autoscaler or somebody brings them. Default:
    what there is when the study starts."""
    max_gpus: int | None = Field(None, ge=1)
    """Most GPUs that train QLoRA trials; where there are fewer, the others are asked for, which makes an autoscaler
    start them. Default: all there are, and all that join while the study runs."""
    max_concurrent_trials: int | None = Field(None, ge=1)
    """Most trials at a time. Default: as many as the resources hold."""
    address: str | None = None
    """Ray cluster to use, as `ray.init` takes it. Default: $RAY_ADDRESS, or a local Ray on this machine."""


class OperatingConfig(Config):
    """What is called fake."""

    max_fpr: float | None = Field(None, gt=0, lt=1)
    """Largest share of genuine reviews that may be called fake: the threshold then keeps it with 95 % confidence.
    Default: that of the artifact; in training, the threshold is that of the highest F1."""
    prevalence: float | None = Field(None, gt=0, lt=1)
    """Share of fakes where it is used: probabilities and the threshold of the highest F1 are corrected to it. Default:
    that of the artifact; in training, as it is among the labelled reviews."""


class ElsewhereConfig(Config):
    """What the entries are scored on besides."""

    transfer: Several = Field([])
    """Labelled reviews from elsewhere, as `NAME=FILE`, or `NAME=FILE:LABEL` where its labels do not say which of them
    means fake; any number. What each entry does there, at its own threshold, stands under the board and in its model
    card, and takes part in no choice."""


class ReportConfig(Config):
    """What the report shows."""

    with_texts: bool = False
    """Show the texts of reviews in leaderboard.html, cut to 300 characters, where it lists errors and suspected labels.
    Default: their ids and columns alone, for texts are personal data."""
    figures: int = Field(1, ge=0)
    """Entries of each board, the first ones, that get figures of their own beside those of the board, as PNG and SVG in
    `figures/`. 0 draws none."""


class TrackingConfig(Config):
    """Where else it is logged."""

    tracker: Literal["mlflow", "wandb"] | None = None
    """Log params and curves of all trials there, and at the end the board and the artifacts. mlflow: into mlflow.db in
    the results directory, or where MLFLOW_TRACKING_URI says. wandb (Weights & Biases): to where you are logged in, or
    with WANDB_MODE=offline into files. Needs the extra of its name."""


class StudyConfig(
    TrackingConfig,
    ReportConfig,
    ElsewhereConfig,
    OperatingConfig,
    ResourcesConfig,
    SearchConfig,
    ModelsConfig,
    DataConfig,
):
    """Tune families on labelled reviews, select on the validation split, rank them on the leaderboard."""

    study: str | None = None
    """Name of the study. Default: made from the data and the configuration, so that the same command resumes it."""
    continue_entry: str | None = Field(None, validation_alias=AliasChoices("continue_entry", "continue"))
    """A finished entry, by its name on the board, its artifact's folder or `study/family`: its selected trial goes on
    from where it ended, under its own study's settings. Needs `--epochs`."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the training reviews that the continued trial shall have done in all; only with `--continue`."""
    dry_run: bool = False
    """Print the resolved study, its resources and an estimate of its cost, and stop."""
    preset: Path | None = None
    """TOML file of these settings; what the command line says wins over it."""

    @field_validator("study")
    @classmethod
    def _study_is_a_folder(cls, study: str | None) -> str | None:
        if study is not None and (study in (".", "..") or set(study) & set("/\\\0")):
            raise ValueError("a study is a folder of its results directory: its name has no slash, and is not . or ..")
        return study

    @model_validator(mode="after")
    def _executor_fits(self) -> Self:
        if self.workers_per_trial > 1 and self.executor != "ddp":
            raise ValueError(f"workers_per_trial={self.workers_per_trial} needs executor=ddp")
        if self.slots is not None and self.executor != "packed":
            raise ValueError(f"slots={self.slots} needs executor=packed")
        return self

    @model_validator(mode="after")
    def _gpus_fit(self) -> Self:
        asked = {name: value for name in ("min_gpus", "max_gpus") if (value := getattr(self, name)) is not None}
        told = ", ".join(f"{name}={value}" for name, value in asked.items())
        if asked and self.executor != "packed":
            raise ValueError(f"{told} needs executor=packed")
        if asked and self.gpus_per_trial is not None and self.gpus_per_trial < 1:
            raise ValueError(f"{told} counts whole GPUs: gpus_per_trial={self.gpus_per_trial:g} must be 1 or more")
        if len(asked) == 2 and asked["min_gpus"] > asked["max_gpus"]:
            raise ValueError(f"{told}: fewer GPUs may be used than are waited for")
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
