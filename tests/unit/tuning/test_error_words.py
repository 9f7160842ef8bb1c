"""The words of an entry's errors: what is weighed, what is kept, what is known already, and what a failure costs."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from reviewtune.artifact import write_artifact
from reviewtune.config import StudyConfig
from reviewtune.errors import ArtifactError
from reviewtune.explanation import text_sha256
from reviewtune.families.base import Rows, Setting
from reviewtune.families.rules import RulesFamily, RulesParams
from reviewtune.leaderboard.explained_errors import read_explanations
from reviewtune.tuning import error_words
from reviewtune.tuning.error_words import MOST_PARTS, explain_errors, how_many
from reviewtune.tuning.session import Cluster
from tests.registering import give_away
from tests.unit.artifact_infos import info_of

NUMBER = 40
TEXTS = [
    f"review number {number} is {'good!! ' * (number % 3)}" + "so " * 60 * (number == 7) for number in range(NUMBER)
]
IDS = [f"{number:03}" for number in range(NUMBER)]
FAKE = np.arange(NUMBER) % 2 == 0
LISTED = ["012", "007", "030"]
ENTRY: Any = SimpleNamespace(family="rules", params={}, cost=SimpleNamespace(reviews_per_second=100.0))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], float, float]]:
    """What was explained on a worker, and the CPUs and GPUs that it reserved."""
    explained: list[tuple[list[str], float, float]] = []

    def on_worker(work: Any, *, cpus: float, gpus: float) -> Any:
        def run(folder: Path, texts: list[str]) -> Any:
            explained.append((texts, cpus, gpus))
            return work(folder, texts)

        return run

    monkeypatch.setattr(error_words, "on_worker", on_worker)
    monkeypatch.setattr(error_words, "read_entry", lambda _: ENTRY)
    return explained


@pytest.fixture
def study(tmp_path: Path) -> Any:
    model: Any = next(iter(RulesFamily().fit(RulesParams(min_samples_leaf=2), Rows(TEXTS, FAKE), Setting()))).model
    write_artifact(tmp_path / "artifacts" / "s-rules", info_of(), model)
    folder = tmp_path / "studies" / "s" / "rules"
    folder.mkdir(parents=True)
    list_errors(folder, LISTED)
    return SimpleNamespace(
        config=StudyConfig(results_dir=tmp_path, cpus_per_trial=2), study_id="s",
        artifact=lambda family: f"artifacts/s-{family}",
        inputs=SimpleNamespace(reviews=SimpleNamespace(table=pa.table({"id": IDS, "text": TEXTS}))),
    )  # fmt: skip


def list_errors(folder: Path, ids: list[str]) -> None:
    rows = "".join(f'"{each}","a ""text"", cut\n off"\n' for each in ids)
    (folder / "errors.csv").write_text('"id","text"\n' + rows)


def explain(study: Any, **settings: Any) -> list[str]:
    """The lines that are said."""
    study.config = study.config.model_copy(update=settings)
    lines: list[str] = []
    progress: Any = SimpleNamespace(say=lines.append)
    known = kept(study).read_bytes() if kept(study).is_file() else None
    found = explain_errors(study, "rules", Cluster(4.0, 1.0), progress)
    assert found == (kept(study).is_file() and kept(study).read_bytes() != known)
    return lines


def kept(study: Any) -> Path:
    path: Path = study.config.results_dir / "studies" / "s" / "rules" / "explanations.json"
    return path


def test_the_words_of_the_listed_errors_are_kept_without_their_texts(study: Any, asked: list[Any]) -> None:
    assert explain(study) == []
    assert asked == [([TEXTS[12], TEXTS[7], TEXTS[30]], 2, 0)]
    told = json.loads(kept(study).read_text())
    assert [each["id"] for each in told["explanations"]] == LISTED
    first, long, _ = told["explanations"]
    assert first["text_sha256"] == text_sha256(TEXTS[12])
    assert [TEXTS[12][start:end] for start, end, _ in first["words"]] == TEXTS[12].split()
    assert len(long["words"]) <= MOST_PARTS
    assert any(weight for each in told["explanations"] for *_, weight in each["words"])
    assert "good" not in kept(study).read_text()


def test_what_is_known_is_not_weighed_again(study: Any, asked: list[Any]) -> None:
    explain(study, explain_errors=2)
    explain(study, explain_errors=2)
    explain(study, explain_errors=None)
    assert [len(texts) for texts, *_ in asked] == [2]
    explain(study, explain_errors=20)
    assert [len(texts) for texts, *_ in asked] == [2, 3]
    list_errors(kept(study).parent, LISTED[1:])
    explain(study)
    assert [len(texts) for texts, *_ in asked] == [2, 3, 2]
    path = study.config.results_dir / "artifacts" / "s-rules" / "reviewtune.json"
    path.write_text(path.read_text().replace("2026-01-01", "2026-01-02"))
    explain(study)
    assert len(asked) == 4
    kept(study).write_text("{}")
    explain(study)
    assert len(asked) == 5


def test_none_are_kept_where_none_are_wanted_or_left(study: Any, asked: list[Any]) -> None:
    explain(study)
    explain(study, explain_errors=0)
    assert not kept(study).exists()
    explain(study, explain_errors=None)
    assert kept(study).exists()
    kept(study).with_name("errors.csv").unlink()
    explain(study)
    assert not kept(study).exists()


def test_a_failure_costs_the_weights_alone(study: Any, asked: list[Any]) -> None:
    study.inputs.reviews.table = study.inputs.reviews.table.slice(20)
    assert explain(study) == ["rules: the words of its errors are not weighed: errors.csv is of other reviews"]
    assert not kept(study).exists()


def test_a_family_of_others_that_takes_no_part_of_a_text_costs_the_weights_alone(
    study: Any, asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(artifact: Path) -> Any:
        raise TypeError("texts of one word are no texts")

    monkeypatch.setattr(error_words, "load", refuses)
    with pytest.raises(TypeError):
        explain(study)
    give_away("rules", tmp_path, monkeypatch)
    (line,) = explain(study)
    said = "the code of rules of own-family 1.0 failed (TypeError: texts of one word are no texts)"
    assert line.startswith(f"rules: the words of its errors are not weighed: {said}: ")
    assert not kept(study).exists()


@pytest.mark.parametrize(
    ("family", "speed", "asked_for", "number"),
    [
        ("rules", 1.0, None, 20), ("tfidf", 1.0, 3, 3), ("svm", 31.0, None, 7), ("qlora", 0.3, None, 0),
        ("qlora", 1.0, 5, 5), ("svm", 1.0, 50, 20), ("svm", 4.9, None, 1), ("svm", 5.0, None, 2),
        ("svm", 1000.0, None, 20),
    ],
)  # fmt: skip
def test_as_many_are_weighed_as_take_ten_seconds(family: str, speed: float, asked_for: int | None, number: int) -> None:
    entry: Any = SimpleNamespace(family=family, params={}, cost=SimpleNamespace(reviews_per_second=speed))
    # Of three words, four passes; of many, 46.
    texts = ["one two three", *["word " * 90] * 19]
    assert how_many(entry, asked_for, texts) == number
    together: Any = SimpleNamespace(
        family="ensemble", params={"rules": 1.0, family: 0.5, "intercept": 0}, cost=entry.cost
    )
    assert how_many(together, asked_for, texts) == number


@pytest.mark.parametrize(
    "change", [{"made": None}, {"explanations": [{"id": "1"}]}, {"more": 1}], ids=["made", "explanations", "more"]
)
def test_a_damaged_file_is_one_line(study: Any, asked: list[Any], change: dict[str, Any]) -> None:
    explain(study)
    found = read_explanations(kept(study))
    assert found is not None
    assert [each.id for each in found.explanations] == LISTED
    kept(study).write_text(json.dumps(json.loads(kept(study).read_text()) | change))
    with pytest.raises(ArtifactError, match=r"explanations\.json is damaged .* delete it and run its study again"):
        read_explanations(kept(study))
    assert read_explanations(kept(study).with_name("none.json")) is None
