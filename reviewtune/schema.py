"""The names that every part of reviewtune agrees on: columns, splits and file names.

Nothing of reviewtune is imported here, so everything may import this.
"""

from typing import Literal

ID = "id"
TEXT = "text"
FAKE = "fake"
GROUP = "group"
CATEGORY = "category"
RATING = "rating"
LANGUAGE = "language"
ROW = "row"
SOURCE = "source"
SPLIT = "split"
CLUSTER = "cluster"
FAKE_PROBABILITY = "fake_probability"
LABEL = "label"
FAMILIAR = "familiar"
TEXT_NAMES = (
    "text",
    "text_",
    "review",
    "reviews",
    "review_text",
    "reviewtext",
    "review_body",
    "content",
    "body",
    "comment",
)
"""What the column of a review's text is usually called, in lower case."""
WORD_LETTERS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Ranges of a regular expression: the letters that are a word each, kana and Chinese characters."""
OWN = " (own)"
"""Ends the name of a user's own column where reviewtune has one of that name."""

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)

FAKE_NAME = "fake"
GENUINE_NAME = "genuine"
LABEL_NAMES = (GENUINE_NAME, FAKE_NAME)
"""Index 0 is genuine, index 1 is fake: in `id2label`, in `predict_proba`'s columns, in the `label` of predictions."""

Objective = Literal["f1", "tpr_at_fpr", "log_loss", "average_precision"]
"""What a search can be for (`evaluation.objective`)."""
F1: Objective = "f1"
"""F1 of the fake class: what it is for unless something else is asked."""
JUDGED = "judged"
"""Key of the score that chooses: the objective, made such that higher is better."""

LEADERBOARD_SCHEMA = 1
ARTIFACT_SCHEMA = 2
ARTIFACT_FILE = "reviewtune.json"
