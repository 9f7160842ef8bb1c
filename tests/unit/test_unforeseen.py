import errno
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
import sqlalchemy.exc

from reviewtune.unforeseen import NO_MEMORY, NO_RAY, NO_RIGHT, NO_ROOM, line_for


def ray_error(cause: Exception) -> Exception:
    from ray.exceptions import RayTaskError

    error: Exception = RayTaskError("task", "Traceback\n  many lines", cause).as_instanceof_cause()
    return error


def actor_died() -> Exception:
    from ray.exceptions import ActorDiedError

    return ActorDiedError()


def of_sqlalchemy(said: str) -> Exception:
    return sqlalchemy.exc.OperationalError("INSERT INTO trials\nVALUES (?)", {}, sqlite3.OperationalError(said))


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/r/x"), f"/r/x: No space left on device: {NO_ROOM}"),
        (OSError(errno.EROFS, "Read-only file system", "/r/x"), f"/r/x: Read-only file system: {NO_RIGHT}"),
        (PermissionError(errno.EACCES, "Permission denied"), f"Permission denied: {NO_RIGHT}"),
        (MemoryError(), f"MemoryError: {NO_MEMORY}"),
        (of_sqlalchemy("database or disk is full"), NO_ROOM),
        (of_sqlalchemy("attempt to write a readonly database"), NO_RIGHT),
        (of_sqlalchemy("database is locked"), "wait for it, or give another --results-dir"),
        (sqlite3.OperationalError("disk I/O error"), "OperationalError: disk I/O error: check the disk"),
        (caused(RuntimeError("storage"), of_sqlalchemy("database is locked")), "the file system has no locks"),
        (actor_died(), NO_RAY),
        (ray_error(OSError(errno.ENOSPC, "No space left on device")), f"No space left on device: {NO_ROOM}"),
    ],
)
def test_what_libraries_are_known_to_raise_says_what_to_do(error: Exception, line: str, tmp_path: Path) -> None:
    told = line_for(error, ["tune"], tmp_path)
    assert line.replace("PLACE", str(tmp_path)) in told
    assert "not foreseen" not in told
    assert "\n" not in told
    [log] = (tmp_path / "logs").iterdir()
    assert told.endswith(f"(the traceback is in {log})")


def tune_error(told: str) -> Exception:
    from ray.tune.error import TuneError

    error: Exception = TuneError(f'Traceback (most recent call last):\n  File "x.py", line 1, in write\n{told}\n')
    return error


def test_results_that_went_away_are_named_with_what_to_do(tmp_path: Path) -> None:
    inside = tmp_path / "results" / "studies" / "record.json"
    error = tune_error(f"FileNotFoundError: [Errno 2] No such file or directory: '{inside}'")
    told = line_for(error, ["tune"], tmp_path / "results")
    assert told.startswith(f"{inside}: No such file or directory: {tmp_path / 'results'} or what was in it went away")
    assert "\n" not in told
    elsewhere = line_for(FileNotFoundError(errno.ENOENT, "No such file", "/elsewhere"), ["tune"], tmp_path)
    assert "went away" not in elsewhere


def test_a_full_disk_that_tune_tells_of_is_a_full_disk(tmp_path: Path) -> None:
    told = line_for(tune_error("OSError: [Errno 28] No space left on device: '/r/x'"), ["tune"], tmp_path)
    assert told.startswith(f"/r/x: No space left on device: {NO_ROOM.replace('PLACE', str(tmp_path))}")


def test_of_a_traceback_that_tune_tells_its_end_is_said(tmp_path: Path) -> None:
    told = line_for(tune_error("pyarrow.lib.ArrowInvalid: no\nValueError: no such trial."), ["tune"], tmp_path)
    assert told.startswith(f"ValueError: no such trial: {NO_RAY} (")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (ray_error(KeyError("x")), "KeyError: 'x'"),
        (ValueError("first line\nsecond " + "x" * 1000), "ValueError: first line"),
        (RuntimeError(), "RuntimeError"),
        (of_sqlalchemy("no such table: trials"), "OperationalError: (sqlite3.OperationalError) no such table: trials"),
        (OSError("no number"), "OSError: no number"),
    ],
)
def test_anything_else_is_asked_to_be_reported(error: Exception, said: str, tmp_path: Path) -> None:
    told = line_for(error, ["tune", "--data", "\udcff"], tmp_path)
    [log] = (tmp_path / "logs").iterdir()
    assert told == f"this was not foreseen ({said}): the traceback is in {log}; please report it"
    assert "words: ['tune', '--data', '\\udcff']" in log.read_text()


def test_without_a_place_for_the_log_it_is_still_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    (tmp_path / "logs").write_text("in the way")
    told = line_for(KeyError("x"), ["tune"], tmp_path)
    assert told == "this was not foreseen (KeyError: 'x'): no file for the traceback could be written; please report it"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_results_that_cannot_be_written_send_the_log_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, temporary = tmp_path / "results", tmp_path / "temporary"
    results.mkdir(mode=0o500)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert str(temporary) in line_for(KeyError("x"), ["tune"], results)
