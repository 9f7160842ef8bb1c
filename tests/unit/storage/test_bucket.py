"""What a real S3 server, and a file system of fsspec's, do and say."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from reviewtune.contents import is_whole, note_contents
from reviewtune.errors import StorageError, UsageError
from reviewtune.files import in_one_step, write_text
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.storage import bucket
from reviewtune.storage.bucket import open_bucket
from reviewtune.storage.mirror import check_bucket, fetch, is_there, move, remove
from reviewtune.storage.place import MIRROR, as_folder
from reviewtune.storage.refresh import refresh
from tests.s3_server import S3, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    pytest.importorskip("moto", reason="the S3 server needs moto, flask and flask-cors: pip install -e '.[dev]'")
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(MIRROR, str(tmp_path))
    monkeypatch.setattr(bucket, "ATTEMPTS", 1)
    open_bucket.cache_clear()
    yield tmp_path
    open_bucket.cache_clear()


@pytest.fixture(params=["s3", "memory"])
def results(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty results directory."""
    if request.param == "memory":
        return as_folder(f"memory://reviews/{request.node.originalname}")
    server: S3 = request.getfixturevalue("server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return as_folder(f"{server.address}/{request.node.originalname}")


def elsewhere(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same on another machine."""
    relative = path.relative_to(tmp_path)
    monkeypatch.setenv(MIRROR, str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere" / relative


def test_files_states_and_artifacts_go_up_and_come_down(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_there(results)
    write_text(results / "studies" / "s" / "study.json", "{}")
    with in_one_step(results / "models" / "old" / "last") as partial:
        partial.mkdir()
        (partial / "weights").write_bytes(b"\0" * 12_000_000)
    with in_one_step(results / "artifacts" / "a") as partial:
        partial.mkdir()
        (partial / ARTIFACT_FILE).write_text("{}")
        (partial / "model").write_text("m")
        note_contents(partial, but=())
    move(results / "models" / "old", results / "models" / "new")
    there = elsewhere(results, tmp_path, monkeypatch)
    refresh(there)
    assert (there / "studies" / "s" / "study.json").read_text() == "{}"
    assert not is_there(there / "models" / "old")
    assert (fetch(there / "models" / "new" / "last") / "weights").stat().st_size == 12_000_000
    assert is_whole(fetch(there / "artifacts" / "a"))
    assert remove(there / "models" / "new") > 12_000_000
    assert not is_there(there / "models" / "new")


def test_an_object_whose_key_leads_out_of_its_folder_is_passed_over(tmp_path: Path) -> None:
    artifact = as_folder("memory://reviews/keys") / "artifacts" / "a"
    write_text(artifact / ARTIFACT_FILE, "{}")
    fsspec.filesystem("memory").pipe("/reviews/keys/artifacts/a/x/../../../../../../out.txt", b"theirs")
    shutil.rmtree(artifact)
    victims = [path / "out.txt" for path in artifact.parents if path.is_relative_to(tmp_path)]
    for victim in victims:
        victim.parent.mkdir(parents=True, exist_ok=True)
        victim.write_text("mine")
    refresh(as_folder("memory://reviews/keys"))
    assert (fetch(artifact) / ARTIFACT_FILE).read_text() == "{}"
    assert {victim.read_text() for victim in victims} == {"mine"}
    assert len(list(tmp_path.rglob("out.txt"))) == len(victims)


def test_an_address_may_name_the_server(server: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    host = server.endpoint.removeprefix("http://")
    folder = as_folder(f"{server.address}/named?endpoint_override={host}&scheme=http")
    write_text(folder / "a", "1")
    assert fetch(folder / "a").read_text() == "1"


def test_a_missing_bucket_is_one_line(server: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match=r"^there is no bucket s3://nobody: make it, or give another$"):
        check_bucket(as_folder("s3://nobody/results"))
    with pytest.raises(StorageError, match=r"^there is no bucket s3://nobody: "):
        write_text(as_folder("s3://nobody/results") / "a", "1")


def test_a_server_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    with pytest.raises(StorageError, match=r"^s3://reviews cannot be reached \(.*connect") as caught:
        check_bucket(as_folder("s3://reviews/results"))
    assert isinstance(caught.value, OSError), "whoever can do without a file minds no bucket either"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("AWS Error ACCESS_DENIED during PutObject operation: no", "refuses"),
        ("AWS Error UNKNOWN (HTTP status 403) during HeadBucket", "refuses"),
        ("AWS Error NO_SUCH_BUCKET during PutObject", "there is no bucket"),
        ("AWS Error SLOW_DOWN during PutObject", "did not do what it was asked"),
    ],
)
def test_what_a_bucket_answers_is_one_line_with_a_mend(
    said: str, line: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(said)

    monkeypatch.setattr(bucket, "_upload", refuse)
    with pytest.raises(StorageError, match=line) as caught:
        write_text(results / "a", "1")
    assert "\n" not in str(caught.value)
    assert not (results / "a").exists()


def test_a_mirror_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(MIRROR, str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"reviewtune-mirror cannot be made \(.*\): set REVIEWTUNE_MIRROR to a folder"):
        check_bucket(as_folder("memory://reviews/results"))


def test_a_scheme_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^xyzzy://reviews cannot be opened .*: give s3://, gs:// or abfs://"):
        check_bucket(as_folder("xyzzy://reviews/results"))
