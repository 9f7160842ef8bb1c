import shutil
from pathlib import Path

from filelock import FileLock

from reviewtune.files import in_one_step, write_text
from reviewtune.storage.refresh import LOCK_FILE, refresh, refresh_study
from tests.unit.storage.conftest import Machine

SMALL = ["studies/s/study.json", "studies/s/svm/trials/a.json", "store/splits/k.parquet", "leaderboard.json"]
HEAVY = ["studies/s/svm/models/a/held_out.parquet", "store/tokens/k.parquet", "artifacts/s-svm/model.skops"]


def fill(results: Path) -> None:
    for name in [*SMALL, *HEAVY, "artifacts/s-svm/reviewtune.json"]:
        write_text(results / name, name)


def files(folder: Path) -> list[str]:
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in found if not name.endswith(LOCK_FILE))


def test_what_is_small_comes_and_what_is_large_stays(machine: Machine) -> None:
    fill(machine("one"))
    there = machine("two")
    refresh(there)
    assert files(there) == sorted([*SMALL, "artifacts/s-svm/reviewtune.json"])


def test_what_is_newer_in_the_bucket_wins_and_what_has_gone_goes(machine: Machine, bucket: Path) -> None:
    fill(machine("one"))
    there = machine("two")
    refresh(there)
    write_text(machine("one") / "studies/s/study.json", "of a later run")
    (bucket / "studies/s/svm/trials/a.json").unlink()
    (there / "studies/s/svm/trials/never_shared.json").write_text("x")
    (there / "studies/s/studies.db-journal").write_text("x")
    refresh(there)
    assert (there / "studies/s/study.json").read_text() == "of a later run"
    assert [name for name in files(there) if "trials" in name or "journal" in name] == []


def test_a_study_that_runs_here_is_left_alone(machine: Machine) -> None:
    fill(machine("one"))
    there = machine("two")
    refresh(there)
    mine = there / "studies/s/svm/trials/mine.json"
    write_text(mine, "a leg", shared=False)
    with FileLock(there / "studies/s" / LOCK_FILE):
        refresh(there)
        assert mine.exists()
        refresh_study(there / "studies/s")
    assert not mine.exists()


def test_a_study_that_was_removed_goes_here_too(machine: Machine, bucket: Path) -> None:
    fill(machine("one"))
    there = machine("two")
    refresh(there)
    shutil.rmtree(bucket / "studies")
    refresh(there)
    assert files(there) == ["artifacts/s-svm/reviewtune.json", "leaderboard.json", "store/splits/k.parquet"]


def test_what_is_being_written_here_stays(machine: Machine) -> None:
    there = machine("one")
    fill(there)
    with in_one_step(there / "artifacts" / "b") as partial:
        partial.mkdir()
        (partial / "model").write_text("x")
        refresh(there)
        assert (partial / "model").is_file()


def test_logs_of_this_machine_stay(machine: Machine) -> None:
    there = machine("one")
    fill(there)
    (there / "studies/s/svm/tune/trial").mkdir(parents=True)
    (there / "studies/s/svm/tune/trial/events").write_text("x")
    refresh(there)
    assert (there / "studies/s/svm/tune/trial/events").exists()


def test_states_are_not_brought(machine: Machine) -> None:
    with in_one_step(machine("one") / "studies/s/svm/models/a/last") as partial:
        partial.mkdir()
        (partial / "x").write_text("x")
    there = machine("two")
    refresh(there)
    assert files(there) == []


def test_a_folder_of_this_machine_is_not_touched(tmp_path: Path) -> None:
    write_text(tmp_path / "studies/s/study.json", "x")
    refresh(tmp_path)
    refresh_study(tmp_path / "studies/s")
    assert files(tmp_path) == ["studies/s/study.json"]
