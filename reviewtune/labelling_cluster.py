"""The chunks of a long input labelled over a Ray cluster: a pool of Ray Data actors, one a GPU or CPU, scores them.

The process that was started reads the input and keeps the scores, so that no node needs another's disk but for the
artifact, and what is kept is what a run without a cluster would have kept.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from reviewtune.artifact_info import read_info
from reviewtune.data.chunks import Chunks
from reviewtune.data.texts import prepare, text_values
from reviewtune.errors import StudyError
from reviewtune.families.registry import ENSEMBLE
from reviewtune.kept_scores import SCHEMA, KeptScores
from reviewtune.labelling_pace import Pace
from reviewtune.quiet import be_quiet
from reviewtune.rows import judged
from reviewtune.schema import TEXT
from reviewtune.tracebacks import reason_in
from reviewtune.tuning.session import Cluster, ray_session
from reviewtune.verb_config import PredictConfig

CHUNK = "chunk"
MOST_AT_ONCE = 1_000
"""Chunks that are handed to the actors before further ones are read: four million reviews, in Ray's object store."""

Numbered = tuple[int, pa.Table]


def label_chunks(config: PredictConfig, chunks: Chunks, name: str, kept: KeptScores, pace: Pace) -> None:
    """Keep the scores of all chunks that lack them.

    Args:
        config: Where the artifact is, at the same path on every node, and the cluster.
        chunks: The input.
        name: Of its column of texts.
        kept: Takes the scores.
        pace: Is told how far it is.

    Raises:
        StudyError: The cluster cannot be joined, or its actors cannot load the artifact.
    """
    from ray.exceptions import RayError

    be_quiet()
    with ray_session(config.address, Console(stderr=True)) as cluster:
        lacking = _lacking(chunks, name, kept, pace)
        try:
            while part := list(_put(islice(lacking, MOST_AT_ONCE))):
                _label(config, part, kept, pace, cluster)
        except RayError as error:
            raise StudyError(
                f"the reviews cannot be labelled on the cluster: {reason_in(str(error))}: see that every node has "
                f"{config.artifact.resolve()}, or leave --address out"
            ) from None


def _lacking(chunks: Chunks, name: str, kept: KeptScores, pace: Pace) -> Iterator[Numbered]:
    """The texts of the chunks without scores, each with its number."""
    for number, table in enumerate(chunks):
        if kept.read(number, len(table)) is None:
            yield number, pa.table({TEXT: pa.array(text_values(table, name), pa.string())})
        else:
            pace.add(len(table), kept=True)


def _put(tables: Iterator[Numbered]) -> Iterator[Any]:
    """References to them in Ray's object store, one after the other."""
    import ray

    for number, table in tables:
        yield ray.put(table.append_column(CHUNK, pa.array([number] * len(table), pa.int64())))


def _label(config: PredictConfig, blocks: list[Any], kept: KeptScores, pace: Pace, cluster: Cluster) -> None:
    import ray

    # What reads no tokens gains nothing by a GPU.
    info = read_info(config.artifact)
    on_gpu = cluster.gpus >= 1 and (info.encoder is not None or info.family == ENSEMBLE)
    actors = min(len(blocks), max(1, int(cluster.gpus if on_gpu else cluster.cpus)))
    config = config.model_copy(update={"artifact": config.artifact.resolve()})
    # A task drives Ray Data, so that what Ray's C++ parts print about its actors goes to Ray's logs.
    labelled = ray.remote(num_cpus=0, num_returns="streaming")(_labelled).remote(config, blocks, actors, gpus=on_gpu)
    for reference in labelled:
        batch = ray.get(reference)
        for number in pc.unique(batch[CHUNK]).to_pylist():
            scores = batch.filter(pc.equal(batch[CHUNK], number)).select(SCHEMA.names)
            kept.write(number, scores.replace_schema_metadata(None))
            pace.add(len(scores), kept=False)


def _labelled(config: PredictConfig, blocks: list[Any], actors: int, *, gpus: bool) -> Iterator[pa.Table]:
    """The scores of the blocks, in the order in which they are done."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    DataContext.get_current().enable_progress_bars = False
    labelled = ray.data.from_arrow_refs(blocks).map_batches(
        _Labeller,
        fn_constructor_args=(config,),
        # A block, which is a chunk, at a time.
        batch_size=None,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=actors),
        num_cpus=1,
        num_gpus=1 if gpus else 0,
    )
    yield from labelled.iter_batches(batch_size=None, batch_format="pyarrow")


class _Labeller:
    """What an actor holds: the artifact, loaded once."""

    def __init__(self, config: PredictConfig) -> None:
        be_quiet()
        from reviewtune.predict import load

        artifact = Path(config.artifact)
        self._classifier = load(artifact, config.base_model, max_fpr=config.max_fpr, prevalence=config.prevalence)

    def __call__(self, batch: pa.Table) -> pa.Table:
        scores = judged(self._classifier, prepare(batch[TEXT].to_pylist()))
        return pa.Table.from_arrays([*scores, batch[CHUNK]], schema=SCHEMA.append(pa.field(CHUNK, pa.int64())))
