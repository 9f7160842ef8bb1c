"""A study in a bucket for one process at a time, whichever machine it is on.

Buckets have no locks, so this is a claim: an object that its holder writes anew every few seconds. Whoever finds one
waits until it is written anew, and leaves, or until it no longer is, and takes the study. Two that claim a study in the
same moment find each other out before either begins; one that was cut off from the bucket for so long that another took
over finds that out when it is back, and ends. No clock of one machine is compared with another's.
"""

import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from reviewtune.errors import StorageError, StudyError
from reviewtune.files import write_text
from reviewtune.interrupt import hears_signals
from reviewtune.storage.bucket import Bucket, open_bucket
from reviewtune.storage.place import bucket_of

CLAIM_FILE = ".claim.json"
BEAT_SECONDS = 5.0
"""Between two writings of a claim."""
STALE_SECONDS = 30.0
"""Without one, after which its holder counts as dead."""
SETTLE_SECONDS = 1.5
"""Between a claim and the look whether it stands: longer than another's look and writing take."""
WAKE = signal.SIGUSR2
"""Ends what was taken over. Not SIGINT, which is ignored by what a script has started in the background."""
MIRROR_ID = ".mirror"
"""In the mirror's folder of a bucket: what tells it from that of another machine."""


@dataclass(frozen=True)
class Claim:
    """Who runs a study.

    Attributes:
        owner: Of this run alone.
        host, pid: Of the process.
        mirror: Of its machine.
        beat: Counts the writings.
    """

    owner: str
    host: str
    pid: int
    mirror: str
    beat: int = 0

    @classmethod
    def read(cls, bucket: Bucket, key: str) -> Self | None:
        """The one that stands; None where there is none that anybody can read."""
        try:
            return cls(**json.loads(bucket.read(key) or b""))
        except (ValueError, TypeError):
            return None

    @property
    def who(self) -> str:
        """For people."""
        return f"process {self.pid} on {self.host}"


@contextmanager
def claimed(folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold a study's claim; where the folder is in no bucket, there is nothing to claim.

    Args:
        folder: Of the study, whose lock on this machine this process holds.
        tell: Told that another's claim is waited for.

    Raises:
        StudyError: Another process runs it, or has taken it over.
        StorageError: The bucket cannot be reached.
    """
    found = bucket_of(folder)
    if found is None:
        yield
        return
    bucket, key = open_bucket(found[0]), f"{found[1]}/{CLAIM_FILE}"
    own = Claim(uuid.uuid4().hex, socket.gethostname(), os.getpid(), _mirror_id(folder))
    _wait(bucket, key, own, folder.name, tell)
    path = folder / CLAIM_FILE
    _write(path, own)
    time.sleep(SETTLE_SECONDS)
    standing = Claim.read(bucket, key)
    if standing is None or standing.owner != own.owner:
        raise StudyError(_taken(folder.name, standing))
    heart = _Heart(bucket, key, path, own)
    with _wakes():
        heart.thread.start()
        try:
            yield
        except KeyboardInterrupt:
            if heart.other:
                raise StudyError(_taken(folder.name, heart.other)) from None
            raise
        finally:
            heart.ended.set()
            heart.thread.join()
            with suppress(StorageError):
                if not heart.other:
                    bucket.delete(key)


@dataclass
class _Heart:
    """Writes a claim again and again, until it is ended or finds another's in its place."""

    bucket: Bucket
    key: str
    path: Path
    own: Claim
    other: Claim | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._go_on, daemon=True)

    def _go_on(self) -> None:
        beat = 0
        while not self.ended.wait(BEAT_SECONDS):
            beat += 1
            # What cannot be reached now can be at the next beat; whoever needs it meanwhile says so.
            with suppress(OSError):
                standing = Claim.read(self.bucket, self.key)
                if standing and standing.owner != self.own.owner:
                    self.other = standing
                    _wake()
                    return
                _write(self.path, replace(self.own, beat=beat))


def _wait(bucket: Bucket, key: str, own: Claim, study: str, tell: Callable[[str], None]) -> None:
    """Return once nobody holds the study any more.

    Raises:
        StudyError: Its holder lives.
    """
    first = Claim.read(bucket, key)
    # Of the same mirror it is dead: the lock there is this process's.
    if first is None or first.mirror == own.mirror:
        return
    tell(f"{study} was last run by {first.who}: {STALE_SECONDS:.0f} s will tell whether it still is")
    end = time.monotonic() + STALE_SECONDS
    while time.monotonic() < end:
        time.sleep(BEAT_SECONDS / 2)
        now = Claim.read(bucket, key)
        if now is None:
            return
        if now != first:
            raise StudyError(_taken(study, now))


def _taken(study: str, other: Claim | None) -> str:
    holder = other.who if other else "another process"
    return f"the study {study} is being run by {holder}: wait for its end, or give another --study"


def _write(path: Path, claim: Claim) -> None:
    write_text(path, json.dumps(asdict(claim)) + "\n")


@contextmanager
def _wakes() -> Iterator[None]:
    """Inside, `_wake` raises KeyboardInterrupt here, if this is the thread that hears of signals."""
    if not hears_signals():
        yield
        return
    before = signal.signal(WAKE, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(WAKE, before)


def _wake() -> None:
    main = threading.main_thread().ident
    if main is not None and signal.getsignal(WAKE) is signal.default_int_handler:
        signal.pthread_kill(main, WAKE)


def _mirror_id(folder: Path) -> str:
    """What tells this machine's mirror from every other."""
    path = folder.parent / MIRROR_ID
    with suppress(FileNotFoundError):
        return path.read_text()
    write_text(path, uuid.uuid4().hex, shared=False)
    return path.read_text()
