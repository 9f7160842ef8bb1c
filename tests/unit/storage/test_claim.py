import json
import signal
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from reviewtune.errors import StudyError
from reviewtune.storage import claim
from reviewtune.storage.claim import CLAIM_FILE, claimed
from tests.unit.storage.conftest import Machine

TOLD: list[str] = []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(claim, "STALE_SECONDS", 0.5)
    monkeypatch.setattr(claim, "SETTLE_SECONDS", 0.05)
    TOLD.clear()


def study(results: Path) -> Path:
    return results / "studies" / "s"


def stands(bucket: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((study(bucket) / CLAIM_FILE).read_text())
    return found


def put(bucket: Path, **fields: object) -> None:
    study(bucket).mkdir(parents=True, exist_ok=True)
    other = {"owner": "other", "host": "elsewhere", "pid": 7, "mirror": "other", "beat": 0}
    (study(bucket) / CLAIM_FILE).write_text(json.dumps(other | fields))


def test_a_claim_is_written_anew_while_it_is_held_and_goes_with_it(machine: Machine, bucket: Path) -> None:
    with claimed(study(machine("one")), TOLD.append):
        first = stands(bucket)["beat"]
        time.sleep(0.3)
        assert stands(bucket)["beat"] > first
    assert not (study(bucket) / CLAIM_FILE).exists()
    assert TOLD == []


def test_another_machine_is_refused_by_the_name_of_the_holder(machine: Machine, bucket: Path) -> None:
    with claimed(study(machine("one")), TOLD.append):
        holder = stands(bucket)["pid"]
        with pytest.raises(StudyError, match=f"being run by process {holder} on "):  # noqa: SIM117
            with claimed(study(machine("two")), TOLD.append):
                pass
        assert (study(bucket) / CLAIM_FILE).exists()
    assert len(TOLD) == 1
    assert "last run by" in TOLD[0]


def test_a_claim_that_is_no_longer_written_is_taken(machine: Machine, bucket: Path) -> None:
    put(bucket)
    start = time.monotonic()
    with claimed(study(machine("two")), TOLD.append):
        assert stands(bucket)["owner"] != "other"
    assert time.monotonic() - start >= 0.5


def test_what_died_on_this_machine_is_not_waited_for(machine: Machine, bucket: Path) -> None:
    with claimed(study(machine("one")), TOLD.append):
        mirror = stands(bucket)["mirror"]
    put(bucket, mirror=mirror)
    with claimed(study(machine("one")), TOLD.append):
        assert TOLD == []


def test_of_two_that_claim_at_once_one_leaves(machine: Machine, bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim.time, "sleep", lambda _: put(bucket))
    with pytest.raises(StudyError, match="process 7 on elsewhere"):  # noqa: SIM117
        with claimed(study(machine("one")), TOLD.append):
            pass
    assert stands(bucket)["owner"] == "other"


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
def test_whoever_was_taken_for_dead_ends(machine: Machine, bucket: Path, ctrl_c: Any) -> None:
    before = signal.signal(signal.SIGINT, ctrl_c)
    ended = Event()

    def take_over() -> None:
        # A beat that is on its way can still come after a claim, which is then claimed again.
        while not ended.wait(0.1):
            put(bucket)

    other = Thread(target=take_over)

    def go_on() -> None:
        with claimed(study(machine("one")), TOLD.append):
            other.start()
            time.sleep(60)

    with pytest.raises(StudyError, match="process 7 on elsewhere"):
        go_on()
    ended.set()
    other.join()
    signal.signal(signal.SIGINT, before)
    assert stands(bucket)["owner"] == "other", "the claim of the other stays"


def test_a_folder_of_this_machine_has_no_claim(tmp_path: Path) -> None:
    with claimed(tmp_path, TOLD.append):
        assert not list(tmp_path.iterdir())
