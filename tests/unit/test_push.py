"""An artifact pushed to a hub on this machine: what goes up, and what is refused in one line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard, constants

from reviewtune import reach
from reviewtune.artifact import write_artifact
from reviewtune.card.facts import write_scores
from reviewtune.cli import main
from reviewtune.push import own_files
from tests.hub_server import COMMIT, Hub, hub_server
from tests.unit.artifact_infos import info_of
from tests.unit.leaderboard.conftest import entry_of

TO = "owner/fake-reviews"


class Model:
    def save(self, folder: Path) -> None:
        (folder / "model.skops").write_bytes(np.arange(1000).tobytes())


class Members:
    def save(self, folder: Path) -> None:
        write_artifact(folder / "members" / "svm", info_of("svm", "minilm"), Model())
        write_scores(folder / "members" / "svm", entry_of("svm", study="s"), None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        reach._answers.cache_clear()
        yield hub
        reach._answers.cache_clear()


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts" / "s-svm"
    write_artifact(folder, info_of("svm", "minilm"), Model())
    return folder


def push(artifact: Path, *words: str) -> int:
    return main(["push", "--artifact", str(artifact), "--to", TO, *words])


def test_the_files_of_an_artifact_go_up_and_no_others(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scores(artifact, entry_of("svm", study="s"), None)
    for name in ("reviews.csv", "test_predictions.parquet", ".env", "folds/x.txt"):
        (artifact / name).parent.mkdir(exist_ok=True)
        (artifact / name).write_text("a review")
    assert push(artifact) == 0
    names = {"README.md", "files.json", "model.skops", "reviewtune.json", "scores.json"}
    assert hub.files == {(TO, "main"): {name: (artifact / name).read_bytes() for name in names}}
    assert hub.private == {TO: False}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"pushing 5 files of {artifact}, 0.0 MB, to {TO}")
    assert lines[1].startswith(f"{hub.url}/{TO}/commit/{COMMIT} has it; `hf download {TO} --local-dir FOLDER` ")


def test_an_ensemble_goes_up_with_its_members_and_their_scores(hub: Hub, tmp_path: Path) -> None:
    write_artifact(tmp_path / "all", info_of("ensemble"), Members())
    assert push(tmp_path / "all") == 0
    own = {"README.md", "files.json", "model.skops", "reviewtune.json", "scores.json"}
    assert set(hub.files[TO, "main"]) == {"README.md", "files.json", "reviewtune.json"} | {
        f"members/svm/{name}" for name in own
    }


def test_branch_privacy_and_licence_are_as_asked_for(hub: Hub, artifact: Path) -> None:
    before = (artifact / "README.md").read_text()
    assert push(artifact, "--private", "--revision", "v1.2", "--license", "apache-2.0") == 0
    assert hub.private == {TO: True}
    files = hub.files[TO, "v1.2"]
    card = ModelCard(files["README.md"].decode())
    assert card.data.license == "apache-2.0"
    assert card.text == ModelCard(before).text
    assert (artifact / "README.md").read_text() == before
    assert push(artifact, "--private") == 0


def test_a_card_that_was_deleted_is_made_again(hub: Hub, artifact: Path) -> None:
    before = (artifact / "README.md").read_bytes()
    (artifact / "README.md").unlink()
    assert push(artifact) == 0
    assert hub.files[TO, "main"]["README.md"] == before


@pytest.mark.parametrize("yaml", ["license: [", "- a", "license: \tx: y"])
def test_a_card_whose_yaml_was_broken_by_hand_is_one_line(
    hub: Hub, artifact: Path, yaml: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (artifact / "README.md").write_text(f"---\n{yaml}\n---\n# A card\n")
    assert push(artifact) == 1
    assert "README.md is damaged" in capsys.readouterr().err.splitlines()[-1]
    assert not hub.files


def test_a_folder_of_this_machine_is_said(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_artifact(tmp_path / "svm", info_of("svm", "/home/ann/base"), Model())
    assert push(tmp_path / "svm") == 0
    assert capsys.readouterr().out.startswith("its base model is /home/ann/base, and this path goes up too: ")


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("reviewtune: ")
    return shown.err.removeprefix("reviewtune: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "fake-reviews"], "--to=fake-reviews: give owner/name, of letters, digits, "),
        (["--to", "a/b/c"], "--to=a/b/c: give owner/name"),
        (["--to", f"a/{'b' * 95}"], ": give owner/name"),
        (["--license", "My own"], "--license=My own: string should match pattern"),
        (["--revision", "a b"], "--revision=a b: string should match pattern"),
    ],
)
def test_what_cannot_be_asked_for(
    artifact: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert push(artifact, *words) == 2
    assert said in refused(capsys)


def test_a_public_repository_is_not_taken_for_a_private_one(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.private[TO] = False
    assert push(artifact, "--private") == 1
    assert refused(capsys).startswith(f"{TO} is there and public, against --private: make it private on the hub, ")
    assert hub.files == {}


def test_without_a_token_nothing_is_asked_of_the_hub(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert push(artifact) == 1
    assert refused(capsys).startswith("the hub asks who pushes: log in by `hf auth login`, or set HF_TOKEN to a token")
    assert hub.calls == []


def test_a_wrong_token_is_said(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert push(artifact) == 1
    line = refused(capsys)
    assert line.startswith(f"{artifact} was not pushed to {TO} (")
    assert "): log in by `hf auth login`, or set HF_TOKEN" in line
    assert "hf_wrong" not in line


@pytest.mark.parametrize(("status", "mend"), [(403, "log in by"), (404, "check the name"), (500, "give the same")])
def test_a_hub_that_refuses_is_one_line(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str], status: int, mend: str
) -> None:
    hub.refuse = status
    assert push(artifact) == 1
    line = refused(capsys)
    assert "no way" in line
    assert f"): {mend}" in line


def test_a_hub_that_cannot_be_reached_is_one_line(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert push(artifact) == 1
    assert refused(capsys) == (
        "http://127.0.0.1:9 cannot be reached (is there a connection?): try again where it can\n"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert push(artifact) == 1
    assert "(HF_HUB_OFFLINE is set)" in refused(capsys)


def test_a_damaged_artifact_is_refused_before_the_hub_is_asked(
    hub: Hub, artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (artifact / "model.skops").write_bytes(b"torn")
    assert push(artifact) == 1
    assert refused(capsys).startswith(
        f"{artifact} lacks a file or has a damaged one: delete it and give its `tune` command"
    )
    (artifact / "files.json").unlink()
    assert push(artifact) == 1
    assert refused(capsys).startswith(f"{artifact} is of a version that noted no files: delete it and give its `tune` ")
    assert hub.calls == []


def test_a_file_that_lies_elsewhere_is_not_taken_along(artifact: Path, tmp_path: Path) -> None:
    """By a link, as somebody else's folder may hold one."""
    outside = (artifact / "model.skops").rename(tmp_path / "secret")
    (artifact / "model.skops").symlink_to(outside)
    with pytest.raises(Exception, match=r"leads out of itself by 'model\.skops': copy the artifact again"):
        own_files(artifact)


@pytest.mark.slow
def test_the_program_pushes_by_the_environment_alone(artifact: Path) -> None:
    with hub_server() as hub:
        done = subprocess.run(
            [sys.executable, "-m", "reviewtune", "push", "--artifact", str(artifact), "--to", TO],
            env={**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HUB_DISABLE_XET": "1"},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert set(hub.files[TO, "main"]) == {"README.md", "files.json", "model.skops", "reviewtune.json"}
