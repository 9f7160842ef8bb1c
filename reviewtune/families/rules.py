"""A shallow decision tree on the surface of a text: what a board's other entries must beat to be worth anything.

In 5 folds of 13,900 reviews of Salminen et al. (2022) F1 is 0.773 with a depth of 2 or 3, 0.802 with 4, 0.808 with 5
and 0.801 with 6, and moves by 0.004 with leaves of 5 to 50 reviews.

scikit-learn follows a tree in C wherever its nodes lead, so skops rightly trusts none that comes from a file. What is
kept are its questions and answers in JSON, which people can read.
Shape letter: `N` reviews.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from reviewtune.data.surface import FEATURES, surface
from reviewtune.errors import ArtifactError
from reviewtune.families.base import Inputs, Leg, Rows, Setting
from reviewtune.families.shared import Work, computed
from reviewtune.families.space import Choice, Integers, Params
from reviewtune.stored import Line, Stored, damage_explained, read_stored

ClassWeight = Literal["none", "balanced"]

MODEL_FILE = "rules.json"
SURFACE = "surface"
"""Of the work that trials share."""
DEEPEST = 20
MOST_NODES = 2 ** (DEEPEST + 1)
STEEPEST = 1e3
"""Of the log-odds of an answer."""


class RulesParams(Params):
    """Configuration of a trial of rules."""

    max_depth: Annotated[int, Integers(2, 6)] = Field(4, ge=1, le=DEEPEST)
    """Questions that are asked of a review, at most."""
    min_samples_leaf: Annotated[int, Integers(5, 200, log=True)] = Field(20, ge=1)
    """Training reviews that every answer must have."""
    class_weight: Annotated[ClassWeight, Choice(["none", "balanced"])] = "none"
    """`balanced` lets both classes weigh the same, however many reviews each has."""


class Rule(Stored):
    """A node of the tree: a question, or an answer where it has no feature."""

    log_odds: float = Field(ge=-STEEPEST, le=STEEPEST)
    """Of fake to genuine training reviews that came here, one more of each counted in: a pure node has finite ones."""
    feature: Line | None = None
    """The feature of `data.surface` that is asked for."""
    at_most: float = 0.0
    """The question is whether the feature is at most this."""
    if_so: int = 0
    """Where a review that has at most this much goes on: the place of a later node."""
    if_not: int = 0
    """Where one that has more goes on."""


class Rules(Stored):
    """The whole tree, its root first."""

    nodes: list[Rule] = Field(min_length=1, max_length=MOST_NODES)

    @model_validator(mode="after")
    def _every_way_ends(self) -> Self:
        for place, node in enumerate(self.nodes):
            if node.feature is None:
                continue
            if node.feature not in FEATURES:
                raise ValueError(f"node {place} asks for {node.feature!r}: the features are {', '.join(FEATURES)}")
            if not all(place < way < len(self.nodes) for way in (node.if_so, node.if_not)):
                raise ValueError(f"node {place} leads to {node.if_so} and {node.if_not}, not to two later nodes")
        return self


@dataclass(frozen=True)
class RulesModel:
    """A tree that was fitted."""

    rules: Rules

    def scores(self, inputs: Any) -> NDArray[np.float64]:
        """(N,) log-odds of the answers that N texts come to: above 0 means fake."""
        if len(inputs) == 0:
            return np.empty(0)
        names, nodes = list(FEATURES), self.rules.nodes
        # scikit-learn chose its thresholds, which have double precision, between numbers of single precision.
        features = computed(inputs, SURFACE, surface).astype(np.float32).astype(np.float64)
        place = np.zeros(len(inputs), dtype=np.intp)
        for own, node in enumerate(nodes):
            if node.feature is not None:
                here = place == own
                so = features[:, names.index(node.feature)] <= node.at_most
                place[here] = np.where(so, node.if_so, node.if_not)[here]
        return np.array([node.log_odds for node in nodes])[place]

    def text_path(self, text: str) -> tuple[float, list[tuple[str, float]]]:
        """The log-odds of all training reviews, and each question that leads to the text's answer, with those after it.

        A question is told with what the text has.

        Examples:
            >>> nodes = [Rule(log_odds=0.0, feature="capitals", at_most=0.2, if_so=1, if_not=2)]
            >>> model = RulesModel(Rules(nodes=[*nodes, Rule(log_odds=-1.5), Rule(log_odds=2.0)]))
            >>> model.text_path("BUY IT")
            (0.0, [('capitals 0.8333 > 0.2', 2.0)])
        """
        features = dict(zip(FEATURES, surface([text]).astype(np.float32).astype(np.float64)[0].tolist(), strict=True))
        node, asked = self.rules.nodes[0], []
        while node.feature is not None:
            value = features[node.feature]
            so = value <= node.at_most
            said = f"{node.feature} {value:.4g} {'<=' if so else '>'} {node.at_most:.4g}"
            node = self.rules.nodes[node.if_so if so else node.if_not]
            asked.append((said, node.log_odds))
        return self.rules.nodes[0].log_odds, asked

    def save(self, folder: Path) -> None:
        """Write `rules.json`."""
        (folder / MODEL_FILE).write_text(self.rules.model_dump_json(indent=1, exclude_defaults=True) + "\n")


class RulesFamily:
    """Surface features and a shallow decision tree.

    Examples:
        >>> train = Rows(["BUY IT NOW", "It broke on the way"] * 5, fake=np.array([True, False] * 5))
        >>> (leg,) = RulesFamily().fit(RulesParams(min_samples_leaf=2), train, Setting())
        >>> scores = leg.model.scores(["BUY IT ALL", "The zip broke on the way"])
        >>> (scores > 0).tolist()
        [True, False]
        >>> leg.model.save(Path())
        >>> (RulesFamily().load(Path()).scores(["BUY IT ALL", "The zip broke on the way"]) == scores).tolist()
        [True, True]
    """

    name = "rules"
    inputs: Inputs = "texts"
    params = RulesParams
    trains_in_epochs = False

    def fit(self, params: RulesParams, train: Rows, setting: Setting) -> Iterator[Leg]:
        """Fit once."""
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(
            max_depth=params.max_depth,
            min_samples_leaf=params.min_samples_leaf,
            class_weight=None if params.class_weight == "none" else params.class_weight,
            random_state=setting.seed,
        )
        tree.fit(computed(train.inputs, SURFACE, surface), train.fake.astype(np.int64))
        yield Leg(number=1, total=1, model=RulesModel(_rules(tree.tree_)))

    def shared_work(self, fixed: Mapping[str, Any]) -> Mapping[str, Work]:  # noqa: ARG002 - none of it matters
        """The features of the texts, which are those of every trial."""
        return {SURFACE: surface}

    def shared_bytes(self, characters: int, fixed: Mapping[str, Any]) -> int:  # noqa: ARG002
        """What they take of texts with so many characters together, were each text as short as a word."""
        return 2 * len(FEATURES) * characters

    def load(self, folder: Path) -> RulesModel:
        """The model in `rules.json`.

        Raises:
            ArtifactError: The file is missing or damaged.
        """
        path = folder / MODEL_FILE
        if not path.is_file():
            raise ArtifactError(f"{folder} holds no rules: {MODEL_FILE} is missing; give the folder of an artifact")
        with damage_explained(ArtifactError, str(path), "copy or export the artifact again"):
            return RulesModel(read_stored(path, Rules))


def _rules(tree: Any) -> Rules:
    """The questions and answers of a fitted tree of scikit-learn, whose nodes lead to later ones only."""
    counts = tree.value[:, 0, :] * tree.weighted_n_node_samples[:, None] + 1
    log_odds = np.log(counts[:, 1] / counts[:, 0])
    names, nodes = list(FEATURES), []
    for place in range(tree.node_count):
        rule: dict[str, Any] = {"log_odds": float(log_odds[place])}
        if tree.feature[place] >= 0:
            ways = {"if_so": int(tree.children_left[place]), "if_not": int(tree.children_right[place])}
            asked = {"feature": names[tree.feature[place]], "at_most": float(tree.threshold[place])}
            rule |= asked | ways
        nodes.append(Rule(**rule))
    return Rules(nodes=nodes)
