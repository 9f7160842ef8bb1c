"""A study's reviews in the form that each family reads, every form made once and kept in the store.

The test split leaves this module through `StudyInputs.test` alone, which is called for what validation has selected.
Shape letters: `N` reviews, `D` embedding width.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from reviewtune.config import DataConfig, StudyConfig
from reviewtune.data.alike import all_alike
from reviewtune.data.embeddings import EmbeddingFolder, encode_missing
from reviewtune.data.named_source import named_sources
from reviewtune.data.other_reviews import OtherReviews, other_reviews
from reviewtune.data.reviews import Reviews, load_others, load_reviews, reviews_in_store
from reviewtune.data.splits import Split, split_in_store
from reviewtune.data.store import Store, content_key
from reviewtune.data.texts import text_id
from reviewtune.data.tokens import Tokens, tokens_in_store
from reviewtune.encoders.registry import Encoder
from reviewtune.errors import StudyError
from reviewtune.families.base import Inputs, Rows
from reviewtune.profile import Profile
from reviewtune.schema import CLUSTER, FAKE, ID, SOURCE, TEST, TEXT, TRAIN, VALIDATION
from reviewtune.storage.mirror import fetch_once


@dataclass(frozen=True)
class StudyInputs:
    """The reviews of a study and their split.

    Attributes:
        reviews: Validated, sorted by id.
        split: Of the same ids.
        store: Where the forms are kept.
        encoder: Whose embeddings and tokens; None where no family reads them.
        made: What this run had to make, by form, for the log: reviews encoded or tokenised.
    """

    reviews: Reviews
    split: Split
    store: Store
    encoder: Encoder | None
    made: dict[str, int] = field(default_factory=dict)

    @cached_property
    def fake(self) -> NDArray[np.bool_]:
        """(N,) labels in the order of `reviews.table`."""
        labels: NDArray[np.bool_] = self.reviews.table[FAKE].to_numpy(zero_copy_only=False)
        return labels

    @cached_property
    def positions(self) -> dict[str, NDArray[np.int64]]:
        """Row positions of each split."""
        return self.split.indices(self.reviews)

    @property
    def development(self) -> NDArray[np.int64]:
        """(N,) row positions of what may be trained on and chosen by: the train split, then the validation split."""
        return np.concatenate([self.positions[TRAIN], self.positions[VALIDATION]])

    def develop(self, form: Inputs) -> Rows:
        """The development rows."""
        return self._rows(form, self.development)

    def both_forms(self, form: Inputs, seed: int) -> Rows:
        """The development rows, then as many again: the same texts made alike, their lengths by the seed."""
        first = self.develop(form)
        texts = all_alike(self.reviews.table[TEXT].take(self.development).to_pylist(), seed)
        inputs: Any
        if form == "texts":
            inputs = [*first.inputs, *texts]
        elif form == "tokens":
            inputs = first.inputs.followed_by(self._tokenised(texts, content_key(texts)))
        else:
            table = pa.table({ID: [text_id(text) for text in texts], TEXT: texts})
            inputs = np.concatenate([first.inputs, self._encoded(table)])
        return Rows(inputs, np.tile(first.fake, 2))

    def test(self, form: Inputs) -> Rows:
        """The rows that score what validation has selected, and nothing else."""
        return self._rows(form, self.positions[TEST])

    def ids(self, split: str) -> list[str]:
        """The ids of a split's rows, in the order of the rows."""
        return self.ids_at(self.positions[split])

    def ids_at(self, positions: NDArray[np.int64]) -> list[str]:
        """The ids of the rows at some positions."""
        ids: list[str] = self.reviews.table[ID].take(positions).to_pylist()
        return ids

    def units_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) the unit of each row at some positions: equal where reviews are near-duplicates or share a group."""
        units: NDArray[np.int64] = self.split.table[CLUSTER].to_numpy()[positions]
        return units

    @cached_property
    def sources(self) -> NDArray[np.object_]:
        """(N,) names of the sources of the reviews, in the order of `reviews.table`."""
        return np.array(self.reviews.table[SOURCE].to_pylist(), dtype=object)

    def profile(self, positions: NDArray[np.int64]) -> Profile:
        """What artifacts that are trained on the rows at some positions keep of them."""
        texts: list[str] = self.reviews.table[TEXT].take(positions).to_pylist()
        return Profile.of(texts, self.fake[positions], self.units_at(positions))

    def _rows(self, form: Inputs, positions: NDArray[np.int64]) -> Rows:
        inputs: Any
        if form == "texts":
            inputs = self.reviews.table[TEXT].take(positions).to_pylist()
        elif form == "tokens":
            inputs = self.tokens.take(positions)
        else:
            inputs = self.embeddings[positions]
        return Rows(inputs, self.fake[positions])

    @cached_property
    def embeddings(self) -> NDArray[np.float32]:
        """(N, D) vectors of all reviews, encoded where the store lacks them. Needs a running Ray."""
        return self._encoded(self.reviews.table)

    def _encoded(self, texts: pa.Table) -> NDArray[np.float32]:
        """(N, D) vectors of N texts with their ids, of which the same text may come twice."""
        import ray

        from reviewtune.encoders.encode import TextEncoder

        encoder = self._needed_encoder()
        folder = embedding_folder(self.store, encoder)
        cluster = ray.cluster_resources()
        ids = texts[ID].to_pylist()
        once = {review: row for row, review in enumerate(ids)}
        made = encode_missing(
            folder,
            texts if len(once) == len(ids) else texts.take(list(once.values())),
            TextEncoder,
            {"encoder": encoder},
            cpus=int(cluster.get("CPU", 1)),
            gpus=int(cluster.get("GPU", 0)),
        )
        self.made["embeddings"] = self.made.get("embeddings", 0) + made
        return folder.array(ids)

    @cached_property
    def tokens(self) -> Tokens:
        """Token ids of all reviews."""
        return self._tokenised(self.reviews.table[TEXT].to_pylist(), self.reviews.sha256)

    def _tokenised(self, texts: list[str], key: str) -> Tokens:
        """Token ids of texts that are known by a key of their content."""
        from reviewtune.encoders.encode import tokenize
        from reviewtune.encoders.loading import load_tokenizer

        encoder = self._needed_encoder()
        path = fetch_once(self.store.tokens / f"{content_key(key, encoder_key(encoder))}.parquet")
        self.made["tokens"] = self.made.get("tokens", 0) + (0 if path.is_file() else len(texts))
        return tokens_in_store(
            path,
            texts,
            lambda texts: tokenize(load_tokenizer(encoder), texts, encoder.max_length),
        )

    def _needed_encoder(self) -> Encoder:
        if self.encoder is None:
            raise StudyError("embeddings and tokens need a base model: prepare the inputs with an encoder")
        return self.encoder


def prepare_inputs(config: DataConfig, encoder: Encoder | None) -> StudyInputs:
    """Read, check, keep and split the reviews that a configuration names.

    Raises:
        UsageError: Nothing can be written to the results directory.
        DataError: The reviews cannot be used as they are.
    """
    store = Store(config.results_dir)
    store.prepare()
    reviews = load_reviews(
        config.data,
        text_column=config.text_column,
        label_column=config.label_column,
        fake_label=config.fake_label,
        group_column=config.group_column,
        source_column=config.source_column,
    )
    reviews_in_store(reviews, store)
    return StudyInputs(reviews, split_of(reviews, store, config), store, encoder)


def read_others(config: StudyConfig, known: Reviews) -> list[OtherReviews]:
    """The reviews that a study's entries are scored on besides, without those that the study knows.

    Raises:
        DataError: Some cannot be read or understood, or are all known.
        UsageError: Two sources have one name.
    """
    columns = {"text_column": config.text_column, "label_column": config.label_column, "fake_label": config.fake_label}
    texts: list[str] = known.table[TEXT].to_pylist()
    return [
        other_reviews(asked.name, load_others(asked, **columns), texts, threshold=config.duplicate_threshold)
        for asked in named_sources(config.transfer, "--transfer")
    ]


def split_of(reviews: Reviews, store: Store, config: DataConfig) -> Split:
    """The split of some reviews that a configuration asks for, made where the store lacks it."""
    split, _ = split_in_store(
        reviews,
        store,
        seed=config.seed,
        validation_size=config.validation_size,
        test_size=config.test_size,
        threshold=config.duplicate_threshold,
    )
    return split


def encoder_key(encoder: Encoder) -> dict[str, Any]:
    """What tokens and embeddings depend on beside the texts."""
    return {"name": encoder.title, "revision": encoder.revision, "max_length": encoder.max_length}


def embedding_folder(store: Store, encoder: Encoder) -> EmbeddingFolder:
    """Where an encoder's embeddings are kept."""
    from reviewtune.encoders.encode import POOLING

    key = content_key(encoder_key(encoder), {"pooling": POOLING, "quantisation": "none"})
    return EmbeddingFolder(store.embeddings / key)
