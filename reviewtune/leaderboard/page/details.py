"""All that the page says of one entry: what is drawn of it, what it gets wrong, and how it was made."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.entry import ERRORS_FILE, LABEL_ISSUES_FILE, PREDICTIONS_FILE, Entry, entry_path
from reviewtune.leaderboard.page.budget import Budget
from reviewtune.leaderboard.page.command import command_of
from reviewtune.leaderboard.page.judged import Judged, curves, read_judged
from reviewtune.leaderboard.page.listed import Listed, read_listed
from reviewtune.leaderboard.page.trials import read_trials, search_figures
from reviewtune.leaderboard.page.words import Texts, with_words
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.tracebacks import reason_of

Found = TypeVar("Found")


@dataclass(frozen=True)
class Details:
    """What lies beside an entry, as the page takes it.

    Attributes:
        judged: What its predictions are drawn from; None where they are not there.
        search: What its search is drawn from; None where it had fewer than two trials.
        course: The best validation F1 so far over its trials, where that rises: (trial, F1).
        errors, issues: Reviews to look at; None where their files are not there or hold none.
        command: That made its study; None where its settings are not there.
        predictions: On the test split; None where they are not there.
    """

    judged: dict[str, Any] | None
    search: dict[str, Any] | None
    course: list[tuple[int, float]]
    errors: Listed | None
    issues: Listed | None
    command: str | None
    predictions: Judged | None

    @property
    def data(self) -> dict[str, Any]:
        """For the page's script."""
        return {"judged": self.judged, "search": self.search}


NOTHING_BESIDE = Details(None, None, [], None, None, None, None)


def read_details(
    entry: Entry, results_dir: Path, budget: Budget, *, weighed: bool, texts: Texts | None, warnings: list[str]
) -> Details:
    """Read what lies beside an entry; what cannot be read is left out, with a warning.

    It is read anew with every board of a study, so whatever lies there must cost its entry the figures and no more.

    Args:
        entry: Whose.
        results_dir: Of its board.
        budget: Of the page.
        weighed: Whether to compute the importance of its params.
        texts: Of reviews, where lists show them; None: they do not.
        warnings: Takes a line for what is damaged.
    """
    try:
        return _read(entry, results_dir, budget, weighed=weighed, texts=texts, warnings=warnings)
    except Exception as error:  # noqa: BLE001 - files of others, damaged in ways that nobody foresaw
        warnings.append(f"{entry.name} is shown without what lies beside it ({reason_of(error)})")
        return NOTHING_BESIDE


def _read(
    entry: Entry, results_dir: Path, budget: Budget, *, weighed: bool, texts: Texts | None, warnings: list[str]
) -> Details:
    folder = entry_path(results_dir, entry.study_id, entry.family).parent

    def told(read: Callable[[], Found]) -> Found | None:
        try:
            return read()
        except ArtifactError as error:
            warnings.append(str(error).removeprefix(f"{results_dir}/"))
            return None

    predictions = told(lambda: read_judged(folder / PREDICTIONS_FILE)) if entry.test else None
    trials = read_trials(folder / "trials")

    def listed(name: str) -> Listed | None:
        return read_listed(folder / name, with_texts=texts is not None, most=budget.rows) if entry.test else None

    return Details(
        judged=curves(predictions, entry, _threshold(results_dir, entry), budget.points) if predictions else None,
        search=search_figures(trials, entry.params, budget, weighed=weighed),
        course=_course([trial.f1 for trial in trials]),
        errors=with_words(listed(ERRORS_FILE), folder, texts) if texts else listed(ERRORS_FILE),
        issues=listed(LABEL_ISSUES_FILE),
        command=command_of(folder.parent),
        predictions=predictions,
    )


def _threshold(results_dir: Path, entry: Entry) -> float | None:
    """That of the entry's artifact; None where it cannot be read, and the curve's own place must do."""
    try:
        value = json.loads((results_dir / str(entry.artifact) / ARTIFACT_FILE).read_bytes())["threshold"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, int | float) else None


def _course(scores: list[float | None]) -> list[tuple[int, float]]:
    rises: list[tuple[int, float]] = []
    for number, score in enumerate(scores, start=1):
        if score is not None and (not rises or score > rises[-1][1]):
            rises.append((number, round(score, 4)))
    if rises and rises[-1][0] < len(scores):
        rises.append((len(scores), rises[-1][1]))
    return rises
