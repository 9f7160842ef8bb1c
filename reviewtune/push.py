"""An artifact onto the Hugging Face Hub: its own files and nothing else, in one commit."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from reviewtune.artifact_info import read_info
from reviewtune.card.facts import CARD_FILE, LATER, Facts, read_facts
from reviewtune.card.page import model_card
from reviewtune.contents import CONTENTS_FILE, check_inside, is_whole, noted_files
from reviewtune.errors import ArtifactError, HubError, ReviewtuneError, one_line
from reviewtune.reach import hub_answers
from reviewtune.schema import ARTIFACT_FILE
from reviewtune.tracebacks import reason_of
from reviewtune.verb_config import PushConfig

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi

LOGIN = "log in by `hf auth login`, or set HF_TOKEN to a token that may write there"
MENDS = {401: LOGIN, 403: LOGIN, 404: "check the name and the token's rights, or leave --revision out"}
"""What to do about an answer of the hub, by its status."""


def push_and_show(config: PushConfig) -> int:
    """Push an artifact and say where it is."""
    folder, facts = config.artifact, read_facts(config.artifact)
    files = own_files(folder)
    size = sum((folder / name).stat().st_size for name in files if (folder / name).exists())
    _require_hub()
    for path in _local_bases(facts):
        print(one_line(f"its base model is {path}, and this path goes up too: others need --base-model FOLDER"))
    print(one_line(f"pushing {len(files)} files of {folder}, {size / 1e6:,.1f} MB, to {config.to}"), flush=True)
    commit = _pushed(config, files)
    print(one_line(f"{commit.commit_url} has it; `hf download {config.to} --local-dir FOLDER` gets it again"))
    return 0


def own_files(folder: Path) -> list[str]:
    """Of an artifact's folder, the files that reviewtune wrote, by their paths in it: whatever else is there stays.

    Raises:
        ArtifactError: It is no artifact, or one that is damaged or of a version that did not note its files.
    """
    read_info(folder)
    whole = is_whole(folder)
    if not whole:
        reason = "is of a version that noted no files" if whole is None else "lacks a file or has a damaged one"
        raise ArtifactError(f"{folder} {reason}: delete it and give its `tune` command again, which makes it anew")
    noted = noted_files(folder)
    artifacts = [PurePosixPath(name).parent for name in noted if PurePosixPath(name).name == ARTIFACT_FILE]
    later = [str(parent / name) for parent in artifacts for name in LATER]
    told = [name for name in later if (folder / name).is_file()]
    files = sorted({*noted, *told, CONTENTS_FILE, CARD_FILE})
    check_inside(folder, files)
    return files


def _require_hub() -> None:
    """Refuse to begin where it could not end.

    Raises:
        HubError: There is no token, or no hub.
    """
    from huggingface_hub import constants, get_token

    if get_token() is None:
        raise HubError(f"the hub asks who pushes: {LOGIN}")
    if not hub_answers():
        offline = "HF_HUB_OFFLINE is set" if constants.is_offline_mode() else "is there a connection?"
        raise HubError(f"{constants.ENDPOINT} cannot be reached ({offline}): try again where it can")


def _local_bases(facts: Facts) -> Iterator[str]:
    """Paths of base models on this machine that the artifact names."""
    yield from (base.name for base in facts.bases if Path(base.name).is_absolute())


def _pushed(config: PushConfig, files: list[str]) -> "CommitInfo":
    """The commit with the files.

    Raises:
        HubError: The hub refuses, or goes away meanwhile.
    """
    from huggingface_hub import HfApi

    api = HfApi(library_name="reviewtune")
    additions = [_addition(config, name) for name in files]
    try:
        api.create_repo(config.to, private=config.private or None, exist_ok=True)
        _require_private(api, config)
        if config.revision is not None:
            api.create_branch(config.to, branch=config.revision, exist_ok=True)
        return api.create_commit(
            config.to, additions, commit_message="Push a reviewtune artifact", revision=config.revision
        )
    except ReviewtuneError:
        raise
    except Exception as error:  # the hub's client raises errors of HTTP, of values and of the system
        response = getattr(error, "response", None)
        said = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
        reason = " ".join(said.split())[:300].rstrip(".")
        mend = MENDS.get(getattr(response, "status_code", 0), "give the same command again")
        raise HubError(f"{config.artifact} was not pushed to {config.to} ({reason}): {mend}") from error


def _require_private(api: "HfApi", config: PushConfig) -> None:
    """Refuse to push into a repository that was there before and that all may read.

    Raises:
        HubError: It is public, and was to be private.
    """
    if config.private and not api.model_info(config.to).private:
        raise HubError(
            f"{config.to} is there and public, against --private: make it private on the hub, or name another"
        )


def _addition(config: PushConfig, name: str) -> "CommitOperationAdd":
    from huggingface_hub import CommitOperationAdd

    if name != CARD_FILE:
        return CommitOperationAdd(name, str(config.artifact / name))
    return CommitOperationAdd(name, _card(config).encode())


def _card(config: PushConfig) -> str:
    """The card, with the licence that was asked for; a new one where it was deleted."""
    from huggingface_hub import ModelCard

    path = config.artifact / CARD_FILE
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else model_card(read_facts(config.artifact))
        card = ModelCard(text)
    except ReviewtuneError:
        raise
    except Exception as error:  # noqa: BLE001 - YAML that people have edited raises errors of its reader's own
        raise ArtifactError(f"{path} is damaged ({reason_of(error)}): delete it, and a new one is pushed") from None
    if config.license is not None:
        card.data["license"] = config.license
    return str(card)
