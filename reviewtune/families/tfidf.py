"""TF-IDF of characters and tokens under a linear classifier: the baseline that reads the texts themselves.

The default configuration comes from 9,419 random reviews of Salminen et al. (2022): 5-fold F1 on the 7,521 of train and
validation, near-duplicates kept together, linear SVM of C 3. With `sublinear_tf`, characters up to 6 reach 0.938,
tokens up to 6 0.946, both 0.950; both reach 0.945 with tokens up to 4, and 0.945 with `min_df` 1. Without it, both
reach 0.950, tokens alone 0.950; both reach 0.948 with tokens up to 4, 0.950 up to 8, 0.948 with characters up to 5.
C from 1 to 10 changes 0.001 at most. What ties here was decided on the validation split.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.svm import LinearSVC

from reviewtune.errors import ArtifactError, DataError
from reviewtune.families.base import Inputs, Leg, Model, Rows, Setting, as_texts
from reviewtune.families.shared import SharedTexts, Work
from reviewtune.families.sklearn_model import SklearnModel, load_pipeline
from reviewtune.families.space import Choice, Floats, Integers, Params
from reviewtune.families.tfidf_counts import FittedColumns, NgramCounts, count_ngrams, fit_columns
from reviewtune.families.tfidf_parts import character_weights

Analyzer = Literal["char+word", "char", "word"]
Classifier = Literal["linear_svm", "logistic_regression"]

WORD_PATTERN = r"\w+|[^\w\s]|\s+"
"""A token of the analyzer `word`: a word, a punctuation mark or a run of white space, so that none is lost."""

BYTES_PER_CHARACTER = {"char": 40, "word": 16}
"""Of the counts of texts, about, for each of their characters."""
LONGEST_PACKED_TERM = 100
"""Characters up to which terms are saved as one fixed-width array."""


class TfidfParams(Params):
    """Configuration of a TF-IDF trial."""

    analyzer: Annotated[Analyzer, Choice(["char+word", "char", "word"])] = "char+word"
    """N-grams of characters, of tokens (`word`: words, punctuation marks and white space), or one set of each."""
    ngram_max: Annotated[int, Integers(2, 6)] = Field(6, ge=1)
    """Longest character n-gram; the shortest is 2. Without effect on tokens."""
    word_ngram_max: Annotated[int, Integers(1, 6)] = Field(6, ge=1)
    """Longest token n-gram; the shortest is 1. Without effect on characters."""
    min_df: Annotated[int, Integers(1, 10, log=True)] = Field(2, ge=1)
    """Training reviews that must contain an n-gram for it to count."""
    max_features: Annotated[int | None, Choice([None, 50_000, 200_000])] = Field(None, ge=1)
    """The most frequent n-grams that are kept, of characters and of tokens each; None keeps all."""
    lowercase: Annotated[bool, Choice([False, True])] = False
    """Forget upper and lower case."""
    sublinear_tf: Annotated[bool, Choice([False, True])] = False
    """Count an n-gram's occurrences in a review as 1 + log(count)."""
    classifier: Annotated[Classifier, Choice(["linear_svm", "logistic_regression"])] = "linear_svm"
    """The linear model on top: squared hinge loss or log loss, both with an L2 penalty."""
    C: Annotated[float, Floats(0.1, 100.0, log=True)] = Field(3.0, gt=0)
    """Inverse strength of the penalty. Logistic regression likes about 30 times the C of the SVM."""


_COUNTED = TfidfParams(ngram_max=6, word_ngram_max=6)
"""The n-grams whose counts trials share; others are counted by the trial that wants them."""


