"""What the code of another package raises in a study costs what it was for, and the study goes on."""

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Program
from tests.registering import install

CODE = """
from reviewtune.families.rules import Leg, RulesFamily


class Model:
    def __init__(self, model):
        self.model, self.save = model, model.save

    def scores(self, texts):
        if any("hotel" in text for text in texts):
            raise ValueError("it knows no hotels")
        return self.model.scores(texts)


class WaryFamily(RulesFamily):
    name = "wary"

    def fit(self, params, train, setting):
        for leg in super().fit(params, train, setting):
            yield Leg(number=1, total=1, model=Model(leg.model))

    def load(self, folder):
        return Model(super().load(folder))


class ForgetfulFamily(WaryFamily):
    name = "forgetful"

    def load(self, folder):
        raise LookupError("where was it")
"""


@pytest.mark.slow
def test_what_it_raises_costs_the_row_or_the_entry_and_not_the_study(
    reviewtune: Program, reviews_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families = {"forgetful": "own_family:ForgetfulFamily", "wary": "own_family:WaryFamily"}
    install(tmp_path, monkeypatch, code=CODE, families=families)
    hotels = tmp_path / "hotels.csv"
    rooms = [f"This hotel has {number} rooms and {'a' if number % 2 else 'no'} garden" for number in range(40)]
    hotels.write_text("\n".join(["text,label", *(f"{room},{'CG' if 'a g' in room else 'OR'}" for room in rooms)]))
    words = ["--data", reviews_csv, "--results-dir", tmp_path / "results", "--num-trials", 1, "--looks", 0]
    words += ["--finalists", 0, "--transfer", f"hotels={hotels}:CG"]
    done = reviewtune("tune", "--families", "forgetful,wary,rules", *words)
    assert done.code == 0, done.err
    whose = "the code of {} of own-family 1.0 failed ({}): update that package, or tell its authors"
    lines = done.err.splitlines()
    assert f"forgetful: {whose.format('forgetful', 'LookupError: where was it')}" in lines
    assert f"wary: not scored on hotels: {whose.format('wary', 'ValueError: it knows no hotels')}" in lines
    board = json.loads((tmp_path / "results" / "leaderboard.json").read_text())
    rows = {entry["family"]: [row["name"] for row in entry["transfer"]] for entry in board["entries"]}
    assert rows == {"wary": [], "rules": ["hotels"]}
