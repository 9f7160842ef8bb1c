"""Data sets of the Hugging Face Hub: which commit was read, and what their cards say of the labels."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from reviewtune.data.kinds import HUB_PREFIX, hub_id
from reviewtune.errors import DataError
from reviewtune.reach import hub_answers
from reviewtune.tracebacks import reason_of

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class KnownDataset:
    """What is known of a data set without asking for it again.

    Attributes:
        commit: Read where the user names no revision: the same rows today and in a year.
        fake_label: The label that its card says means fake.
    """

    commit: str
    fake_label: str


KNOWN = {
    # 40,526 English reviews after Salminen et al. (2022); "Label=1 Computer-generated fake reviews":
    # https://huggingface.co/datasets/theArijitDas/Fake-Reviews-Dataset
    "theArijitDas/Fake-Reviews-Dataset": KnownDataset("cffa887a877db747e540f15eb891f0d18070b994", "1"),
}


def read_hub(source: str) -> tuple[str, pa.Table]:
    """The name with the commit that was read, `owner/name@commit`, and the rows of all its splits.

    Args:
        source: `hub:owner/name[@revision]`. Without a revision the commit in `KNOWN`, otherwise the newest.

    Raises:
        DataError: The source names no data set, it cannot be reached, or what is cached is another revision.
    """
    repository, revision = hub_id(source)
    if repository in KNOWN and revision is None:
        revision = KNOWN[repository].commit
    import datasets

    _silence()
    try:
        # Without remote code: datasets from version 4 on runs none, and offers no way to.
        with _cached_where_nobody_answers():
            splits = datasets.load_dataset(repository, revision=revision)
        rows = datasets.concatenate_datasets(list(splits.values()))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        reason = reason_of(error)
        raise DataError(
            f"{source} cannot be loaded ({reason}): check its name and the connection, "
            "or give --data FILE with reviews that you have, or --data sample"
        ) from None
    commit = _commit(list(splits.values())) or revision
    if revision and commit != revision and _COMMIT.fullmatch(revision):
        # Without a connection `datasets` takes whichever revision it read last.
        raise DataError(
            f"{source} cannot be reached and what is cached of it is commit {commit}, not {revision}: connect, or give "
            f"{HUB_PREFIX}{repository}@{commit}"
        )
    return f"{repository}@{commit}" if commit else repository, rows.with_format("arrow")[:]


@contextmanager
def _cached_where_nobody_answers() -> Iterator[None]:
    """Within, a hub that does not answer is not asked: `datasets` has no setting for it but the process's own."""
    import datasets
    import huggingface_hub

    places: tuple[Any, ...] = (datasets.config, huggingface_hub.constants)
    before = [place.HF_HUB_OFFLINE for place in places]
    offline = not hub_answers()
    for place in places:
        place.HF_HUB_OFFLINE = offline
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = value


def known_fake_label(source: str) -> str | None:
    """The label that means fake by a data set's own card; None where that is not known."""
    repository = source.removeprefix(HUB_PREFIX).partition("@")[0]
    return KNOWN[repository].fake_label if source.startswith(HUB_PREFIX) and repository in KNOWN else None


def _commit(splits: list[Any]) -> str | None:
    """The commit in the addresses of the files that were downloaded, `hf://datasets/owner/name@commit/...`."""
    files = [str(file) for split in splits for file in split.info.download_checksums or {}]
    found = {commit for file in files for commit in re.findall(r"@([0-9a-f]{40})/", file)}
    return found.pop() if len(found) == 1 else None


def _silence() -> None:
    """Both libraries write a line for each try to connect, and one for what is cached."""
    import datasets
    import huggingface_hub

    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
