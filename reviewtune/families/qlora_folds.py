"""Adapters of one configuration over one base model that score together: a review's score is the mean of theirs.

One was trained on all development reviews and lies at the top of the folder, where peft finds it; the others, each on
all folds but one, lie under `folds/`. Shape letter: `N` reviews.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reviewtune.adapters.packed.fixed import FixedPack
from reviewtune.adapters.peft_format import CONFIG_FILE, WEIGHTS_FILE, read_adapter
from reviewtune.data.tokens import Tokens
from reviewtune.encoders.classifier import EncoderClassifier
from reviewtune.encoders.dequantised import backbone_for_packs
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.errors import ArtifactError
from reviewtune.families.qlora import BASE_FILE, read_base

FOLDS = "folds"


class FoldedQlora:
    """Trained adapters that score in the same passes. Implements `families.base.Model`.

    Args:
        folders: Of the adapters, peft folders of one base model; that of all development reviews first.
        base_model: What resolves to their base model here; None: what did in training.

    Raises:
        ArtifactError: A folder lacks a file, or a file is damaged or of another base model.
    """

    def __init__(self, folders: Sequence[Path], base_model: str | None = None) -> None:
        self.folders = folders
        bases = [read_base(folder) for folder in folders]
        for folder, base in zip(folders, bases, strict=True):
            if base != bases[0]:
                raise ArtifactError(f"{folder} is of another base model than {folders[0]}: copy the artifact again")
        named, quantisation = bases[0]
        name = base_model or named
        backbone = backbone_for_packs(resolve_encoder(name), quantisation)
        classifier = EncoderClassifier(backbone, name=name)
        adapters = [read_adapter(classifier, folder) for folder in folders]
        self._pack = FixedPack(backbone, adapters)

    @classmethod
    def load(cls, folder: Path, folds: int, base_model: str | None = None) -> "FoldedQlora":
        """What `save` wrote.

        Args:
            folder: The artifact's.
            folds: How many adapters it has beside the one at its top.
            base_model: As above.

        Raises:
            ArtifactError: As above.
        """
        return cls([folder, *(folder / FOLDS / str(number + 1) for number in range(folds))], base_model)

    def scores(self, inputs: Tokens) -> NDArray[np.float64]:
        """(N,) means of the differences of the logits of fake and genuine."""
        means: NDArray[np.float64] = self._pack.scores(inputs).mean(axis=0)
        return means

    def save(self, folder: Path) -> None:
        """Write all adapters, each as a peft folder."""
        for number, origin in enumerate(self.folders):
            place = folder / FOLDS / str(number) if number else folder
            place.mkdir(parents=True, exist_ok=True)
            for name in (CONFIG_FILE, WEIGHTS_FILE, BASE_FILE):
                shutil.copyfile(origin / name, place / name)
