import json
from pathlib import Path
from threading import Lock

import pytest

from reviewtune.contents import is_whole, note_contents
from reviewtune.errors import StorageError
from reviewtune.files import in_one_step, write_text
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.storage import folders
from reviewtune.storage.bucket import Bucket
from reviewtune.storage.mirror import (
    PACKED,
    fetch,
    fetch_once,
    is_there,
    listed,
    move,
    recorded,
    remove,
    size_of,
)
from tests.unit.storage.conftest import Machine


def write_state(folder: Path, step: int) -> None:
    with in_one_step(folder) as partial:
        (partial / "optimizer").mkdir(parents=True)
        (partial / "optimizer" / "moments").write_text(str(step))


def write_artifact(folder: Path, **files: str) -> None:
    with in_one_step(folder) as partial:
        partial.mkdir()
        for name, text in files.items():
            (partial / name).write_text(text)
        (partial / ARTIFACT_FILE).write_text(json.dumps(files))
        note_contents(partial, but=["README.md"])


def test_a_file_is_an_object_and_comes_to_another_machine(machine: Machine, bucket: Path) -> None:
    write_text(machine("one") / "studies" / "a.json", "first")
    assert (bucket / "studies" / "a.json").read_text() == "first"
    there = machine("two") / "studies" / "a.json"
    assert not there.exists()
    assert is_there(there)
    assert fetch(there).read_text() == "first"
    write_text(machine("one") / "studies" / "a.json", "second")
    assert fetch_once(there).read_text() == "first"
    assert fetch(there).read_text() == "second"


def test_what_is_not_to_be_shared_stays_here(machine: Machine, bucket: Path) -> None:
    path = machine("one") / "studies" / "a.json"
    write_text(path, "leg 1", shared=False)
    assert path.read_text() == "leg 1"
    assert not bucket.exists()


def test_a_state_is_one_object_that_is_replaced_whole(machine: Machine, bucket: Path) -> None:
    last = machine("one") / "models" / "t" / "last"
    write_state(last, 1)
    write_state(last, 2)
    assert [path.name for path in (bucket / "models" / "t").iterdir()] == [f"last{PACKED}"]
    assert not last.exists(), "the bucket has it: a second copy would fill this machine's disk"
    there = fetch(machine("two") / "models" / "t" / "last")
    assert (there / "optimizer" / "moments").read_text() == "2"


def test_an_older_state_here_does_not_win(machine: Machine) -> None:
    last = machine("one") / "models" / "t" / "last"
    write_state(last, 1)
    assert (fetch(last) / "optimizer" / "moments").read_text() == "1"
    write_state(machine("one") / "models" / "t" / "last", 1)
    assert not last.exists()
    write_state(machine("two") / "models" / "t" / "last", 2)
    assert (fetch(last) / "optimizer" / "moments").read_text() == "2"
    remove(machine("two") / "models" / "t")
    assert not fetch(last).exists()


def test_an_upload_that_fails_leaves_what_was_there(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    last = machine("one") / "models" / "t" / "last"
    write_state(last, 1)

    def refuse(*_: object) -> None:
        raise StorageError("the bucket cannot be reached")

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "put", refuse)
        with pytest.raises(OSError, match="cannot be reached"):
            write_state(last, 2)
    assert (fetch(last) / "optimizer" / "moments").read_text() == "1"
    assert not list(last.parent.glob(".*")), "what was made for it goes"


def test_an_artifact_lies_there_file_by_file(machine: Machine, bucket: Path) -> None:
    folder = machine("one") / "artifacts" / "a"
    write_artifact(folder, model="1", old="1")
    write_artifact(folder, model="2")
    assert sorted(path.name for path in (bucket / "artifacts" / "a").iterdir()) == sorted(
        ["files.json", "model", ARTIFACT_FILE]
    )
    write_text(folder / "README.md", "a card")
    there = fetch(machine("two") / "artifacts" / "a")
    assert (there / "model").read_text() == "2"
    assert (there / "README.md").read_text() == "a card"
    assert is_whole(there)


