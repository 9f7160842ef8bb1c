import errno
import os
import resource
import shutil
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import save_file

from reviewtune.files import in_one_step, put_back, write_text


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with in_one_step(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_the_old_file_stays_where_writing_fails(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(FileNotFoundError), in_one_step(path) as partial:
        partial.write_text((tmp_path / "missing").read_text())
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("number", "named"), [(errno.ENOSPC, True), (errno.ECONNREFUSED, False)])
def test_a_full_disk_names_the_file_and_a_lost_network_does_not(tmp_path, number, named):
    path = tmp_path / "file.txt"
    with pytest.raises(OSError, match=os.strerror(number)) as raised, in_one_step(path):
        raise OSError(number, os.strerror(number))
    assert raised.value.filename == (str(path) if named else None)


@pytest.fixture
def small_files():
    """No file may grow beyond a few bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_is_full_for_a_library_in_rust_is_one_for_python(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(OSError, match="File too large") as told, in_one_step(path) as partial:
        save_file({"weights": np.zeros(1000)}, partial)
    assert (told.value.errno, told.value.filename) == (errno.EFBIG, str(path))


def test_other_errors_of_such_a_library_stay_what_they_are(tmp_path):
    with pytest.raises(SafetensorError, match="invalid"), in_one_step(tmp_path / "weights.safetensors"):
        raise SafetensorError("invalid header")


def test_a_folder_replaces_a_folder(tmp_path):
    path = tmp_path / "folder"
    for text in ("old", "new"):
        with in_one_step(path) as partial:
            partial.mkdir()
            (partial / text).write_text(text)
    assert [entry.name for entry in path.iterdir()] == ["new"]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_old_folder_stays_where_writing_fails(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(FileNotFoundError), in_one_step(path) as partial:
        shutil.copytree(tmp_path / "missing", shutil.copytree(path, partial) / "more")
    assert list(tmp_path.rglob("*")) == [path]


def test_a_block_that_writes_nothing_changes_nothing(tmp_path):
    with in_one_step(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_being_replaced_comes_back(tmp_path):
    (tmp_path / ".old-best").mkdir()
    put_back(tmp_path / "best")
    assert [entry.name for entry in tmp_path.iterdir()] == ["best"]


def test_rights_are_those_of_new_files(tmp_path):
    before = os.umask(0o022)
    try:
        with in_one_step(tmp_path / "folder") as partial:
            partial.mkdir(mode=0o700)
            (partial / "weights").touch(mode=0o600)
        with in_one_step(tmp_path / "file") as partial:
            partial.touch(mode=0o600)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"folder": 0o755, "weights": 0o644, "file": 0o644}


@given(name=st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20))
def test_any_name_will_do(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("any")
    if name in (".", ".."):
        return
    write_text(folder / name, "text")
    assert [entry.name for entry in folder.iterdir()] == [name]
