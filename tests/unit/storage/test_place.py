import pickle
from pathlib import Path

import pytest

from reviewtune.config import StudyConfig
from reviewtune.errors import UsageError, one_line
from reviewtune.storage.place import MIRROR, address_of, as_folder, bucket_of, is_address, named, shown

ADDRESSES = [
    "s3://reviews",
    "s3://reviews/tuned/2026",
    "s3://reviews/tuned?endpoint_override=http://127.0.0.1:9000&scheme=http",
    "gs://reviews/a%20b",
    "abfs://container@account.dfs.core.windows.net/tuned",
    "file:///mnt/reviews",
    "memory://reviews/tuned",
]


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(MIRROR, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_has_a_path_here_which_tells_the_address(address: str, mirror: Path) -> None:
    folder = as_folder(address)
    assert folder.is_relative_to(mirror)
    assert address_of(folder) == address_of(str(folder.resolve())) == address
    below = str(address_of(folder / "studies" / "a.json"))
    assert as_folder(below) == folder / "studies" / "a.json"
    assert bucket_of(as_folder(below).parent.parent) == bucket_of(folder)


def test_what_lies_in_no_mirror_has_no_address() -> None:
    for path in ("results", "/a/b%3A%2F%2Fc/d", "C:/results"):
        assert bucket_of(path) is None
        assert shown(path) == path
    assert as_folder("results") == Path("results")
    assert not is_address("C:\\results")


def test_a_path_that_lost_a_slash_is_the_same_address() -> None:
    assert as_folder(Path("s3://reviews/tuned")) == as_folder("S3://reviews/tuned/")
    assert as_folder(Path("file:///mnt/reviews")) == as_folder("file:///mnt/reviews")


def test_another_machine_gets_the_path_of_its_own_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = pickle.dumps(as_folder("s3://reviews/tuned") / "models")
    monkeypatch.setenv(MIRROR, str(tmp_path / "other"))
    assert pickle.loads(sent) == as_folder("s3://reviews/tuned/models")
    assert pickle.loads(sent).is_relative_to(tmp_path / "other")
    above = as_folder("s3://reviews").parents[2]
    assert pickle.loads(pickle.dumps(above)) == above


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("s3://key:secret@reviews/a", "must have no password"),
        ("s3:///a", "names no bucket"),
        ("s3://reviews/../a", "a part that names nothing"),
        ("s3://reviews/a//b", "a part that names nothing"),
        (f"s3://reviews/{'a' * 300}", "too long"),
    ],
)
def test_an_address_that_names_no_folder_is_refused_without_its_secrets(address: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        as_folder(address)
    assert "secret" not in str(caught.value)


def test_people_read_addresses() -> None:
    folder = as_folder("s3://reviews/tuned")
    assert named(f"{folder / 'a.json'} is damaged: delete it") == "s3://reviews/tuned/a.json is damaged: delete it"
    assert one_line(f"in '{folder}', or {folder}, or /tmp") == "in 's3://reviews/tuned', or s3://reviews/tuned, or /tmp"


def test_a_study_remembers_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = StudyConfig(results_dir="s3://reviews/tuned")
    written = config.model_dump_json()
    assert '"s3://reviews/tuned"' in written
    monkeypatch.setenv(MIRROR, str(tmp_path / "other"))
    assert StudyConfig.model_validate_json(written).results_dir == as_folder("s3://reviews/tuned")
    assert StudyConfig().model_dump(mode="json")["results_dir"] == "results"
