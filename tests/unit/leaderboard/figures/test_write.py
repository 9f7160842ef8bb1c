from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.figures.search_figures import importance
from reviewtune.leaderboard.figures.style import write_figure
from reviewtune.leaderboard.figures.write import NAMES, write_figures
from tests.benchmark_modules import load_benchmark

OF_BOARD = {"intervals", "pareto", "roc", "searches"}
OF_ENTRY = {
    "confusion", "roc", "recall", "reliability", "histogram", "thresholds", "history", "curves", "importance",
    "coordinates",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "results"
    made = load_benchmark("made_results")
    return made.make_results(folder, entries=3, trials=36, reviews=120, text="$x_1$ <b>&amp;</b>")


def test_the_board_and_the_first_entry_are_drawn_in_both_forms_and_old_ones_go(results):
    (results / "figures" / "old").mkdir(parents=True)
    (results / "figures" / "old" / "roc.svg").write_text("")
    board = collect(results)
    paths = write_figures(board, results, entries=1)
    names = {(path.parent.name, path.stem) for path in paths}
    first = board.entries[0].name
    assert names == {("board-aaaaaaaa", name) for name in OF_BOARD} | {(first, name) for name in OF_ENTRY}
    assert sorted(path for path in (results / "figures").rglob("*") if path.is_file()) == sorted(paths)
    assert not (results / "figures" / "old").exists()
    assert {path.stem for path in paths} == NAMES
    for path in paths:
        if path.suffix == ".svg":
            ET.parse(path)
        else:
            assert path.read_bytes().startswith(b"\x89PNG")


def test_none_are_drawn_where_none_are_asked_for(results):
    (results / "figures" / "old").mkdir(parents=True, exist_ok=True)
    assert write_figures(collect(results), results, entries=0) == []
    assert not (results / "figures").exists()


def test_what_others_keep_there_stays(results):
    others = [results / "figures" / name for name in ("mine.png", "old/mine.svg", "old/roc.pdf", "deep/er/roc.svg")]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert write_figures(collect(results), results, entries=0) == []
    assert all(path.is_file() for path in others)
    (results / "figures" / "mine.png").unlink()


def test_the_same_numbers_give_the_same_files(tmp_path):
    data = {"importance": [("rate", 0.7), ("width", 0.3)]}
    paths = [write_figure(tmp_path / name, importance(data)) for name in ("one", "other")]
    assert [path.read_bytes() for path in paths[0]] == [path.read_bytes() for path in paths[1]]


def test_a_board_without_anything_to_draw_is_no_failure(results_dir, add_entry, add_failed):
    add_failed("mlp")
    assert write_figures(collect(results_dir), results_dir, entries=1) == []
    predictions = add_entry("svm", trials=[], cost=None).with_name("test_predictions.parquet")
    predictions.unlink()
    drawn = {path.stem for path in write_figures(collect(results_dir), results_dir, entries=1)}
    assert drawn == {"intervals"}


def test_a_place_that_takes_no_folder_is_said_in_one_line(results_dir, add_entry):
    add_entry("svm")
    (results_dir / "figures").write_text("")
    with pytest.raises(ArtifactError, match="figures cannot be written"):
        write_figures(collect(results_dir), results_dir, entries=1)
