"""A whole study in a bucket, whose workers and whose drivers are machines of their own: none sees another's mirror."""

import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import reviewtune
from reviewtune.config import StudyConfig
from reviewtune.storage.place import MIRROR, address_of, as_folder
from reviewtune.tuning.session import ray_session
from tests.end_to_end.in_process import Told, run, small_config
from tests.faults.kept import read_kept
from tests.s3_server import S3, s3_server

pytest.importorskip("moto", reason="the S3 server needs moto, flask and flask-cors: pip install -e '.[dev]'")
pytestmark = pytest.mark.slow
FAMILIES = ["tfidf", "mlp", "qlora", "ensemble"]
TRIALS = 2


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """Of this process; the workers keep the one that Ray was started in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 2}')
        patch.setenv(MIRROR, str(tmp_path_factory.mktemp("workers")))
        yield patch


@pytest.fixture(scope="module")
def server(environment: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server() as running:
        for name, value in running.environment.items():
            environment.setenv(name, value)
        with ray_session(None, Console(file=StringIO())):
            yield running


@pytest.fixture(scope="module")
def study(
    server: S3,
    environment: pytest.MonkeyPatch,
    tiny_base: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Told, Told, Path]:
    """What two drivers told of the same command, and what lay in the bucket after the first."""
    folder = tmp_path_factory.mktemp("driver")
    environment.setenv(MIRROR, str(folder))
    space = {"mlp": {"epochs": 2}, "qlora": {"epochs": 2, "batch_size": 16}}
    settings = {"families": FAMILIES, "num_trials": TRIALS, "space": space, "looks": 0, "explain_errors": 0}
    config = small_config(folder, tiny_base("bert"), results_dir=f"{server.address}/results", **settings)
    first = run(config)
    kept = server.download("results", folder / "bucket")
    environment.setenv(MIRROR, str(tmp_path_factory.mktemp("other")))
    again = run(StudyConfig.model_validate_json(config.model_dump_json()))
    return first, again, kept


def test_everything_is_in_the_bucket(study: tuple[Told, Told, Path]) -> None:
    _, _, kept = study
    for family in FAMILIES[:-1]:
        known = read_kept(kept, family)
        assert len(known.done) == TRIALS
        assert known.optuna["COMPLETE"] == TRIALS
    assert set(read_kept(kept).entries) == set(FAMILIES)
    states = [path.name for path in kept.glob("studies/*/qlora/models/*/*")]
    assert sorted(states) == ["best.tar", "last.tar"], "one trial is kept"
    assert all((kept / "artifacts").glob("*/reviewtune.json"))


def test_the_same_command_on_another_machine_trains_nothing(study: tuple[Told, Told, Path], server: S3) -> None:
    first, again, _ = study
    assert len(again.said(r".*: done, test F1 .* \(kept from before\)")) == len(FAMILIES)
    assert [line for line in again.lines if "finished" in line] == []
    assert again.entries == first.entries


def test_an_artifact_is_loaded_from_its_address(
    study: tuple[Told, Told, Path], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, _, kept = study
    texts = ["The zip broke on the first day.", "Great product!"]
    environment.setenv(MIRROR, str(tmp_path))
    for family in FAMILIES:
        artifact = first.entries[family]["artifact"]
        loaded = reviewtune.load(str(address_of(first.config.results_dir / artifact)))
        assert (loaded.scores(texts) == reviewtune.load(kept / artifact).scores(texts)).all()
    frame = reviewtune.leaderboard(str(address_of(first.config.results_dir)))
    assert sorted(frame["family"]) == sorted(FAMILIES)


def test_a_selected_trial_goes_on_elsewhere(
    study: tuple[Told, Told, Path], environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, _, _ = study
    environment.setenv(MIRROR, str(tmp_path))
    results = as_folder(str(address_of(first.config.results_dir)))
    told = run(StudyConfig(results_dir=results, continue_entry=first.entries["qlora"]["artifact"], epochs=3))
    assert told.entries["qlora"]["num_trials"] == TRIALS + 1
    record = next(record for record in told.records("qlora") if record["params"]["epochs"] == 3)
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1.0, 2.0, 3.0]
    shutil.rmtree(tmp_path)
