"""TF-IDF of words or characters under a linear classifier: the baseline that reads the texts themselves.

The default configuration comes from a small grid on the reviews of Salminen et al. (2022), 6,781 to train on and 754 to
validate: character 2-6-grams with the case kept reach F1 0.951, 2-5-grams 0.944, words 0.937. 2-7-grams reached 0.952,
no clear gain for a larger vocabulary. Differences of that size are within the noise of 754 reviews.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import Field
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from reviewtune.errors import DataError
from reviewtune.families.base import Epoch, Inputs, Rows, Setting, as_texts
from reviewtune.families.sklearn_model import SklearnModel, load_pipeline
from reviewtune.families.space import Params

Analyzer = Literal["char", "char_wb", "word"]
Classifier = Literal["linear_svm", "logistic_regression"]

LONGEST_PACKED_TERM = 100
"""Characters up to which terms are saved as one fixed-width array."""


class TfidfParams(Params):
    """Configuration of a TF-IDF trial."""

    analyzer: Annotated[Analyzer, CategoricalDistribution(["char", "char_wb", "word"])] = "char"
    """What an n-gram is made of: characters, characters within a word (`char_wb`), or words."""
    ngram_max: Annotated[int, IntDistribution(2, 6)] = Field(6, ge=1)
    """Longest n-gram. The shortest is 1 word or 2 characters."""
    min_df: Annotated[int, IntDistribution(1, 10, log=True)] = Field(2, ge=1)
    """Training reviews that must contain an n-gram for it to count."""
    max_features: Annotated[int | None, CategoricalDistribution([None, 50_000, 200_000])] = Field(None, ge=1)
    """The most frequent n-grams that are kept; None keeps all."""
    lowercase: Annotated[bool, CategoricalDistribution([False, True])] = False
    """Forget upper and lower case."""
    sublinear_tf: Annotated[bool, CategoricalDistribution([False, True])] = True
    """Count an n-gram's occurrences in a review as 1 + log(count)."""
    classifier: Annotated[Classifier, CategoricalDistribution(["linear_svm", "logistic_regression"])] = "linear_svm"
    """The linear model on top: squared hinge loss or log loss, both with an L2 penalty."""
    C: Annotated[float, FloatDistribution(0.1, 100.0, log=True)] = Field(1.0, gt=0)
    """Inverse strength of the penalty. Logistic regression likes about 30 times the C of the SVM."""


@dataclass(frozen=True)
class TfidfModel(SklearnModel):
    """A fitted TF-IDF pipeline."""

    def save(self, folder: Path) -> None:
        """Write `model.skops` with the vocabulary as one array: as a dict it takes 100 MB and many seconds."""
        vectorizer, classifier = (step for _, step in self.pipeline.steps)
        slim = copy(vectorizer)
        slim.vocabulary = _packed(sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__))
        slim.fixed_vocabulary_ = True
        # scikit-learn builds it anew from `vocabulary` at the first use.
        del slim.vocabulary_
        SklearnModel(_pipeline(slim, classifier)).save(folder)


class TfidfFamily:
    """TF-IDF features and a linear classifier."""

    name = "tfidf"
    inputs: Inputs = "texts"
    params = TfidfParams
    trains_in_epochs = False

    def fit(self, params: TfidfParams, train: Rows, setting: Setting) -> Iterator[Epoch]:
        """Fit once.

        Raises:
            DataError: No n-gram is frequent enough.
        """
        vectorizer = TfidfVectorizer(
            analyzer=params.analyzer,
            ngram_range=(1 if params.analyzer == "word" else min(2, params.ngram_max), params.ngram_max),
            min_df=params.min_df,
            max_features=params.max_features,
            lowercase=params.lowercase,
            sublinear_tf=params.sublinear_tf,
            dtype=np.float32,
        )
        try:
            features = vectorizer.fit_transform(as_texts(train.inputs))
        except ValueError as error:
            raise DataError(
                f"tfidf finds no {params.analyzer} n-gram in min_df={params.min_df} of {len(train)} reviews ({error}): "
                "lower min_df or give more reviews"
            ) from None
        classifier = _classifier(params, setting.seed).fit(features, train.fake.astype(np.int64))
        yield Epoch(number=1, total=1, model=TfidfModel(_pipeline(vectorizer, classifier)))

    def load(self, folder: Path) -> TfidfModel:
        """The model in `model.skops`."""
        return TfidfModel(load_pipeline(folder, [TfidfVectorizer, (LinearSVC, LogisticRegression)]))


def _classifier(params: TfidfParams, seed: int) -> LinearSVC | LogisticRegression:
    if params.classifier == "linear_svm":
        return LinearSVC(C=params.C, dual="auto", max_iter=5000, random_state=seed)
    return LogisticRegression(C=params.C, max_iter=1000)


def _pipeline(vectorizer: TfidfVectorizer, classifier: LinearSVC | LogisticRegression) -> Pipeline:
    return Pipeline([("tfidf", vectorizer), ("classifier", classifier)])


def _packed(terms: list[str]) -> "np.ndarray[tuple[int], np.dtype[np.str_]] | list[str]":
    """The terms as a fixed-width array; as they are where one is very long or ends in NUL, which arrays cut off."""
    if max(map(len, terms)) > LONGEST_PACKED_TERM or any(term.endswith("\0") for term in terms):
        return terms
    return np.array(terms)