def test_what_another_process_is_bringing_stays_and_what_the_bucket_lacks_does_not(machine: Machine) -> None:
    write_artifact(machine("one") / "artifacts" / "a", model="1")
    there = machine("two") / "artifacts" / "a"
    there.mkdir(parents=True)
    (there / ".model.0123456789ab.partial").write_text("half")
    (there / "old").write_text("0")
    fetch(there)
    assert sorted(path.name for path in there.iterdir()) == sorted(
        [".model.0123456789ab.partial", "files.json", "model", ARTIFACT_FILE]
    )


def test_of_an_artifact_its_notes_alone_can_be_had(machine: Machine) -> None:
    write_artifact(machine("one") / "artifacts" / "a", model="1")
    there = fetch(machine("two") / "artifacts" / "a", notes_only=True)
    assert sorted(path.name for path in there.iterdir()) == ["files.json", ARTIFACT_FILE]
    assert sorted(path.name for path in fetch(there).iterdir()) == ["files.json", "model", ARTIFACT_FILE]


def test_an_artifact_that_is_being_replaced_is_read_when_it_is_whole(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = machine("one") / "artifacts" / "a"
    write_artifact(folder, model="1")
    whole = folders.get_file
    waiting, one = [folder], Lock()

    def get(bucket: Bucket, key: str, path: Path) -> None:
        with one:
            if waiting:
                write_artifact(waiting.pop(), model="2")
        whole(bucket, key, path)

    monkeypatch.setattr(folders, "get_file", get)
    monkeypatch.setattr(folders, "PAUSE_SECONDS", 0)
    there = machine("two") / "artifacts" / "a"
    fetch(there)
    assert is_whole(there)
    assert (there / "model").read_text() == "2"


def test_an_artifact_whose_writer_died_is_none(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = machine("one") / "artifacts" / "a"
    write_artifact(folder, model="1")
    put = Bucket.put

    def die(self: Bucket, path: Path, key: str) -> None:
        if key.endswith("files.json"):
            raise KeyboardInterrupt
        put(self, path, key)

    monkeypatch.setattr(Bucket, "put", die)
    with pytest.raises(KeyboardInterrupt):
        write_artifact(folder, model="2")
    there = fetch(machine("two") / "artifacts" / "a")
    assert not (there / ARTIFACT_FILE).exists()


def test_what_is_removed_or_moved_is_so_for_all(machine: Machine, bucket: Path) -> None:
    models = machine("one") / "models"
    write_state(models / "old" / "last", 1)
    write_text(models / "old" / "held_out", "x")
    move(models / "old", models / "new")
    assert not is_there(models / "old")
    assert (fetch(models / "new" / "last") / "optimizer" / "moments").read_text() == "1"
    assert [path.name for path in listed(models, "*/held_out")] == ["held_out"]
    assert size_of(models) == size_of(bucket / "models") > 0
    assert remove(models / "new") > 0
    assert remove(models / "new") == 0
    assert not is_there(models / "new")
    assert not (models / "new").exists()


def test_what_a_worker_writes_is_told(machine: Machine) -> None:
    results = machine("one")
    with recorded() as outer:
        write_text(results / "a", "1")
        with recorded() as inner:
            write_text(results / "b", "1")
        write_text(results / "c", "1", shared=False)
    write_text(results / "d", "1")
    assert outer == [results / "a", results / "b"]
    assert inner == [results / "b"]


def test_a_folder_of_this_machine_is_as_it_was(tmp_path: Path) -> None:
    write_state(tmp_path / "last", 1)
    assert fetch(tmp_path / "last") == tmp_path / "last"
    assert is_there(tmp_path / "last")
    assert not is_there(tmp_path / "best")
    move(tmp_path / "last", tmp_path / "models" / "last")
    assert [path.name for path in listed(tmp_path / "models", "*/optimizer")] == ["optimizer"]
    assert remove(tmp_path / "models") == 1
    assert not list(tmp_path.iterdir())


def test_an_archive_that_leads_out_of_its_folder_is_refused(machine: Machine, bucket: Path, tmp_path: Path) -> None:
    import tarfile

    (bucket / "models").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    with tarfile.open(bucket / "models" / f"last{PACKED}", "w") as tar:
        tar.add(tmp_path / "secret", "../../outside")
    with pytest.raises(StorageError, match="is damaged"):
        fetch(machine("one") / "models" / "last")
    (bucket / "models" / f"last{PACKED}").write_text("no archive")
    with pytest.raises(StorageError, match="is damaged"):
        fetch(machine("one") / "models" / "last")
