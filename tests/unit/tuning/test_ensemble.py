"""Entries of a study, real artifacts and predictions among them, weighed against one another; no Ray."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest

import reviewtune
from reviewtune.artifact import ArtifactInfo, read_info, write_artifact
from reviewtune.config import StudyConfig
from reviewtune.data.sample import generate
from reviewtune.errors import StudyError
from reviewtune.evaluation.calibration import PlattCalibration
from reviewtune.families.base import Rows, Setting
from reviewtune.families.registry import get_family
from reviewtune.leaderboard.entry import PREDICTIONS_FILE, Cost, Entry, Provenance, entry_path, write_entry
from reviewtune.predict import Ensemble
from reviewtune.profile import Profile
from reviewtune.schema import TEST, TRAIN, VALIDATION
from reviewtune.tuning import ensemble
from reviewtune.tuning.plan import Study
from reviewtune.tuning.predictions import VALIDATION_PREDICTIONS_FILE, keep_predictions, scores_on_test
from reviewtune.tuning.session import Cluster

MINILM = {"name": "minilm", "revision": None, "max_length": 512}
PARTS = {TRAIN: slice(0, 100), VALIDATION: slice(100, 220), TEST: slice(220, 340)}
CREATED = "2026-01-01T00:00:00+00:00"


class Inputs:
    """The reviews of a study."""

    reviews = SimpleNamespace(name="sample", sha256="1" * 64)
    split = SimpleNamespace(sha256="2" * 64)

    def __init__(self) -> None:
        self.rows = generate(340, seed=3).to_pylist()
        self.positions = {split: np.arange(340)[part] for split, part in PARTS.items()}
        self.fake = np.array([row["label"] == "fake" for row in self.rows])
        assert self.fake.any()
        assert not self.fake.all()

        self.positions = {split: np.arange(340)[part] for split, part in PARTS.items()}
        self.development = np.arange(220)
        self.sources = np.array(["sample"] * 340, dtype=object)

    def ids(self, split: str) -> list[str]:
        return self.ids_at(self.positions[split])

    def ids_at(self, positions: np.ndarray) -> list[str]:
        return [f"r{number}" for number in positions]

    def units_at(self, positions: np.ndarray) -> np.ndarray:
        return positions // 2

    def profile(self, positions: np.ndarray) -> Profile:
        texts = [self.rows[position]["text"] for position in positions]
        return Profile.of(texts, self.fake[positions], self.units_at(positions))

    def part(self, split: str, *, embedded: bool = False) -> Rows:
        texts = [row["text"] for row in self.rows[PARTS[split]]]
        return Rows(reviewtune.embed(texts) if embedded else texts, self.fake[PARTS[split]])

    def test(self, form: str) -> Rows:
        return self.part(TEST)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Inputs]:
    """A results directory with three entries of the study `s`."""
    results, inputs = tmp_path_factory.mktemp("results"), Inputs()
    for number, name in enumerate(("tfidf", "logreg", "svm")):
        family = get_family(name)
        embedded = family.inputs == "embeddings"
        train, validation, test = (inputs.part(split, embedded=embedded) for split in (TRAIN, VALIDATION, TEST))
        model: Any = next(iter(family.fit(family.params(), train, Setting()))).model
        scores = model.scores(validation.inputs)
        info = ArtifactInfo(
            family=name, encoder=MINILM if embedded else None, params={}, threshold=0.5, study_id="s", trial_id=name,
            calibration=PlattCalibration.fit(scores, validation.fake), data="sample",
            data_sha256="1" * 64, split_sha256="2" * 64,
            validation_f1=0.5, code="c", versions={}, created=CREATED,
        )  # fmt: skip
        write_artifact(results / "artifacts" / f"s-{name}", info, model)
        path = entry_path(results, "s", name)
        path.parent.mkdir(parents=True)
        keep_predictions(
            path.with_name(VALIDATION_PREDICTIONS_FILE), inputs.ids(VALIDATION), validation.fake, scores, info,
            units=inputs.units_at(inputs.positions[VALIDATION]),
        )  # fmt: skip
        scores = model.scores(test.inputs)
        units = inputs.units_at(inputs.positions[TEST])
        keep_predictions(path.with_name(PREDICTIONS_FILE), inputs.ids(TEST), test.fake, scores, info, units=units)
        cost = Cost(
            fit_seconds=1.0 + number, study_seconds=10, device="cpu", peak_memory_bytes=number, reviews_per_second=1
        )
        entry = Entry(
            study_id="s", family=name, encoder="minilm" if embedded else None, status="finished", trial_id=name,
            params={}, num_trials=4, test=scores_on_test(test.fake, scores, info, units), cost=cost,
            artifact=f"artifacts/s-{name}",
            provenance=Provenance(
                data="sample", data_sha256="1" * 64, split_sha256="2" * 64, code="c", versions={}, seed=1, hardware="h",
                created=CREATED,
            ),
        )  # fmt: skip
        write_entry(entry, path)
    return results, inputs


@pytest.fixture
def stack(finished: tuple[Path, Inputs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stack the entries of a copy of that directory; `results`, `said` and `worked` tell what came of it."""
    results, inputs = tmp_path / "results", finished[1]
    shutil.copytree(finished[0], results)
    said: list[str] = []
    worked: list[str] = []
    progress: Any = SimpleNamespace(
        say=said.append, begin=lambda name, state, records: worked.append(state), end=lambda *_: None
    )
    study: Any = Study(StudyConfig(results_dir=results), "s", cast("Any", None), None, cast("Any", inputs), [])
    monkeypatch.setattr(ensemble, "on_worker", lambda work, **_: work)
    monkeypatch.setattr(ensemble, "with_robustness", lambda study, cluster, entry, progress: entry)

    def run() -> Entry:
        return ensemble.stack_entries(study, Cluster(cpus=2, gpus=0), progress)

    return SimpleNamespace(run=run, results=results, said=said, worked=worked)


