"""A study that is scored on reviews from elsewhere, by the program, in this process and its Ray."""

import json
from pathlib import Path
from typing import Any

import pytest

from reviewtune.cli import main
from reviewtune.data.sample import generate
from reviewtune.evaluation.transfer import TRANSFER_FILE
from tests.unit.test_transfer import written

ROWS = generate(260, seed=7).to_pylist()
HOME, OTHER = ROWS[:160], ROWS[160:]
FAMILIES = ("tfidf", "rules", "ensemble")
SPACE = {"tfidf": {"analyzer": "word", "min_df": 1}, "rules": {"max_depth": 2}}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command without `--transfer`."""
    folder = tmp_path_factory.mktemp("study")
    written(folder / "home.csv", HOME)
    options = {"data": folder / "home.csv", "results-dir": folder / "results", "families": ",".join(FAMILIES)}
    options |= {"num-trials": 1, "finalists": 0, "figures": 0, "validation-size": 0.2, "space": json.dumps(SPACE)}
    return ["tune", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]


def entries(results: Path) -> dict[str, Any]:
    return {entry["family"]: entry for entry in json.loads((results / "leaderboard.json").read_text())["entries"]}


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_entries_are_scored_elsewhere_without_training_and_once(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Path(words[4])
    assert main(words) == 0
    before = entries(results)
    assert {tuple(entry["transfer"]) for entry in before.values()} == {()}
    hotels = written(tmp_path / "hotels.csv", [*OTHER, *HOME[:7]])
    fakes = written(tmp_path / "b.csv", [{**row, "label": "bot"} for row in OTHER if row["label"] == "fake"])
    told = [*words, "--transfer", str(hotels), "--transfer", f"bots={fakes}:bot"]
    capsys.readouterr()

    assert main(told) == 0
    shown = capsys.readouterr()
    assert "left out of hotels, for they are the study's reviews or near-duplicates of them: " in shown.err
    assert "On other reviews" in shown.out
    after = entries(results)
    assert {name: {**entry, "transfer": []} for name, entry in after.items()} == before
    for name in FAMILIES:
        assert f"{name}: scoring on hotels, bots\n" in shown.err
        assert not {f"{name}: {state}" for state in ("preparing", "tuning", "assessing")} & set(shown.err.splitlines())
        first, second = after[name]["transfer"]
        assert (first["name"], second["name"]) == ("hotels", "bots")
        assert 0 < first["num_fake"] < first["num_reviews"] <= len(OTHER)
        assert second["num_fake"] == second["num_reviews"]
        assert second["recall"] is not None
        assert second["f1"] is None
        assert "| hotels (hotels.csv) |" in (results / after[name]["artifact"] / "README.md").read_text()
        stored = results / after[name]["artifact"] / "reviewtune.json"
        assert json.loads(stored.read_text())["threshold"] == first["threshold"]

    kept = {path: path.stat().st_mtime_ns for path in results.rglob(TRANSFER_FILE)}
    assert main(told) == 0
    assert "scoring on" not in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert entries(results) == after

    rules = results / after["rules"]["artifact"]
    assert main(["evaluate", "--artifact", str(rules), "--data", str(hotels), "--keep", "shop"]) == 0
    shown = capsys.readouterr()
    assert f"; leaderboard.json, .csv, .md and .html in {results} show it\n" in shown.out
    assert "left out of shop, for they are" in shown.err
    again = entries(results)
    assert {**again["rules"]["transfer"][2], "name": "hotels"} == after["rules"]["transfer"][0]
    assert again["tfidf"] == after["tfidf"]


@pytest.mark.parametrize(
    ("transfer", "status", "said"),
    [
        (["nothere.csv"], 1, "there is no file or folder nothere.csv: a source is "),
        (["a=OTHER", "a=HOME"], 2, "two of --transfer are called a: name them apart, --transfer one=FILE "),
        (["home=HOME"], 1, "home: all 160 reviews of home.csv are those of the study or near-duplicates of them, and "),
        (["x=OTHER:spam"], 1, "x: --fake-label 'spam' is no label of 'label': found 'genuine' "),
        ([""], 2, "--transfer is empty: give it a value, or leave it out"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_trains(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], transfer: list[str], status: int, said: str
) -> None:
    places = {"HOME": words[2], "OTHER": str(written(tmp_path / "other.csv", OTHER))}
    for name, place in places.items():
        transfer = [value.replace(name, place) for value in transfer]
    asked = [word for value in transfer for word in ("--transfer", value)]
    assert main([*words, "--study", "fresh", *asked]) == status
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (Path(words[4]) / "studies" / "fresh").exists()
