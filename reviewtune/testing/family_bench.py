"""A family on the bench: rows to learn, and what the checks share, which is made once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from reviewtune.families.base import Family, Leg, Model, Rows, Setting
from reviewtune.testing.easy_rows import NUM_TEST, NUM_TRAIN, easy_rows


@dataclass
class FamilyBench:
    """What the checks try a family on.

    Attributes:
        family: The one that is tried. A check imports it by name in a fresh process, so its class must be importable.
        folder: An empty folder for what the checks write.
        base_model: Base model of a family that reads `tokens`.
        easier: Params with which it learns some dozen short reviews, where its default ones suit larger data.

    Examples:
        >>> from reviewtune.families.registry import get_family
        >>> bench = FamilyBench(get_family("logreg"), Path())
        >>> bench.model.scores(bench.test.inputs).shape
        (40,)
    """

    family: Family
    folder: Path
    base_model: str = "minilm"
    easier: Mapping[str, Any] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        """How the fits run."""
        return Setting(base_model=self.base_model)

    @cached_property
    def train(self) -> Rows:
        """Rows to learn."""
        return easy_rows(self.family.inputs, NUM_TRAIN, seed=1)

    @cached_property
    def test(self) -> Rows:
        """Others of the same kind."""
        return easy_rows(self.family.inputs, NUM_TEST, seed=2)

    @cached_property
    def model(self) -> Model:
        """Of the default configuration, made easier; shared by the checks, none of which changes it."""
        return self.fit()

    def fit(self, params: Mapping[str, Any] | None = None, seed: int = 0) -> Model:
        """A model of the default configuration with some params of one's own."""
        chosen = self.family.params(**{**self.easier, **(params or {})})
        return list(self.family.fit(chosen, self.train, replace(self.setting, seed=seed)))[-1].model

    def legs(self, evaluations_per_epoch: int) -> list[Leg]:
        """All legs of a training of the default configuration."""
        setting = replace(self.setting, evaluations_per_epoch=evaluations_per_epoch)
        return list(self.family.fit(self.family.params(), self.train, setting))

    def empty(self) -> Path:
        """A new folder."""
        return Path(mkdtemp(dir=self.folder))

    def saved(self) -> Path:
        """A new folder that holds the model."""
        folder = self.empty()
        self.model.save(folder)
        return folder
