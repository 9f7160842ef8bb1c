"""The store writes in one step, and says what to do about a damaged file."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data.store import Store, content_key, read_parquet, report_in, write_parquet
from reviewtune.errors import DataError, UsageError

TABLE = pa.table({"id": ["a", "b"]}).replace_schema_metadata({"kept": "yes"})


def test_the_folders_lie_in_the_results_directory(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folders = [store.reviews, store.splits, store.tokens, store.embeddings]
    assert [folder.name for folder in folders] == ["reviews", "splits", "tokens", "embeddings"]
    assert {folder.parent for folder in folders} == {tmp_path / "store"}
    assert not list(tmp_path.iterdir())


def test_a_results_directory_is_made_or_refused_in_one_line(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b").prepare()
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file cannot be made \(it is no folder\): give another folder"):
        Store(tmp_path / "file").prepare()
    with pytest.raises(UsageError, match=r"below cannot be made \(Not a directory\)"):
        Store(tmp_path / "file" / "below").prepare()


def test_a_results_directory_that_takes_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UsageError, match="is not writable: give another folder"):
        Store(tmp_path).prepare()


def test_a_key_is_of_the_content() -> None:
    key = content_key("a", {"x": 1, "y": [2.5, None]})
    assert key == "787fccb597f4e7ee"
    assert key == content_key("a", {"y": (2.5, None), "x": 1})
    others = [
        content_key({"x": 1, "y": [2.5, None]}, "a"),
        content_key("a", {"x": 1, "y": [2.5]}),
        content_key("a"),
        content_key(),
    ]
    assert len({key, *others}) == 5


def test_a_table_comes_back_with_its_note_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.parquet"
    write_parquet(TABLE, path, {"report": {"rows": 2}})
    table, note = read_parquet(path, TABLE.schema)
    assert table.equals(TABLE)
    assert table.schema.metadata[b"kept"] == b"yes"
    assert note == {"report": {"rows": 2}}
    write_parquet(TABLE, path)
    assert read_parquet(path, TABLE.schema)[1] == {}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(TABLE, path)
    before = path.read_bytes()

    def fail(table: pa.Table, where: Path) -> None:
        where.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(parquet, "write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        write_parquet(TABLE.slice(1), path)
    assert [item.name for item in tmp_path.iterdir()] == ["a.parquet"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", None])
def test_a_damaged_or_missing_file_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_parquet(path, TABLE.schema)
    assert str(caught.value).startswith(f"{path} is missing or damaged (")
    assert str(caught.value).endswith("delete it, it is made again from the reviews")
    assert "\n" not in str(caught.value)


def test_a_file_with_damaged_values_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(TABLE, path)
    raw = bytearray(path.read_bytes())
    raw[4:40] = b"\xff" * 36
    path.write_bytes(raw)
    with pytest.raises(DataError, match="is missing or damaged"):
        read_parquet(path, TABLE.schema)


@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_any_damaged_byte_is_one_line_or_leaves_a_table_that_can_be_read(tmp_path: Path, flip: int) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(TABLE, path, {"report": {"rows": 2}})
    sound, refused = path.read_bytes(), []
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ flip]) + sound[place + 1 :])
        try:
            table, note = read_parquet(path, TABLE.schema)
            table.to_pylist()
            report_in(note, dict, path)
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > len(sound) / 8
    assert "\n" not in "".join(refused)


def test_a_file_with_other_columns_is_one_line(tmp_path: Path) -> None:
    write_parquet(TABLE, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="has the columns id of another version: delete it"):
        read_parquet(tmp_path / "a.parquet", pa.schema([("id", pa.int64())]))
