"""`predict --address`: the chunks of a long input scored by Ray Data, as one process would have scored them."""

from pathlib import Path

import pytest

from reviewtune import kept_scores
from reviewtune.cli import main
from reviewtune.data import chunks
from tests.unit.serving.conftest import TEXTS, make_words


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_words(tmp_path_factory.mktemp("results") / "words")


def test_a_cluster_has_no_standard_input(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--input", "-", "--output", "a.csv"], ["--input", str(artifact), "--output", "-"]):
        assert main(["predict", "--artifact", str(artifact), *words, "--address", "auto"]) == 2
        assert "--address goes with --input FILE and --output FILE" in capsys.readouterr().err


@pytest.mark.slow
def test_actors_say_what_one_process_says(
    artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (chunks, kept_scores):
        monkeypatch.setattr(module, "CHUNK_ROWS", 5)
    lines = [f'"{text} {number}"' if number % 7 else "" for number in range(6) for text in TEXTS]
    (tmp_path / "in.csv").write_text("text\n" + "\n".join(lines) + "\n")
    words = ["predict", "--artifact", str(artifact), "--input", str(tmp_path / "in.csv")]
    assert main([*words, "--output", str(tmp_path / "here.csv")]) == 0
    assert main([*words, "--output", str(tmp_path / "there.csv"), "--address", "local"]) == 0
    assert (tmp_path / "there.csv").read_text() == (tmp_path / "here.csv").read_text()
    said = capsys.readouterr().err
    assert said.count("labelled 24 reviews in") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.csv", "in.csv", "there.csv"]
