"""Fake probabilities of texts, from an artifact's folder alone. Shape letters: `N` reviews, `M` of them with a text."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from reviewtune.artifact_info import MEMBERS, ArtifactInfo, EncoderInfo, read_info
from reviewtune.data.texts import Prepared, Texts, prepare
from reviewtune.errors import ArtifactError, EncoderError, UsageError
from reviewtune.evaluation.shift import Shift
from reviewtune.evaluation.stacking import Stacking
from reviewtune.explanation import MOST_PARTS, Explanation, explain
from reviewtune.families.base import Inputs, Model
from reviewtune.families.registry import ENSEMBLE, get_family, known_families
from reviewtune.profile import Profile
from reviewtune.schema import ARTIFACT_FILE, LABEL_NAMES
from reviewtune.storage.mirror import fetch
from reviewtune.storage.place import as_folder

if TYPE_CHECKING:
    from reviewtune.encoders.registry import Encoder


class Classifier:
    """A loaded artifact.

    Its methods take N texts as `data.texts.prepare` does: a list, tuple, pandas Series or numpy array of str, which are
    normalised as those of training were. A row without a text (None, NaN, blank, no str) has no score, no probability
    and no label: NaN, and an empty label.

    Attributes:
        info: What its `reviewtune.json` says, its encoder being the one that is used here.
        model: Scores the texts in the form that it reads.
        form: What it reads.
        profile: Of the reviews that it was trained on; None in artifacts of earlier versions.
        classes_: Names of the columns of `predict_proba`, as in scikit-learn.

    Examples:
        >>> classifier = load("results/artifacts/NAME")
        >>> texts = ["The zip broke on the first day.", None]
        >>> labels = classifier.predict(texts)
        >>> str(labels[0]) in classifier.classes_, str(labels[1])
        (True, '')
        >>> [each is None for each in classifier.explain(texts)]
        [False, True]
    """

    classes_ = np.array(LABEL_NAMES)

    def __init__(
        self, info: ArtifactInfo, model: "Model | Ensemble", form: Inputs, profile: Profile | None = None
    ) -> None:
        self.info = info
        self.model = model
        self.form = form
        self.profile = profile

    def scores(self, texts: Texts) -> NDArray[np.float64]:
        """(N,) uncalibrated scores of N texts: the higher, the more fake.

        Raises:
            DataError: The texts are a single str, a table or nothing that has an order.
        """
        prepared = prepare(texts)
        return prepared.spread(self._scores(prepared))

    def fake_probability(self, texts: Texts) -> NDArray[np.float64]:
        """(N,) probabilities that each is fake, calibrated and corrected to `info.prevalence`. Raises as `scores`."""
        prepared = prepare(texts)
        return prepared.spread(self.info.fake_probability(self._scores(prepared)))

    def predict_proba(self, texts: Texts) -> NDArray[np.float64]:
        """(N, 2) calibrated probabilities; the columns are genuine and fake. Raises as `scores`."""
        fake = self.fake_probability(texts)
        return np.column_stack([1 - fake, fake])

    def predict(self, texts: Texts) -> NDArray[np.str_]:
        """(N,) `fake`, `genuine` or, without a text, an empty str. Raises as `scores`."""
        return self.labels(self.fake_probability(texts))

    def labels(self, fake_probability: NDArray[np.float64]) -> NDArray[np.str_]:
        """(N,) what each probability is called by the artifact's threshold; an empty str for NaN."""
        genuine, fake = LABEL_NAMES
        called = np.where(fake_probability > self.info.threshold, fake, genuine)
        return np.where(np.isnan(fake_probability), "", called)

    def familiar(self, texts: Texts) -> NDArray[np.float64]:
        """(N,) how usual each text is among the training reviews, above 0 and at most 1.

        The share of held-back ones that are at least as unusual. NaN where there is no profile. Raises as `scores`.
        """
        prepared = prepare(texts)
        if self.profile is None:
            return np.full(prepared.total, np.nan)
        return prepared.spread(self.profile.familiar(prepared.texts))

    def shift(self, texts: Texts) -> Shift | None:
        """How N texts together differ from the training reviews.

        None where they are too few to say, or there is no profile. Raises as `scores`.
        """
        return self.profile.shift(prepare(texts).texts) if self.profile is not None else None

    def explain(self, texts: Texts, most_parts: int = MOST_PARTS) -> list[Explanation | None]:
        """Why it says of each of N texts what it says: how its words move the log-odds (`reviewtune.explanation`).

        None for a row without a text.

        Args:
            texts: N, as above.
            most_parts: Parts that a text is cut into where its words are left out in turn, at most: so many passes an
                explanation costs. TF-IDF needs none.

        Raises:
            DataError: As `scores`.
            UsageError: `most_parts` is below 2.
        """
        prepared = prepare(texts)
        found = dict(explain(self, prepared, most_parts))
        return [found.get(row) for row in range(prepared.total)]

    def read(self, texts: list[str]) -> Any:
        """N prepared texts in the form that the model reads."""
        if self.form == "texts":
            return texts
        assert self.info.encoder is not None
        if self.form == "tokens":
            from reviewtune.encoders.encode import tokenize

            return tokenize(_tokenizer(self.info.encoder.name), texts, self.info.encoder.max_length)
        return text_encoder(self.info.encoder.name).embed(texts)

    def _scores(self, prepared: Prepared) -> NDArray[np.float64]:
        """(M,) scores of the rows that have a text."""
        return self.model.scores(self.read(prepared.texts)) if prepared.texts else np.empty(0)


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