def test_the_entries_become_one_that_predicts_what_was_scored(stack: Any) -> None:
    entry = stack.run()
    assert entry.cost.fit_seconds == sum({"tfidf": 1, "logreg": 2, "svm": 3}.get(name, 0) for name in entry.params)
    folder = stack.results / entry.artifact
    classifier = reviewtune.load(folder)
    assert isinstance(classifier.model, Ensemble)
    kept = pq.read_table(stack.results / "studies" / "s" / "ensemble" / PREDICTIONS_FILE).to_pydict()
    texts = Inputs().test("texts").inputs
    np.testing.assert_allclose(classifier.fake_probability(texts), kept["fake_probability"], atol=1e-5)
    assert (classifier.predict(texts) == np.where(kept["predicted"], "fake", "genuine")).all()
    true_positives = sum(fake and called for fake, called in zip(kept["fake"], kept["predicted"], strict=True))
    assert entry.test.true_positives == true_positives
    assert 0 < read_info(folder).threshold <= 0.5


def test_the_ensemble_of_the_same_entries_is_kept_and_of_others_made_anew(stack: Any) -> None:
    entry = stack.run()
    write_entry(entry, entry_path(stack.results, "s", "ensemble"))
    assert stack.worked.pop() == "assessing"
    assert stack.run() == entry
    assert stack.worked == []
    (stack.results / "studies" / "s" / "svm" / VALIDATION_PREDICTIONS_FILE).unlink()
    without = stack.run()
    assert without.trial_id != entry.trial_id
    assert "svm" not in without.params
    (line,) = stack.said
    assert line.startswith("ensemble leaves out svm (")
    assert f"{VALIDATION_PREDICTIONS_FILE} keeps no scores): run the study again with svm among --families" in line


def test_predictions_of_other_reviews_do_not_join(stack: Any) -> None:
    folder = stack.results / "studies" / "s" / "logreg"
    shutil.copy(folder / PREDICTIONS_FILE, folder / VALIDATION_PREDICTIONS_FILE)
    assert "logreg" not in stack.run().params
    assert "is of other reviews" in stack.said[0]


def test_an_artifact_that_is_newer_than_its_entry_does_not_join(stack: Any) -> None:
    path = stack.results / "artifacts" / "s-tfidf" / "reviewtune.json"
    path.write_text(path.read_text().replace('"trial_id": "tfidf"', '"trial_id": "next"'))
    assert "tfidf" not in stack.run().params
    assert "s-tfidf is of the trial next, the entry of tfidf" in stack.said[0]


def test_scores_that_are_not_finite_do_not_join(stack: Any) -> None:
    path = stack.results / "studies" / "s" / "svm" / PREDICTIONS_FILE
    table = pq.read_table(path)
    place = table.column_names.index("score")
    pq.write_table(table.set_column(place, "score", [[float("inf")] * table.num_rows]), path)
    assert "svm" not in stack.run().params
    assert "holds a score that is not finite" in stack.said[0]


def test_one_entry_is_no_ensemble(stack: Any) -> None:
    for name in ("svm", "logreg"):
        shutil.rmtree(stack.results / "studies" / "s" / name)
    with pytest.raises(StudyError, match="needs two entries of s with scores and has tfidf"):
        stack.run()
