"""Data sets of the hub: pinned where known, named by their commit, and a way out where the hub is not there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from reviewtune.data.hub import KNOWN, known_fake_label, read_hub
from reviewtune.data.reviews import load_reviews
from reviewtune.errors import DataError

KNOWN_ID = "theArijitDas/Fake-Reviews-Dataset"
COMMIT, OTHER = KNOWN[KNOWN_ID].commit, "0" * 40
ROWS = {"category": ["Pets"] * 4, "rating": [5.0] * 4, "text": ["good", "bad", "fine", "poor"], "label": [1, 0, 1, 0]}


def message(source: str) -> str:
    with pytest.raises(DataError) as caught:
        read_hub(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `load_dataset` was asked; it answers with two splits, downloaded at the commit that was asked for."""
    made: list[Any] = []

    def load_dataset(*args: Any, **kwargs: Any) -> datasets.DatasetDict:
        made.append((args, kwargs))
        parts = {name: datasets.Dataset.from_dict({"text": [name], "label": [1]}) for name in ("train", "test")}
        for name, part in parts.items():
            address = f"hf://datasets/{args[0]}@{OTHER}/data/{name}-00000-of-00001.parquet"
            part.info.download_checksums = {address: {"num_bytes": 1, "checksum": None}}
        return datasets.DatasetDict(parts)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return made


def test_all_splits_of_a_revision_are_read_and_named_by_their_commit(calls: list[Any]) -> None:
    name, table = read_hub("hub:someone/reviews@v1.0")
    assert name == f"someone/reviews@{OTHER}"
    assert table.to_pylist() == [{"text": "train", "label": 1}, {"text": "test", "label": 1}]
    assert calls == [(("someone/reviews",), {"revision": "v1.0"})]


def test_without_a_revision_the_newest_commit_is_read_and_named(calls: list[Any]) -> None:
    assert read_hub("hub:someone/reviews")[0] == f"someone/reviews@{OTHER}"
    assert calls == [(("someone/reviews",), {"revision": None})]


def test_a_known_data_set_is_pinned_unless_a_revision_is_given(calls: list[Any]) -> None:
    assert f"commit {OTHER}, not {COMMIT}" in message(f"hub:{KNOWN_ID}")
    assert read_hub(f"hub:{KNOWN_ID}@main")[0] == f"{KNOWN_ID}@{OTHER}"
    assert [kwargs["revision"] for _, kwargs in calls] == [COMMIT, "main"]


@pytest.mark.parametrize(
    ("source", "label"), [(f"hub:{KNOWN_ID}", "1"), (f"hub:{KNOWN_ID}@main", "1"), ("hub:a/b", None), (KNOWN_ID, None)]
)
def test_the_label_that_means_fake_is_known_for_the_hubs_own_data_set(source: str, label: str | None) -> None:
    assert known_fake_label(source) == label


@pytest.mark.parametrize("error", [ConnectionError("Couldn't reach\nthe Hub"), ValueError("Config name is missing")])
def test_a_hub_out_of_reach_offers_a_file_or_the_sample(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def load_dataset(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert "or give --data FILE with reviews that you have, or --data sample" in message("hub:someone/reviews")


@pytest.mark.parametrize("source", ["hub:", "hub:reviews", "hub:a/b/c", "hub:a/b@"])
def test_a_hub_id_that_names_nothing_is_refused(source: str) -> None:
    assert "write hub:owner/name" in message(source)


def in_the_hubs_layout(folder: Path) -> Path:
    """The folder that the hub shows for the known data set: a card, and Parquet below data/."""
    (folder / "data").mkdir(parents=True)
    parquet.write_table(pa.table(ROWS), folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("# Fake Reviews Dataset\n")
    return folder


def test_a_downloaded_folder_is_read_when_it_is_said_which_label_means_fake(tmp_path: Path) -> None:
    folder = in_the_hubs_layout(tmp_path / "Fake-Reviews-Dataset")
    reviews = load_reviews(str(folder), fake_label="1")
    assert {row["text"]: row["fake"] for row in reviews.table.to_pylist()} == {
        "good": True, "bad": False, "fine": True, "poor": False,
    }  # fmt: skip
    with pytest.raises(DataError, match="give --fake-label"):
        load_reviews(str(folder))


def cached(home: Path, commit: str) -> None:
    """Leave the known data set in the cache of `datasets` as a download of `commit` would."""
    folder = home / "datasets" / "theArijitDas___fake-reviews-dataset" / "default" / "0.0.0" / commit
    folder.mkdir(parents=True)
    table = pa.table(ROWS)
    with pa.ipc.new_stream(str(folder / "fake-reviews-dataset-train.arrow"), table.schema) as stream:
        stream.write_table(table)
    kinds = {"category": "string", "rating": "float64", "text": "string", "label": "int64"}
    about = {
        "builder_name": "parquet", "config_name": "default", "dataset_name": "fake-reviews-dataset",
        "features": {name: {"dtype": kind, "_type": "Value"} for name, kind in kinds.items()},
        "splits": {"train": {"name": "train", "num_examples": 4, "dataset_name": "fake-reviews-dataset"}},
        "download_checksums": {f"hf://datasets/{KNOWN_ID}@{commit}/data/train-00000-of-00001.parquet": {}},
        "version": {"version_str": "0.0.0", "major": 0, "minor": 0, "patch": 0},
    }  # fmt: skip
    (folder / "dataset_info.json").write_text(json.dumps(about))


def offline(home: Path) -> subprocess.CompletedProcess[str]:
    """Read the known data set in a process that may not use the network."""
    code = (
        "from reviewtune.data.reviews import load_reviews\n"
        "from reviewtune.errors import DataError\n"
        f"try: found = load_reviews('hub:{KNOWN_ID}')\n"
        "except DataError as error: print(error)\n"
        "else: print(found.name, found.report.fake)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)


def test_offline_the_cached_commit_is_read(tmp_path: Path) -> None:
    cached(tmp_path, COMMIT)
    done = offline(tmp_path)
    assert done.stdout == f"{KNOWN_ID}@{COMMIT} 2\n"
    assert done.stderr == ""


def test_offline_another_cached_commit_is_not_taken_for_the_pinned_one(tmp_path: Path) -> None:
    cached(tmp_path, OTHER)
    assert f"what is cached of it is commit {OTHER}, not {COMMIT}" in offline(tmp_path).stdout


def test_offline_without_a_cache_the_message_is_one_line(tmp_path: Path) -> None:
    done = offline(tmp_path)
    assert done.stdout.count("\n") == 1
    assert "or --data sample" in done.stdout
    assert done.stderr == ""