@dataclass(frozen=True)
class TfidfModel(SklearnModel):
    """A fitted TF-IDF pipeline: a union of one or two vectorizers, and a classifier."""

    def text_parts(self, text: str) -> tuple[float, NDArray[np.float64]]:
        """The intercept, and (L,) what each of a text's characters adds to it, as `tfidf_parts` shares it out.

        Examples:
            >>> train = Rows(["great tent", "the zip broke"] * 5, fake=np.array([True, False] * 5))
            >>> (leg,) = TfidfFamily().fit(TfidfParams(analyzer="word", word_ngram_max=1), train, Setting())
            >>> constant, parts = leg.model.text_parts("great zip")
            >>> bool(parts[:5].sum() > 0 > parts[6:].sum())
            True
            >>> bool(np.isclose(constant + parts.sum(), leg.model.scores(["great zip"])[0]))
            True
        """
        union, classifier = (step for _, step in self.pipeline.steps)
        return float(classifier.intercept_[0]), character_weights(union, classifier.coef_[0], text)

    def save(self, folder: Path) -> None:
        """Write `model.skops` with each vocabulary as one array: as a dict one takes 100 MB and many seconds."""
        union, classifier = (step for _, step in self.pipeline.steps)
        slim = copy(union)
        slim.transformer_list = [(name, _slim(vectorizer)) for name, vectorizer in union.transformer_list]
        SklearnModel(_pipeline(slim, classifier)).save(folder)


