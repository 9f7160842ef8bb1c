"""What the verbs refuse before they do any work."""

import json
from pathlib import Path

import pytest

from reviewtune.cli import main


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    status = main([str(word) for word in words])
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert not shown.out
    return status, shown.err


def test_scores_need_a_folder_to_go_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    artifact, output = tmp_path / "art", tmp_path / "no" / "scores.json"
    artifact.mkdir()
    (artifact / "reviewtune.json").write_text("{}")
    words = ["evaluate", "--artifact", artifact, "--data", "sample", "--output", output]
    assert "there is no folder" in refused(capsys, *words)[1]


def test_scores_go_onto_nothing_that_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, artifact = tmp_path / "in.csv", tmp_path / "art"
    data.write_text("text,label\na,CG\nb,OR\n")
    artifact.mkdir()
    (tmp_path / "link.json").hardlink_to(data)
    (artifact / "reviewtune.json").write_text("{}")
    for output, flag in ((data, "--data"), (tmp_path / "link.json", "--data"), (artifact / "x.json", "--artifact")):
        words = ["evaluate", "--artifact", artifact, "--data", data, "--output", output]
        status, err = refused(capsys, *words)
        assert (status, f"that {flag} reads: give another" in err) == (2, True)
    assert data.read_text().startswith("text")


@pytest.mark.parametrize("verb", ["tune", "embed"])
def test_results_need_a_folder(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    status, err = refused(capsys, verb, "--results-dir", tmp_path / "file")
    assert (status, "is no folder" in err) == (2, True)


def test_a_space_of_a_family_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = json.dumps({"qlorra": {"rank": 8}})
    status, err = refused(capsys, "tune", "--results-dir", tmp_path, "--families", "tfidf", "--space", space)
    assert (status, "unknown family 'qlorra'" in err) == (2, True)