def load(
    artifact: str | Path,
    base_model: str | None = None,
    *,
    max_fpr: float | None = None,
    prevalence: float | None = None,
) -> Classifier:
    """The classifier in an artifact's folder.

    Args:
        artifact: For example `results/artifacts/NAME`.
        base_model: Where the base model that it was trained on is here, as `--base-model` takes it: a folder or a hub
            id. Its revision is checked. None: where it was in training.
        max_fpr: Limit of the share of genuine reviews that are called fake, kept with 95 % confidence. None: as the
            artifact has it.
        prevalence: Share of fakes where it is used, which probabilities are corrected to. None: as the artifact has it.

    Raises:
        ArtifactError: The folder is no artifact or is damaged, or of a version that can be asked for neither.
        DataError: It was calibrated on too few genuine reviews for the limit.
        EncoderError: Its base model cannot be loaded here, or is another one than it was trained on.
        UsageError: It was trained on no base model, and one is given.
    """
    folder = fetch(as_folder(artifact))
    return load_as(read_info(folder).at(max_fpr, prevalence), folder, base_model)


def load_as(info: ArtifactInfo, folder: Path, base_model: str | None = None) -> Classifier:
    """The classifier in a folder whose `reviewtune.json` has been read. Raises as `load`."""
    profile = Profile.load(folder) if info.profiled else None
    if info.family == ENSEMBLE:
        return Classifier(info, _ensemble(folder, info, base_model), "texts", profile)
    family: Any = get_family(info.family)
    if info.encoder is None:
        if family.inputs != "texts":
            raise ArtifactError(f"{folder / ARTIFACT_FILE} is damaged: encoder is missing, and {info.family} needs one")
        if base_model is not None:
            raise UsageError(f"--base-model {base_model}: {folder} was trained on no base model: leave the flag out")
        return Classifier(info, family.load(folder), family.inputs, profile)
    found = check_base(info.encoder, folder, base_model)
    info = info.model_copy(update={"encoder": info.encoder.model_copy(update={"name": found.name})})
    return Classifier(info, _on_base(folder, info, family, found.name), family.inputs, profile)


def _on_base(folder: Path, info: ArtifactInfo, family: Any, base_model: str) -> Model:
    """The model on the base model that was checked, whatever name stands in its own files."""
    if family.inputs == "tokens":
        from reviewtune.families.qlora_folds import FoldedQlora

        return FoldedQlora.load(folder, info.folds, base_model)
    model: Model = family.load(folder)
    return model


def _ensemble(folder: Path, info: ArtifactInfo, base_model: str | None) -> Ensemble:
    try:
        stacking = Stacking.from_params(info.params)
    except ValidationError:
        raise ArtifactError(f"{folder / ARTIFACT_FILE} is damaged: its params are no weights of members") from None
    # Names become paths, so only those that no path can hide in.
    if strangers := stacking.weights.keys() - known_families():
        raise ArtifactError(f"{folder / ARTIFACT_FILE} names a member {min(strangers)!r}: upgrade reviewtune")
    members = {}
    for name in stacking.weights:
        own = folder / MEMBERS / name
        members[name] = load(own, base_model if read_info(own).encoder else None)
    return Ensemble(members, stacking)


def embed(texts: Texts, encoder: str = "minilm") -> NDArray[np.float32]:
    """(N, D) embeddings of N texts by a frozen encoder, for classifiers of your own; NaN in rows without a text.

    Args:
        texts: The reviews, as `data.texts.prepare` takes them.
        encoder: A known name, a hub id `owner/name[@revision]`, or a folder in the hub's layout.

    Raises:
        DataError: The texts are a single str, a table or nothing that has an order.
        EncoderError: The encoder cannot be loaded.
    """
    prepared = prepare(texts)
    return prepared.spread(text_encoder(encoder).embed(prepared.texts))


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


def check_base(wanted: EncoderInfo, folder: Path, base_model: str | None = None) -> "Encoder":
    """The base model that the artifact in `folder` was trained on.

    Args:
        wanted: What the artifact says of it.
        folder: For messages.
        base_model: Where it is here; None: where it was in training.

    Raises:
        EncoderError: It is not here, or its files are others.
    """
    from reviewtune.encoders.standing_in import find_base

    found = find_base(wanted.name, wanted.revision, base_model, f"the artifact {folder}")
    if wanted.max_length > found.max_length:
        raise EncoderError(
            f"{folder / ARTIFACT_FILE} says encoder.max_length={wanted.max_length}, and {found.name} reads "
            f"{found.max_length} word pieces: copy the artifact again, or give --base-model with its own base model"
        )
    return found
