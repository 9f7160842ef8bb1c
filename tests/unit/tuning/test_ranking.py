from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reviewtune.errors import StudyError
from reviewtune.leaderboard.entry import Entry, Provenance, entry_path, read_entry
from reviewtune.tuning import ranking
from reviewtune.tuning.ranking import rank
from tests.unit.leaderboard.conftest import entry_of

NO_CLUSTER: Any = None


@pytest.fixture
def further(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What there is to know besides, which other tests look at: whether each of it is new."""
    new = {"explain_errors": False, "score_elsewhere": False}
    for name in list(new):
        monkeypatch.setattr(ranking, name, lambda *_, name=name: new[name])
    return new


@pytest.fixture
def study(tmp_path: Path, further: Any) -> Any:
    return SimpleNamespace(config=SimpleNamespace(results_dir=tmp_path), study_id="s")


def entry() -> Entry:
    about = Provenance(
        data="d", data_sha256="1" * 64, split_sha256="2" * 64, code="c", versions={}, seed=1, hardware="h",
        created="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    return Entry(
        study_id="s", family="svm", encoder=None, status="failed", error="e", params={}, num_trials=1, provenance=about
    )


def test_an_entry_is_kept_beside_its_study_and_the_board_is_written_anew(study: Any, tmp_path: Path) -> None:
    assert rank(study, "svm", entry, NO_CLUSTER, SimpleNamespace()) is None  # type: ignore[arg-type]
    assert read_entry(entry_path(tmp_path, "s", "svm")) == entry()
    assert '"svm"' in (tmp_path / "leaderboard.json").read_text()
    assert {path.name for path in tmp_path.glob("leaderboard.*")} >= {"leaderboard.csv", "leaderboard.md"}


@pytest.mark.parametrize(("new", "times"), [((), 1), (("explain_errors",), 2), (("score_elsewhere",), 2)])
def test_the_board_is_written_again_where_more_became_known(
    study: Any, further: dict[str, bool], monkeypatch: pytest.MonkeyPatch, new: tuple[str, ...], times: int
) -> None:
    further |= dict.fromkeys(new, True)
    written: list[Path] = []
    monkeypatch.setattr(ranking, "export", lambda board, folder: written.append(folder))
    assert rank(study, "svm", entry, NO_CLUSTER, SimpleNamespace()) is None  # type: ignore[arg-type]
    assert written == [study.config.results_dir] * times


@pytest.mark.parametrize("error", [StudyError("its predictions are gone"), OSError("no space left")])
def test_an_entry_with_nothing_to_look_at_is_on_the_board_all_the_same(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    lines: list[str] = []
    looked: list[Any] = []

    def look(of: Any, made: Entry) -> None:
        looked.append((of, made))
        raise error

    monkeypatch.setattr(ranking, "look_closer", look)
    assert rank(study, "svm", entry, NO_CLUSTER, SimpleNamespace(say=lines.append)) is None  # type: ignore[arg-type]
    assert looked == [(study, entry())]
    assert lines == [f"svm is on the board without slices and errors to look at: {error}"]
    assert '"svm"' in (tmp_path / "leaderboard.json").read_text()


def test_an_artifact_that_is_gone_costs_the_scores_of_its_card_and_nothing_else(study: Any, tmp_path: Path) -> None:
    lines: list[str] = []
    scored = entry_of("svm", study="s", artifact="artifacts/gone")
    study.inputs = None
    assert rank(study, "svm", lambda: scored, NO_CLUSTER, SimpleNamespace(say=lines.append)) is None  # type: ignore[arg-type]
    assert [line.partition(":")[0] for line in lines] == [
        "svm is on the board without slices and errors to look at",
        "svm is on the board, and its model card without its scores",
    ]
    assert '"svm"' in (tmp_path / "leaderboard.json").read_text()


def test_a_card_made_by_hand_stays_while_nothing_is_new(
    study: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, card = tmp_path / "artifacts" / "a", tmp_path / "artifacts" / "a" / "README.md"
    artifact.mkdir(parents=True)
    monkeypatch.setattr(ranking, "look_closer", lambda *_: None)
    monkeypatch.setattr(ranking, "write_card", lambda folder: (folder / "README.md").write_text("ours"))

    def ranked(confusion: tuple[int, ...] = (9, 1, 1, 9)) -> str:
        scored = entry_of("svm", confusion, study="s", artifact="artifacts/a")
        assert rank(study, "svm", lambda: scored, NO_CLUSTER, SimpleNamespace()) is None  # type: ignore[arg-type]
        return card.read_text()

    assert ranked() == "ours"
    card.write_text("theirs")
    assert ranked() == "theirs"
    card.unlink()
    assert ranked() == "ours"
    card.write_text("theirs")
    assert ranked((8, 2, 1, 9)) == "ours"


def test_an_entry_that_cannot_be_made_is_said_and_leaves_no_file(study: Any, tmp_path: Path) -> None:
    ends: list[Any] = []
    lines: list[str] = []
    progress: Any = SimpleNamespace(end=lambda *told: ends.append(told), say=lines.append)
    error = StudyError("it has no scores")

    def fail() -> Entry:
        raise error

    assert rank(study, "svm", fail, NO_CLUSTER, progress) is error
    assert (ends, lines) == ([("svm", "failed", None)], ["svm: it has no scores"])
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_ours_is_not_taken_for_the_studys(study: Any) -> None:
    def fail() -> Entry:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rank(study, "svm", fail, NO_CLUSTER, SimpleNamespace())  # type: ignore[arg-type]
