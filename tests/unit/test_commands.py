"""What the verbs refuse before they do any work."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reviewtune import first_look, scoring
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
    for output, flag, asked in (
        (data, "--data", data),
        (data, "--data", f"shop={data}"),
        (data, "--data", f"{data}:CG"),
        (tmp_path / "link.json", "--data", data),
        (artifact / "x.json", "--artifact", data),
    ):
        words = ["evaluate", "--artifact", artifact, "--data", asked, "--output", output]
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


@pytest.mark.parametrize(
    ("label", "rate", "untold"),
    [("CG", "recall", "false-alarm rate"), ("OR", "false_positive_rate", "recall, precision")],
)
def test_reviews_of_one_class_are_scored_by_what_they_can_tell(
    label: str,
    rate: str,
    untold: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    classifier = SimpleNamespace(
        fake_probability=lambda texts: np.array([0.9] * (len(texts) - 1) + [0.1]), shift=lambda texts: None
    )
    info = SimpleNamespace(threshold=0.5, data_sha256="", prevalence=None, at=lambda *_: info)
    monkeypatch.setattr(scoring, "load_as", lambda *_, **__: classifier)
    monkeypatch.setattr(scoring, "read_info", lambda _: info)
    monkeypatch.setattr(first_look, "look", lambda _: None)
    data, output = tmp_path / "in.csv", tmp_path / "scores.json"
    data.write_text("text,label\n" + "".join(f"review {word},{label}\n" for word in "abcd"))
    words = ["evaluate", "--artifact", "a", "--data", data, "--fake-label", "CG", "--output", output]
    assert main([str(word) for word in words]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert untold in shown[-1]
    measured = json.loads(output.read_text())
    assert measured[rate] == 0.75
    assert not {"f1", "roc_auc", "precision"} & set(measured)
