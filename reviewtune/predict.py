"""Fake probabilities of texts, from an artifact's folder alone. Shape letters: `N` reviews."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from reviewtune.artifact import ArtifactInfo, EncoderInfo, read_info
from reviewtune.errors import ArtifactError, EncoderError
from reviewtune.evaluation.stacking import Stacking
from reviewtune.families.base import Inputs, Model
from reviewtune.families.registry import ENSEMBLE, FAMILIES, get_family
from reviewtune.schema import ARTIFACT_FILE, LABEL_NAMES

if TYPE_CHECKING:
    from reviewtune.encoders.registry import Encoder

MEMBERS = "members"
"""Folder of an ensemble's artifact that holds those of its members, by family."""


class Classifier:
    """A loaded artifact.

    Attributes:
        info: What its `reviewtune.json` says.
        model: Scores the texts in the form that it reads.
        form: What it reads.
        classes_: Names of the columns of `predict_proba`, as in scikit-learn.
    """

    classes_ = np.array(LABEL_NAMES)

    def __init__(self, info: ArtifactInfo, model: "Model | Ensemble", form: Inputs) -> None:
        self.info = info
        self.model = model
        self.form = form

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N,) uncalibrated scores of N texts: the higher, the more fake."""
        return self.model.scores(self.read(list(texts)))

    def fake_probability(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N,) calibrated probabilities that each text is fake."""
        return self.info.calibration.apply(self.scores(texts))

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N, 2) calibrated probabilities; the columns are genuine and fake."""
        fake = self.fake_probability(texts)
        return np.column_stack([1 - fake, fake])

    def predict(self, texts: Sequence[str]) -> NDArray[np.str_]:
        """(N,) `fake` or `genuine`."""
        return np.where(self.fake_probability(texts) > self.info.threshold, LABEL_NAMES[1], LABEL_NAMES[0])

    def read(self, texts: list[str]) -> Any:
        """The N texts in the form that the model reads."""
        if self.form == "texts":
            return texts
        assert self.info.encoder is not None
        if self.form == "tokens":
            from reviewtune.encoders.encode import tokenize

            return tokenize(_tokenizer(self.info.encoder.name), texts, self.info.encoder.max_length)
        return text_encoder(self.info.encoder.name).embed(texts)


class Ensemble:
    """Artifacts that judge together, each text read once in each form.

    Attributes:
        members: By family.
        stacking: How they are weighed.
    """

    def __init__(self, members: Mapping[str, Classifier], stacking: Stacking) -> None:
        self.members = members
        self.stacking = stacking

    def scores(self, texts: list[str]) -> NDArray[np.float64]:
        """(N,) log-odds of N texts; above 0 means fake."""
        read: dict[Any, Any] = {}
        log_odds = {}
        for name, member in self.members.items():
            form = (member.form, member.info.encoder)
            if form not in read:
                read[form] = member.read(texts)
            log_odds[name] = member.info.calibration.log_odds(member.model.scores(read[form]))
        return self.stacking.apply(log_odds)


def load(artifact: str | Path) -> Classifier:
    """The classifier in an artifact's folder.

    Args:
        artifact: For example `results/artifacts/NAME`.

    Raises:
        ArtifactError: The folder is no artifact or is damaged.
        EncoderError: Its base model cannot be loaded here, or is another one than it was trained on.
    """
    folder = Path(artifact)
    info = read_info(folder)
    if info.family == ENSEMBLE:
        return Classifier(info, _ensemble(folder, info), "texts")
    if info.encoder:
        check_base(info.encoder, folder)
    family = get_family(info.family)
    return Classifier(info, family.load(folder), family.inputs)


def _ensemble(folder: Path, info: ArtifactInfo) -> Ensemble:
    try:
        stacking = Stacking.from_params(info.params)
    except ValidationError:
        raise ArtifactError(f"{folder / ARTIFACT_FILE} is damaged: its params are no weights of members") from None
    # Names become paths, so only those that no path can hide in.
    if strangers := stacking.weights.keys() - FAMILIES:
        raise ArtifactError(f"{folder / ARTIFACT_FILE} names a member {min(strangers)!r}: upgrade reviewtune")
    return Ensemble({name: load(folder / MEMBERS / name) for name in stacking.weights}, stacking)


def embed(texts: Sequence[str], encoder: str = "minilm") -> NDArray[np.float32]:
    """(N, D) embeddings of N texts by a frozen encoder, for classifiers of your own.

    Args:
        texts: The reviews.
        encoder: A known name, a hub id `owner/name[@revision]`, or a folder in the hub's layout.

    Raises:
        EncoderError: The encoder cannot be loaded.
    """
    vectors: NDArray[np.float32] = text_encoder(encoder).embed(list(texts))
    return vectors


@lru_cache(maxsize=1)
def text_encoder(name: str) -> Any:
    """The loaded encoder of that name, kept for the next call."""
    from reviewtune.encoders.encode import TextEncoder
    from reviewtune.encoders.registry import resolve_encoder

    return TextEncoder(resolve_encoder(name))


@lru_cache(maxsize=1)
def _tokenizer(name: str) -> Any:
    from reviewtune.encoders.loading import load_tokenizer
    from reviewtune.encoders.registry import resolve_encoder

    return load_tokenizer(resolve_encoder(name))


def check_base(wanted: EncoderInfo, folder: Path) -> "Encoder":
    """The base model that the artifact in `folder` was trained on.

    Raises:
        EncoderError: It is not here, or its files are others.
    """
    from reviewtune.encoders.registry import resolve_encoder

    found = resolve_encoder(wanted.name)
    if wanted.revision and found.revision != wanted.revision:
        raise EncoderError(
            f"the artifact {folder} was trained on {wanted.name} at revision {wanted.revision}, "
            f"here it is {found.revision}: give it the base model it was trained on"
        )
    return found
