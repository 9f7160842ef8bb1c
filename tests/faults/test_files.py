"""Damage to each kind of file under a finished results directory, read in this process; `files.py` does more."""

import shutil
from pathlib import Path

import pytest

from reviewtune.cli import main
from tests.faults.damage import DAMAGES, kinds
from tests.faults.files import FINE, judged, predict_words, scores
from tests.faults.kill import Killed
from tests.faults.said import extraordinary


@pytest.fixture(scope="module")
def results(killed_driver: tuple[Killed, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a finished results directory, without what is Ray's."""
    copy = tmp_path_factory.mktemp("finished") / "results"
    shutil.copytree(killed_driver[1], copy, ignore=shutil.ignore_patterns("tune", ".train"))
    return copy


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Exit status, and what no undamaged run says."""
    capsys.readouterr()
    status = main(words)
    out, err = capsys.readouterr()
    return status, extraordinary(err.splitlines()) + [line for line in out.splitlines() if line.startswith("warning")]


@pytest.mark.parametrize("how", DAMAGES)
def test_a_board_is_the_same_or_says_what_it_left_out(
    how: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read = {kind: path for kind, path in kinds(results).items() if kind.startswith("studies/")}
    assert {"studies/*/tfidf/entry.json", "studies/*/tfidf/test_predictions.parquet"} <= read.keys()
    for number, (kind, path) in enumerate(read.items()):
        copy = tmp_path / str(number)
        shutil.copytree(results, copy)
        DAMAGES[how](copy / path)
        status, said = answer(["leaderboard", "--results-dir", str(copy)], capsys)
        assert judged(status, said, same=status == 0 and scores(copy) == scores(results, of=copy)) in FINE, (kind, said)


@pytest.mark.parametrize("how", DAMAGES)
def test_an_artifact_labels_the_same_or_is_refused(
    how: str, results: Path, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (artifact,) = (results / "artifacts").iterdir()
    output = tmp_path / "labels.csv"
    assert main(predict_words(inputs, artifact, output)) == 0
    expected = output.read_bytes()
    files = [path.relative_to(artifact) for path in artifact.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in files:
        copy = tmp_path / "artifact"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(artifact, copy)
        DAMAGES[how](copy / path)
        status, said = answer(predict_words(inputs, copy, output), capsys)
        assert judged(status, said, same=output.read_bytes() == expected) in {"same", "refused"}, (path, said)
