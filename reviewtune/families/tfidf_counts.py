"""The n-grams of texts, counted once, and the TF-IDF features that each configuration makes of them.

They are what scikit-learn's `TfidfVectorizer` makes of the same texts, but for the order of sums in single precision.
Shape letters: `N` texts, `V` n-grams that occur in any of them, `F` n-grams that a configuration keeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer


@dataclass(frozen=True)
class NgramCounts:
    """How often each n-gram occurs in each text.

    Attributes:
        matrix: (N, V) CSR of float32, the n-grams in the order of their spelling.
        lengths: (V,) characters, or tokens, of each n-gram.
    """

    matrix: Any
    lengths: NDArray[np.uint8]

    def __getitem__(self, rows: NDArray[np.int64]) -> "NgramCounts":
        return NgramCounts(self.matrix[rows], self.lengths)


@dataclass(frozen=True)
class FittedColumns:
    """What `TfidfVectorizer` learns of training texts.

    Attributes:
        columns: (F,) which of the V n-grams count.
        weights: Their weights.
    """

    columns: NDArray[np.int64]
    weights: TfidfTransformer

    def features(self, counts: NgramCounts) -> Any:
        """(N, F) CSR of float32."""
        return self.weights.transform(_only(counts.matrix, self.columns), copy=False)


def count_ngrams(texts: Sequence[str], vectorizer: CountVectorizer) -> NgramCounts:
    """Count all n-grams of a vectorizer's lengths, however rare they are.

    Args:
        texts: N of them.
        vectorizer: Its analyzer, its letters and its lengths count; it is not fitted.

    Examples:
        >>> counts = count_ngrams(["aab", "ba"], CountVectorizer(analyzer="char", ngram_range=(1, 2)))
        >>> counts.matrix.toarray().tolist(), counts.lengths.tolist()
        ([[2.0, 1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0, 1.0]], [1, 2, 2, 1, 2])
    """
    shortest, longest = vectorizer.ngram_range
    counted = [_of_length(texts, vectorizer, length) for length in range(shortest, longest + 1)]
    terms = np.concatenate([own for own, _ in counted])
    lengths = np.repeat(np.arange(shortest, longest + 1, dtype=np.uint8), [len(own) for own, _ in counted])
    order = np.argsort(terms, kind="stable")
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order))
    matrix = sparse.hstack([own for _, own in counted], format="csr", dtype=np.float32)
    matrix = sparse.csr_array((matrix.data, place[matrix.indices], matrix.indptr), shape=matrix.shape)
    matrix.sort_indices()
    return NgramCounts(matrix, lengths[order])


def fit_columns(counts: NgramCounts, vectorizer: TfidfVectorizer) -> tuple[FittedColumns, Any]:
    """What a vectorizer would learn of training texts whose n-grams have been counted, and their (N, F) features.

    Args:
        counts: Of N training texts, of all lengths that the vectorizer asks for.
        vectorizer: Not fitted.

    Raises:
        ValueError: No n-gram is frequent enough.

    Examples:
        >>> vectorizer = TfidfVectorizer(analyzer="char", min_df=2, dtype=np.float32)
        >>> counts = count_ngrams(["aab", "ba"], vectorizer)
        >>> fitted, features = fit_columns(counts, vectorizer)
        >>> bool((features != fitted.features(counts)).nnz == 0)
        True
        >>> bool(np.allclose(features.toarray(), vectorizer.fit_transform(["aab", "ba"]).toarray()))
        True
    """
    shortest, longest = vectorizer.ngram_range
    matrix, lengths = counts.matrix, counts.lengths
    texts_with = np.bincount(matrix.indices, minlength=len(lengths))
    kept = (texts_with >= vectorizer.min_df) & (lengths >= shortest) & (lengths <= longest)
    columns = np.flatnonzero(kept)
    most = vectorizer.max_features
    if most is not None and len(columns) > most:
        total = np.asarray(_only(matrix, columns).sum(axis=0)).ravel()
        columns = np.sort(columns[(-total).argsort()[:most]])
    if not len(columns):
        raise ValueError("After pruning, no terms remain. Try a lower min_df or a higher max_df.")
    own = _only(matrix, columns)
    weights = TfidfTransformer(sublinear_tf=vectorizer.sublinear_tf).fit(own)
    return FittedColumns(columns, weights), weights.transform(own, copy=False)


def _of_length(texts: Sequence[str], vectorizer: CountVectorizer, length: int) -> tuple[NDArray[np.object_], Any]:
    """The n-grams of one length, and (N, ...) how often each occurs in each text."""
    own = CountVectorizer(
        analyzer=vectorizer.analyzer,
        token_pattern=vectorizer.token_pattern,
        ngram_range=(length, length),
        lowercase=vectorizer.lowercase,
        dtype=np.float32,
    )
    try:
        matrix = own.fit_transform(texts)
    except ValueError:
        # No text is as long.
        return np.empty(0, dtype=object), sparse.csr_array((len(texts), 0), dtype=np.float32)
    return own.get_feature_names_out(), matrix


def _only(matrix: Any, columns: NDArray[np.int64]) -> Any:
    """Some columns of a CSR matrix, in their order: scikit-learn's way sorts anew, in ten times the time."""
    place = np.full(matrix.shape[1], -1, dtype=np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    found = place[matrix.indices]
    kept = found >= 0
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr].astype(np.int32)
    return sparse.csr_array((matrix.data[kept], found[kept], ends), shape=(matrix.shape[0], len(columns)))
