import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from reviewtune.data.reviews import load_reviews
from reviewtune.data.surface import FEATURES, surface
from reviewtune.errors import ArtifactError
from reviewtune.families.base import Asking, Rows, Setting
from reviewtune.families.rules import MODEL_FILE, Rule, Rules, RulesFamily, RulesModel, RulesParams

TEXTS = ["Very good tent.", "very good tent", "It broke twice!", "It broke.And again"] * 10
FAKE = np.array([False, True, False, True] * 10)


def fit(texts: list[str] = TEXTS, fake: np.ndarray = FAKE, **params: object) -> RulesModel:
    (leg,) = RulesFamily().fit(RulesParams(**params), Rows(texts, fake), Setting())
    return leg.model


def node(log_odds: float, feature: str | None = None, at_most: float = 0.0, if_so: int = 0, if_not: int = 0) -> Rule:
    return Rule(log_odds=log_odds, feature=feature, at_most=at_most, if_so=if_so, if_not=if_not)


def test_a_tree_is_followed_by_hand() -> None:
    tree = [node(0, "words", 2, 1, 2), node(-1), node(0, "ends_closed", 0.5, 3, 4), node(2), node(-3)]
    texts = ["Two words", "There are three", "Here are three!", "x"]
    np.testing.assert_array_equal(RulesModel(Rules(nodes=tree)).scores(texts), [-1, 2, -3, -1])


def test_a_feature_is_as_precise_as_scikit_learn_takes_it() -> None:
    tree = Rules(nodes=[node(0, "capitals", 1 / 3, 1, 2), node(-1), node(1)])
    assert float(np.float32(1 / 3)) > 1 / 3
    np.testing.assert_array_equal(RulesModel(tree).scores(["Abc", "Abcd"]), [1, -1])


def test_scores_are_those_of_scikit_learns_tree() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("aB1 .!?\u00e9\n"), rng.integers(1, 60))) for _ in range(400)]
    fake = rng.random(400) < 0.3 + 0.4 * np.array([text.endswith(".") for text in texts])
    tree = DecisionTreeClassifier(max_depth=6, min_samples_leaf=5, random_state=0).fit(surface(texts), fake)
    model = fit(texts, fake, max_depth=6, min_samples_leaf=5)
    assert len(model.rules.nodes) == tree.tree_.node_count > 20
    leaves = tree.apply(surface(texts))
    for leaf in np.unique(leaves):
        inside = fake[leaves == leaf]
        expected = np.log((inside.sum() + 1) / ((~inside).sum() + 1))
        np.testing.assert_allclose(model.scores(texts)[leaves == leaf], expected)


def test_what_is_said_does_not_matter() -> None:
    model = fit()
    assert ((model.scores(TEXTS) > 0) == FAKE).all()
    np.testing.assert_array_equal(model.scores(["Zany zoo zen"]), model.scores(["Same oak era"]))


def test_depth_and_leaves_are_as_told() -> None:
    assert len(fit(max_depth=1).rules.nodes) == 3
    assert len(fit(min_samples_leaf=21).rules.nodes) == 1


def test_balanced_classes_weigh_the_same() -> None:
    texts, fake = TEXTS[:2] * 5 + ["very good tent"] * 30, np.array([False, True] * 5 + [True] * 30)
    assert fit(texts, fake, min_samples_leaf=40).scores(["x"])[0] > 1
    assert abs(fit(texts, fake, min_samples_leaf=40, class_weight="balanced").scores(["x"])[0]) < 1e-9


def test_the_artifact_is_read_by_people(tmp_path: Path) -> None:
    fit(["Very good tent.", "Very good. tent"] * 20, FAKE, max_depth=1).save(tmp_path)
    root, *answers = json.loads((tmp_path / MODEL_FILE).read_text())["nodes"]
    assert (root["feature"], root["at_most"]) == ("ends_closed", 0.5)
    assert [set(answer) for answer in answers] == [{"log_odds"}, {"log_odds"}]
    assert answers[0]["log_odds"] > 0 > answers[1]["log_odds"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"if_so": 0}, "node 0 leads to 0 and 2, not to two later nodes"),
        ({"if_so": -1}, "node 0 leads to -1 and 2"),
        ({"if_not": 3}, "node 0 leads to 1 and 3"),
        ({"feature": "mood"}, "node 0 asks for 'mood': the features are characters, words"),
        ({"log_odds": 1e9}, "nodes.0.log_odds=1000000000.0: input should be less"),
        ({"at_most": "0.5"}, "nodes.0.at_most='0.5': input should be a valid number"),
    ],
)
def test_a_tree_that_leads_nowhere_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    fit(max_depth=1).save(tmp_path)
    told = json.loads((tmp_path / MODEL_FILE).read_text())
    told["nodes"][0] |= change
    (tmp_path / MODEL_FILE).write_text(json.dumps(told))
    with pytest.raises(ArtifactError) as refusal:
        RulesFamily().load(tmp_path)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_surface_of_published_reviews_tells_most_fakes(salminen_csv: Path) -> None:
    reviews = load_reviews(str(salminen_csv))
    texts, fake = reviews.table["text"].to_pylist(), reviews.table["fake"].to_numpy(zero_copy_only=False)
    held_out = np.arange(len(texts)) % 5 == 0
    train = [text for text, out in zip(texts, held_out, strict=True) if not out]
    test = [text for text, out in zip(texts, held_out, strict=True) if out]
    predicted = fit(train, fake[~held_out]).scores(test) > 0
    assert 0.76 <= f1_score(fake[held_out], predicted) <= 0.83


def test_features_are_as_many_as_columns() -> None:
    assert surface(["a", "b"]).shape == (2, len(FEATURES))


def test_the_questions_that_lead_to_an_answer_are_told() -> None:
    tree = [node(0.5, "words", 3, 1, 2), node(-1), node(0.75, "capitals", 0.1, 3, 4), node(1.5), node(-2)]
    model = RulesModel(Rules(nodes=tree))
    assert isinstance(model, Asking)
    assert model.text_path("one two") == (0.5, [("words 2 <= 3", -1.0)])
    assert model.text_path("one two three FOUR") == (0.5, [("words 4 > 3", 0.75), ("capitals 0.2222 > 0.1", -2.0)])
    for text in TEXTS:
        before, asked = model.text_path(text)
        assert [before, *(after for _, after in asked)][-1] == model.scores([text])[0]