@dataclass(frozen=True)
class CountedTfidfModel:
    """A classifier on features of n-grams that were counted once for all trials: it scores such texts alone.

    Attributes:
        fitted: What was learnt of the counts, by their name.
        classifier: Fitted.

    Examples:
        >>> texts, family = ["great tent", "the zip broke"] * 5, TfidfFamily()
        >>> made = {name: work(texts) for name, work in family.shared_work({}).items()}
        >>> shared = SharedTexts(texts, np.arange(10), made.__getitem__)
        >>> (leg,) = family.fit(TfidfParams(), Rows(shared, np.array([True, False] * 5)), Setting(fast=True))
        >>> isinstance(leg.model, CountedTfidfModel), (leg.model.scores(shared) > 0)[:2].tolist()
        (True, [True, False])
    """

    fitted: Mapping[str, FittedColumns]
    classifier: LinearSVC | LogisticRegression

    def scores(self, inputs: Any) -> NDArray[np.float64]:
        """(N,) values of the decision function of N `SharedTexts`: above 0 means fake."""
        if len(inputs) == 0:
            return np.empty(0)
        features = [own.features(inputs.own(name)) for name, own in self.fitted.items()]
        return np.asarray(self.classifier.decision_function(sparse.hstack(features, format="csr")), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Refused.

        Raises:
            ArtifactError: Always.
        """
        raise ArtifactError(f"{folder}: what was fitted on shared counts is never saved: fit with Setting(fast=False)")


class TfidfFamily:
    """TF-IDF features and a linear classifier.

    Examples:
        >>> train = Rows(["great tent", "the zip broke"] * 5, fake=np.array([True, False] * 5))
        >>> (leg,) = TfidfFamily().fit(TfidfParams(), train, Setting())
        >>> scores = leg.model.scores(["a great zip", "it broke"])
        >>> (scores > 0).tolist()
        [True, False]
        >>> leg.model.save(Path())
        >>> bool((TfidfFamily().load(Path()).scores(["a great zip", "it broke"]) == scores).all())
        True
    """

    name = "tfidf"
    inputs: Inputs = "texts"
    params = TfidfParams
    trains_in_epochs = False

    def fit(self, params: TfidfParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit once; with `setting.fast`, on counts that all trials share, where there are some.

        Raises:
            DataError: No n-gram of a kind is frequent enough.
        """
        shares = setting.fast and isinstance(train.inputs, SharedTexts) and _is_counted(params)
        try:
            features, model = (_features_of_counts if shares else _features_of_texts)(params, train.inputs)
        except ValueError as error:
            raise DataError(
                f"tfidf finds no n-gram of analyzer={params.analyzer} in min_df={params.min_df} of {len(train)} "
                f"reviews ({error}): lower min_df or give more reviews"
            ) from None
        classifier = _classifier(params, setting.seed).fit(features, train.fake.astype(np.int64))
        yield Leg(number=1, total=1, model=model(classifier))

    def shared_work(self, fixed: Mapping[str, Any]) -> Mapping[str, Work]:
        """By name, the counts that trials with these params fixed may ask for."""
        kinds = fixed.get("analyzer", "char+word").split("+")
        cases = [fixed["lowercase"]] if "lowercase" in fixed else [False, True]
        return {_name(kind, case): partial(_count, kind, case) for kind in kinds for case in cases}

    def shared_bytes(self, characters: int, fixed: Mapping[str, Any]) -> int:
        """What these counts take, about, of texts with so many characters together."""
        return sum(characters * BYTES_PER_CHARACTER[name.split()[0]] for name in self.shared_work(fixed))

    def load(self, folder: Path) -> TfidfModel:
        """The model in `model.skops`.

        Raises:
            ArtifactError: The file is missing, damaged, or holds anything else.
        """
        steps = [FeatureUnion, (LinearSVC, LogisticRegression)]
        return TfidfModel(load_pipeline(folder, steps, united=TfidfVectorizer))


Classified = Callable[[LinearSVC | LogisticRegression], Model]
"""A model of a fitted classifier."""


def _features_of_texts(params: TfidfParams, inputs: Any) -> tuple[Any, Classified]:
    """(N, F) features of N training texts, and what makes a model of a classifier on them."""
    union = FeatureUnion([(kind, _vectorizer(kind, params)) for kind in params.analyzer.split("+")])
    return union.fit_transform(as_texts(inputs)), lambda classifier: TfidfModel(_pipeline(union, classifier))


def _features_of_counts(params: TfidfParams, inputs: SharedTexts) -> tuple[Any, Classified]:
    """The same of texts whose n-grams have been counted."""
    vectorizers = {_name(kind, params.lowercase): _vectorizer(kind, params) for kind in params.analyzer.split("+")}
    both = {name: fit_columns(inputs.own(name), vectorizer) for name, vectorizer in vectorizers.items()}
    features = sparse.hstack([own for _, own in both.values()], format="csr")
    return features, partial(CountedTfidfModel, {name: fitted for name, (fitted, _) in both.items()})


def _is_counted(params: TfidfParams) -> bool:
    """Whether n-grams of all its lengths are among those that trials share."""
    for kind in params.analyzer.split("+"):
        asked, counted = (_vectorizer(kind, each).ngram_range for each in (params, _COUNTED))
        if asked[0] < counted[0] or asked[1] > counted[1]:
            return False
    return True


def _name(kind: str, lowercase: bool) -> str:
    """Of shared counts."""
    return f"{kind} in small letters" if lowercase else kind


def _count(kind: str, lowercase: bool, texts: Sequence[str]) -> NgramCounts:
    return count_ngrams(texts, _vectorizer(kind, _COUNTED.model_copy(update={"lowercase": lowercase})))


def _vectorizer(kind: str, params: TfidfParams) -> TfidfVectorizer:
    shortest, longest = (1, params.word_ngram_max) if kind == "word" else (min(2, params.ngram_max), params.ngram_max)
    return TfidfVectorizer(
        analyzer=kind,
        token_pattern=WORD_PATTERN if kind == "word" else None,
        ngram_range=(shortest, longest),
        min_df=params.min_df,
        max_features=params.max_features,
        lowercase=params.lowercase,
        sublinear_tf=params.sublinear_tf,
        dtype=np.float32,
    )


def _classifier(params: TfidfParams, seed: int) -> LinearSVC | LogisticRegression:
    if params.classifier == "linear_svm":
        return LinearSVC(C=params.C, dual="auto", max_iter=5000, random_state=seed)
    return LogisticRegression(C=params.C, max_iter=1000)


def _pipeline(union: FeatureUnion, classifier: LinearSVC | LogisticRegression) -> Pipeline:
    return Pipeline([("tfidf", union), ("classifier", classifier)])


def _slim(vectorizer: TfidfVectorizer) -> TfidfVectorizer:
    """The vectorizer with its terms as one array; itself where it has been loaded with one and was never used."""
    if not hasattr(vectorizer, "vocabulary_"):
        return vectorizer
    slim = copy(vectorizer)
    slim.vocabulary = _packed(sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__))
    slim.fixed_vocabulary_ = True
    # scikit-learn builds it anew from `vocabulary` at the first use.
    del slim.vocabulary_
    return slim


def _packed(terms: list[str]) -> "np.ndarray[tuple[int], np.dtype[np.str_]] | list[str]":
    """The terms as a fixed-width array; as they are where one is very long or ends in NUL, which arrays cut off."""
    if max(map(len, terms)) > LONGEST_PACKED_TERM or any(term.endswith("\0") for term in terms):
        return terms
    return np.array(terms)
