"""Entries on the same reviews when they look otherwise, without Ray: on_worker does its work here."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reviewtune.artifact import ArtifactInfo, write_artifact
from reviewtune.config import StudyConfig
from reviewtune.data.perturbations import variants
from reviewtune.data.sample import generate
from reviewtune.data.store import Store
from reviewtune.data.texts import normalise, text_id
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import MachineError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.evaluation.robustness import VariantScores
from reviewtune.evaluation.stacking import Stacking
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.leaderboard.entry import PREDICTIONS_FILE
from reviewtune.predict import Classifier, load
from reviewtune.tuning import otherwise, scores_of_texts
from reviewtune.tuning.ensemble import Folders
from reviewtune.tuning.inputs import embedding_folder
from reviewtune.tuning.otherwise import LOOKS_FILE, drawn, with_robustness
from reviewtune.tuning.predictions import keep_predictions
from reviewtune.tuning.session import Cluster

CPUS = Cluster(cpus=2, gpus=0)
TEST = np.arange(100, 140)


def info_of(family: str, created: str = "2026-01-01T00:00:00+00:00", **more: Any) -> ArtifactInfo:
    fields: dict[str, Any] = {
        "family": family, "encoder": None, "params": {}, "calibration": PlattCalibration(slope=1.5, intercept=0.1),
        "threshold": 0.4, "study_id": "s", "trial_id": family, "data": "d", "data_sha256": "0" * 64,
        "split_sha256": "0" * 64, "validation_f1": 1.0, "code": "c", "versions": {}, "created": created,
    }  # fmt: skip
    return ArtifactInfo(**fields | more)


class World:
    """A study of 140 reviews of the sample whose artifacts are made by hand; `worked` counts what workers scored."""

    def __init__(self, results: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = generate(140, seed=5).to_pylist()
        self.texts = [normalise(row["text"]) for row in rows]
        self.fake = np.array([row["label"] == "fake" for row in rows])
        self.results, self.encoder = results, resolve_encoder(str(base))
        self.worked: list[int] = []
        self.said: list[str] = []
        table = pa.table({"id": list(map(text_id, self.texts)), "text": self.texts})
        inputs = SimpleNamespace(
            reviews=SimpleNamespace(table=table), fake=self.fake, positions={"test": TEST}, store=Store(results),
            units_at=lambda positions: np.arange(140)[positions],
        )  # fmt: skip
        self.study: Any = SimpleNamespace(
            config=StudyConfig(results_dir=results, looks=20, seed=3), inputs=inputs, encoder=self.encoder,
            folder=results / "studies" / "s",
        )  # fmt: skip

        def on_worker(work: Any, **_: Any) -> Any:
            return lambda artifact, texts, kept: self.worked.append(len(texts)) or work(artifact, texts, kept)

        monkeypatch.setattr(scores_of_texts, "on_worker", on_worker)

    def add(self, name: str) -> None:
        """The artifact of a family, fitted on the first 100 reviews, and what it said of the test split."""
        family = get_family(name)
        embedded = family.inputs == "embeddings"
        base = self.encoder
        encoder = {"name": base.name, "revision": base.revision, "max_length": base.max_length} if embedded else None
        info = info_of(name, encoder=encoder)
        read = Classifier(info, None, family.inputs).read  # type: ignore[arg-type]
        inputs = read(self.texts)
        model: Any = next(
            iter(family.fit(family.params(), Rows(inputs, self.fake).take(np.arange(100)), Setting()))
        ).model
        write_artifact(self.results / "artifacts" / name, info, model)
        scores = model.scores(Rows(inputs, self.fake).take(TEST).inputs)
        ids = [text_id(self.texts[row]) for row in TEST]
        path = self.study.folder / name / PREDICTIONS_FILE
        keep_predictions(path, ids, self.fake[TEST], scores, info, units=TEST)

    def judged(self, name: str, **more: Any) -> Any:
        """The entry of that name once it is looked at."""
        fields = {"family": name, "test": True, "artifact": f"artifacts/{name}", "robustness": None} | more
        entry: Any = SimpleNamespace(**fields, model_copy=lambda update: SimpleNamespace(**fields | update))
        return with_robustness(self.study, CPUS, entry, SimpleNamespace(say=self.said.append))  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path, tiny_base: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, tiny_base("bert"), monkeypatch)


def expected(world: World, name: str) -> dict[str, float]:
    """Recall in each look, by the artifact as a user calls it."""
    rows = TEST[drawn(TEST, 20, 3)]
    classifier = load(world.results / "artifacts" / name)
    looks = variants([world.texts[row] for row in rows], 3)
    return {
        look: float((classifier.predict(texts)[world.fake[rows]] == "fake").mean()) for look, texts in looks.items()
    }


def test_an_entry_has_its_scores_in_every_look(world: World) -> None:
    world.add("rules")
    found = world.judged("rules").robustness
    assert list(found) == ["plain", "alike", "typos", "word_swaps", "truncation", "homoglyphs"]
    assert {name: scores.recall for name, scores in found.items()} == pytest.approx(expected(world, "rules"))
    assert {scores.num_reviews for scores in found.values()} == {20}
    # The reviews as they are have been scored before.
    assert world.worked == [100]


def test_heads_share_the_embeddings_of_looks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("logreg")
    world.add("svm")
    read: list[int] = []
    original = Classifier.read
    monkeypatch.setattr(Classifier, "read", lambda self, texts: read.append(len(texts)) or original(self, texts))
    recalls = {name: world.judged(name).robustness["alike"].recall for name in ("logreg", "svm")}
    assert read == [100]
    assert len(embedding_folder(world.study.inputs.store, world.encoder).ids()) == 100
    assert recalls == pytest.approx({name: expected(world, name)["alike"] for name in recalls})


def test_an_ensemble_takes_what_its_members_said(world: World) -> None:
    for name in ("rules", "logreg"):
        world.add(name)
        world.judged(name)
    stacking = Stacking(weights={"rules": 0.7, "logreg": 0.6}, intercept=-0.2)
    folders = Folders({name: world.results / "artifacts" / name for name in stacking.weights})
    write_artifact(world.results / "artifacts" / "ensemble", info_of("ensemble", params=stacking.params), folders)
    found = world.judged("ensemble").robustness
    assert world.worked == [100, 100]
    assert {name: scores.recall for name, scores in found.items()} == pytest.approx(expected(world, "ensemble"))
    # A member whose scores are gone says it again.
    shutil.rmtree(world.study.folder / "rules")
    world.add("rules")
    assert world.judged("ensemble").robustness == found
    assert world.worked == [100, 100, 100]


def test_scores_of_another_artifact_are_not_taken(world: World) -> None:
    world.add("rules")
    world.judged("rules")
    path = world.study.folder / "rules" / LOOKS_FILE
    table = pq.read_table(path)
    assert table.num_rows == 120
    pq.write_table(table.replace_schema_metadata({"reviewtune": '{"made": "another time"}'}), path)
    world.judged("rules")
    path.write_bytes(b"x")
    world.judged("rules")
    assert world.worked == [100, 100, 100]
    world.judged("rules")
    assert world.worked == [100, 100, 100]


def test_what_is_known_or_not_wanted_is_left_alone(world: World) -> None:
    world.add("rules")
    known = {"plain": VariantScores(num_reviews=20, f1=0.5, recall=0.5, fpr=0.5)}
    assert world.judged("rules", robustness=known).robustness == known
    assert world.judged("rules", test=None).robustness is None
    config = world.study.config
    world.study.config = config.model_copy(update={"looks": 0})
    assert world.judged("rules").robustness is None
    assert (world.worked, world.said) == ([], [])
    world.study.config = config.model_copy(update={"looks": 30})
    assert world.judged("rules", robustness=known).robustness["plain"].num_reviews == 30


def test_why_it_is_not_known_is_said(world: World) -> None:
    world.add("rules")
    (world.results / "artifacts" / "rules" / "reviewtune.json").unlink()
    assert world.judged("rules").robustness is None
    world.fake[TEST] = True
    assert world.judged("rules").robustness is None
    unknown, one_class = world.said
    assert unknown.startswith("rules: it is not known what it says of reviews that look otherwise (")
    assert "has no reviewtune.json" in unknown
    assert "one class" in one_class


def test_what_was_said_of_the_test_split_and_is_gone_is_asked_again(world: World) -> None:
    world.add("rules")
    known = world.judged("rules").robustness
    shutil.rmtree(world.study.folder / "rules")
    assert world.judged("rules").robustness == known
    assert world.said == []
    first, again = world.worked
    assert again > first


def test_a_worker_that_dies_costs_no_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("rules")

    def dies(*_: Any) -> Any:
        raise MachineError("its worker died")

    monkeypatch.setattr(scores_of_texts, "on_worker", lambda work, **_: dies)
    assert world.judged("rules").robustness is None
    (line,) = world.said
    assert line.startswith("rules: it is not known what it says of reviews that look otherwise (")
    assert "\n" not in line


def test_units_are_drawn_whole_but_for_the_last() -> None:
    units, seed = np.repeat(np.arange(30), 7), 5
    rows = drawn(units, 40, seed)
    assert (len(rows), sorted(set(rows))) == (40, rows.tolist())
    counts = np.bincount(units[rows], minlength=30)
    assert sorted(counts[counts > 0]) == [5, 7, 7, 7, 7, 7]
    assert drawn(units, 40, seed).tolist() == rows.tolist()
    assert drawn(units, 40, seed + 1).tolist() != rows.tolist()
    assert drawn(units, 999, seed).tolist() == list(range(210))
    assert set(drawn(units, 20, seed)) <= set(rows)


def test_a_machine_without_a_gpu_reads_fewer(world: World) -> None:
    world.study.inputs.positions["test"] = np.tile(np.arange(140), 10)
    world.study.inputs.units_at = lambda positions: np.arange(1400)
    world.study.config = StudyConfig(results_dir=world.results)
    assert len(otherwise._sample(world.study, CPUS)) == 200
    assert len(otherwise._sample(world.study, Cluster(cpus=2, gpus=1))) == 1000
