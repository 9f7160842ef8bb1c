"""Base models that have a name here: where the hub keeps them, and which commit of it is meant.

A pinned commit means the same weights and word pieces to everyone, today and next year. The pins are the commits that
public registries cite: for Stella that of the MTEB leaderboard (https://github.com/embeddings-benchmark/mteb), for
FLAN-T5 the current commits of `google/flan-t5-*`.
"""

from dataclasses import dataclass

MINILM = "minilm"
MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
"""The commit whose weights and word pieces those that come with the package are, file by file (SHA-256)."""

STELLA_REVISION = "1bb50bc7bb726810eac2140e62155b88b0df198f"
FLAN_T5_REVISIONS = {
    "small": "0fc9ddf78a1e988dac52e2dac162b0ede4fd74ab",
    "base": "7bcac572ce56db69c1ea7c8af255c5d7c9672fc2",
    "large": "0613663d0d48ea86ba8cb3d7a44f0f65dc596a2a",
    "xl": "7d6315df2c2fb742f0f5b556879d730926ca9001",
}


@dataclass(frozen=True)
class KnownModel:
    """A base model on the hub.

    Attributes:
        hub_id: `owner/name`.
        revision: The commit that is loaded unless another one is asked for.
        projection: Folder of the linear layer that the model's own sentence embedding ends with.
    """

    hub_id: str
    revision: str
    projection: str | None = None


STELLA_PROJECTION = "2_Dense_1024"
"""Of the published projections (256 to 8,192 values) the one as wide as the backbone."""

KNOWN = {
    "stella": KnownModel("NovaSearch/stella_en_400M_v5", STELLA_REVISION, STELLA_PROJECTION),
    **{
        f"flan-t5-{size}": KnownModel(f"google/flan-t5-{size}", revision)
        for size, revision in FLAN_T5_REVISIONS.items()
    },
}
"""By name."""

NAMES = (MINILM, *KNOWN)
"""Every name that `--base-model` takes beside hub ids and folders."""

NAME_OF = {model.hub_id: name for name, model in KNOWN.items()}
"""The names by hub id."""
