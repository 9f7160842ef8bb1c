import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from reviewtune.data.duplicates import near_duplicate_clusters
from reviewtune.data.sample import DEFAULT_SIZE, TYPOS, generate
from reviewtune.data.sample_grammar import CATEGORIES


@pytest.fixture(scope="module")
def corpus() -> list[dict[str, object]]:
    return generate().to_pylist()


@pytest.fixture(scope="module")
def fake(corpus: list[dict[str, object]]) -> np.ndarray:
    return np.array([row["label"] == "fake" for row in corpus])


def test_a_seed_always_gives_the_same_table() -> None:
    assert generate(60, seed=3).equals(generate(60, seed=3))
    assert not generate(60, seed=3).equals(generate(60, seed=4))


def test_the_published_numbers_are_of_this_very_table(corpus: list[dict[str, object]]) -> None:
    """A change of the generator's words is a change of the sample: the board in the README is then printed anew."""
    told = hashlib.sha256(json.dumps(corpus, sort_keys=True).encode()).hexdigest()
    assert told[:16] == "b2a6d362503ce147"


def test_labels_are_balanced(corpus: list[dict[str, object]], fake: np.ndarray) -> None:
    assert len(corpus) == DEFAULT_SIZE
    assert abs(fake.mean() - 0.5) < 0.03


def test_there_are_eight_categories_of_four_products_and_more() -> None:
    assert len(CATEGORIES) >= 8
    assert min(len(products) for products in CATEGORIES.values()) >= 4


def test_some_reviews_are_near_duplicates(corpus: list[dict[str, object]]) -> None:
    sizes = Counter(near_duplicate_clusters([str(row["text"]) for row in corpus]).tolist())
    twins = sum(size for size in sizes.values() if size > 1)
    assert 0.03 < twins / len(corpus) < 0.15


def test_length_rating_and_category_do_not_tell_the_label(corpus: list[dict[str, object]], fake: np.ndarray) -> None:
    texts = [str(row["text"]) for row in corpus]
    surface = [[len(text), len(text.split()), text.count("."), text.count(","), text[-1] == "."] for text in texts]
    kinds = OneHotEncoder(sparse_output=False).fit_transform([[row["category"], row["rating"]] for row in corpus])
    scores = cross_val_predict(
        make_pipeline(LogisticRegression(max_iter=2000)), np.hstack([surface, kinds]), fake, method="decision_function"
    )
    assert roc_auc_score(fake, scores) < 0.6


def test_counting_words_is_hard(corpus: list[dict[str, object]], fake: np.ndarray) -> None:
    texts = [str(row["text"]) for row in corpus]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LinearSVC())
    assert 0.45 < f1_score(fake, cross_val_predict(model, texts, fake)) < 0.75


def test_a_genuine_review_is_about_one_product() -> None:
    table = [row for row in generate(400, seed=5).to_pylist() if row["label"] == "genuine"]
    others = {product.name: product.short for products in CATEGORIES.values() for product in products}
    consistent = [
        not any(f" {name}" in row["text"] for name in others if name != row["product"] and row["product"] not in name)
        for row in table
    ]
    assert np.mean(consistent) > 0.97


def test_typos_are_in_both_labels() -> None:
    assert 0 < TYPOS < 0.05
    known = {word for row in generate(3000, seed=9).to_pylist() for word in row["text"].split()}
    rows = generate(300, seed=11).to_pylist()
    for label in ("fake", "genuine"):
        words = [word for row in rows if row["label"] == label for word in row["text"].split()]
        assert 0.001 < np.mean([word not in known for word in words]) < 0.05
