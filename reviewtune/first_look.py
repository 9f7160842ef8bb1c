"""What a first look refuses, before anything heavy is imported: names that are unknown, files that are not there."""

import os
from pathlib import Path

from reviewtune.config import DataConfig, StudyConfig
from reviewtune.errors import ArtifactError, UsageError
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.settings import Config
from reviewtune.storage.place import bucket_of
from reviewtune.verb_config import PredictConfig, ServeConfig

NEED_NO_BASE_MODEL = {"tfidf", "rules", "ensemble"}
"""Families that read no embeddings and no tokens."""


def look(config: Config) -> None:
    """Check the names and paths of a configuration that is valid by itself.

    Raises:
        ReviewtuneError: One of them names nothing; each kind says what.
    """
    named = dict(config)
    if isinstance(config, StudyConfig):
        _look_at_families([*config.families, *config.space])
    _look_for_extras(config)
    if "data" in named:
        _look_for_labelled(named["data"], "--data")
    if "transfer" in named:
        _look_for_labelled(named["transfer"], "--transfer")
    if named.get("input") not in (None, "-"):
        _look_for_reviews(named["input"], bucket=isinstance(config, PredictConfig))
    if "artifact" in named:
        _look_for_artifact(named["artifact"])
    if "results_dir" in named:
        _look_for_results(named["results_dir"])
    if isinstance(config, DataConfig) and set(named.get("families", ["heads"])) - NEED_NO_BASE_MODEL:
        from reviewtune.encoders.registry import resolve_encoder

        resolve_encoder(named["base_model"])


def _look_at_families(names: list[str]) -> None:
    from reviewtune.families.registry import check_family

    for name in names:
        check_family(name)


def _look_for_extras(config: Config) -> None:
    """Packages that come with an extra of this one, where something is asked that needs them."""
    from importlib.util import find_spec

    wanted: list[tuple[str, str, str]] = []
    if tracker := getattr(config, "tracker", None):
        wanted = [(f"--tracker {tracker}: it", tracker, tracker)]
    elif isinstance(config, ServeConfig):
        wanted = [(f"serve: {package}", package, "serve") for package in ("fastapi", "uvicorn", "prometheus_client")]
    elif getattr(config, "onnx", False):
        wanted = [(f"--onnx: {package}", package, "onnx") for package in ("onnx", "onnxscript", "onnxruntime")]
    for what, package, extra in wanted:
        if find_spec(package) is None:
            raise UsageError(f"{what} is not installed: run `pip install 'reviewtune[{extra}]'`")


def _look_for_labelled(asked: str | list[str], flag: str) -> None:
    from reviewtune.data.named_source import check_sources

    check_sources([asked] if isinstance(asked, str) else asked, flag)


def _look_for_reviews(source: str, *, bucket: bool) -> None:
    from reviewtune.data.kinds import PLACE, check_source

    if not (bucket and PLACE.match(source)):
        check_source(source)


def _look_for_artifact(folder: Path) -> None:
    if bucket_of(folder) is not None:
        from reviewtune.storage.mirror import fetch

        fetch(folder)
    if not _exists(folder):
        raise ArtifactError(f"there is no folder {folder}: give an artifact's folder, as in results/artifacts/NAME")
    if not _exists(folder / ARTIFACT_FILE):
        raise ArtifactError(f"{folder} has no {ARTIFACT_FILE}: give an artifact's folder, as in results/artifacts/NAME")


def _look_for_results(folder: Path) -> None:
    if bucket_of(folder) is not None:
        from reviewtune.storage.mirror import check_bucket

        check_bucket(folder)
    try:
        if folder.expanduser().is_dir() or not folder.expanduser().exists():
            return
        reason = "it is no folder"
    except (OSError, RuntimeError) as error:  # a name that is too long, a `~user` who is unknown
        reason = str(getattr(error, "strerror", None) or error)
    raise UsageError(f"--results-dir {folder} cannot be used ({reason}): give another folder")


def _exists(path: str | Path) -> bool:
    """Whether a path leads anywhere; one that no file system takes, being too long, does not."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises there
