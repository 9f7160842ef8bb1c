"""An artifact: the folder a selected model is shipped in, complete but for its base model.

`reviewtune.json` says what the model's own files do not: what the labels mean, the threshold and the calibration, which
encoder, which data.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from reviewtune.errors import ArtifactError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.registry import ENSEMBLE
from reviewtune.files import in_one_step
from reviewtune.schema import ARTIFACT_FILE, ARTIFACT_SCHEMA, LABEL_NAMES

CARD_FILE = "README.md"


class EncoderInfo(BaseModel):
    """The base model that an artifact was trained on and needs again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str | None
    max_length: int


class ArtifactInfo(BaseModel):
    """What `reviewtune.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    schema_version: int = ARTIFACT_SCHEMA
    family: str
    encoder: EncoderInfo | None
    params: dict[str, Any]
    labels: tuple[str, str] = LABEL_NAMES
    """Meaning of index 0 and 1."""
    calibration: PlattCalibration
    """Turns the model's scores into fake probabilities; fitted on the validation split."""
    threshold: float
    """A review is called fake where its fake probability is above this: where F1 on the validation split is to be
    expected highest."""
    study_id: str
    trial_id: str
    data: str
    data_sha256: str
    split_sha256: str
    validation_f1: float
    code: str
    versions: dict[str, str]
    created: str


class Saveable(Protocol):
    """What an artifact is made of: a model, or the artifacts of an ensemble's members."""

    def save(self, folder: Path) -> None:
        """Write its files into an existing, empty folder."""
        ...


def write_artifact(folder: Path, info: ArtifactInfo, model: Saveable) -> None:
    """Write model, `reviewtune.json` and model card in one step: an older artifact stays until this one is whole."""
    with in_one_step(folder) as partial:
        partial.mkdir()
        model.save(partial)
        (partial / ARTIFACT_FILE).write_text(json.dumps(info.model_dump(mode="json"), indent=1) + "\n")
        (partial / CARD_FILE).write_text(model_card(info))


def read_info(folder: Path) -> ArtifactInfo:
    """What an artifact says of itself.

    Raises:
        ArtifactError: The folder is no artifact, or one of a newer reviewtune.
    """
    path = folder / ARTIFACT_FILE
    if not path.is_file():
        raise ArtifactError(f"{folder} has no {ARTIFACT_FILE}: give an artifact's folder, as in results/artifacts/NAME")
    try:
        info = ArtifactInfo.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"{path} is damaged: {error.errors()[0]['loc']!s} {error.errors()[0]['msg']}") from None
    if info.schema_version > ARTIFACT_SCHEMA:
        raise ArtifactError(
            f"{path} has schema {info.schema_version}, this reviewtune reads up to {ARTIFACT_SCHEMA}: upgrade it"
        )
    return info


def now() -> str:
    """The time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def model_card(info: ArtifactInfo) -> str:
    """A model card in the hub's form, in Markdown."""
    params = "\n".join(f"| {name} | {value} |" for name, value in info.params.items())
    peft = "library_name: peft\n" if info.family == "qlora" else ""
    return f"""---
{peft}tags: [text-classification, fake-reviews, reviewtune]
---

# {info.family}: fake or genuine reviews

{_origin(info)}

```python
import reviewtune

classifier = reviewtune.load("this folder")
classifier.predict_proba(["Great product, works as described."])  # columns: genuine, fake
```

A review is called fake where its fake probability is above {info.threshold:.4f}. The probabilities were calibrated
(Platt scaling) on the validation split. They hold for reviews like those of `{info.data}` and say nothing about others:
check a sample of your own before anyone acts on them, and let no review be removed by this model alone. That threshold
promises the highest F1 of the fake class; where a false alarm costs more than a miss, set a higher one of your own.

| param | value |
|---|---|
{params}

Made by {info.code} on {info.created}. Data SHA-256 `{info.data_sha256}`, split SHA-256 `{info.split_sha256}`.
"""


def _origin(info: ArtifactInfo) -> str:
    where = f"the validation split of the study `{info.study_id}`"
    if info.family == ENSEMBLE:
        return f"""The classifiers in `members/` together: their calibrated log-odds, weighed by a logistic regression
on {where}. F1 of the fake class there, each review
judged by weights that were fitted without it: {info.validation_f1:.4f}."""
    encoder = f"the frozen encoder `{info.encoder.name}`" if info.encoder else "no encoder"
    return f"""A `{info.family}` classifier on {encoder}, selected among the trials by F1 of the fake class on
{where}: {info.validation_f1:.4f}."""
