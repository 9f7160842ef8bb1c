"""What was said of the chunks of a long input, kept until all is written, so that a run goes on where it was cut off.

A chunk's scores are a file; its own columns are in the input. They are found by what they were made from: the input's
files, the artifact's and the settings.
"""

import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from reviewtune.contents import sha256_of
from reviewtune.data.chunks import CHUNK_ROWS, Chunks
from reviewtune.data.store import content_key, write_parquet
from reviewtune.schema import FAKE_PROBABILITY, FAMILIAR, LABEL
from reviewtune.verb_config import PredictConfig

SCHEMA = pa.schema([(FAKE_PROBABILITY, pa.float64()), (LABEL, pa.string()), (FAMILIAR, pa.float64())])


@dataclass(frozen=True)
class KeptScores:
    """The scores of an input's chunks.

    Attributes:
        folder: Where they lie, beside the output; made with the first of them.
    """

    folder: Path

    def read(self, number: int, rows: int) -> pa.Table | None:
        """The scores of a chunk of so many rows; None where they are not kept, or not whole."""
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self._path(number)) as file:
                table = file.read()
        except (OSError, pa.ArrowException):
            return None
        return table if table.schema.equals(SCHEMA) and len(table) == rows else None

    def has(self, number: int) -> bool:
        """Whether those of a chunk are there."""
        return self._path(number).is_file()

    def write(self, number: int, scores: pa.Table) -> None:
        """Keep those of a chunk, in one step."""
        write_parquet(scores, self._path(number))

    def forget(self) -> None:
        """Delete all, which are in the output now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.parquet"


def kept_scores(config: PredictConfig, chunks: Chunks) -> KeptScores | None:
    """Where the scores of an input are kept; None where it has one chunk, or there is no telling it from others."""
    output = Path(config.output)
    if (
        chunks.identity is None
        or not chunks.several
        or config.output == "-"
        or (output.exists() and not output.is_file())
    ):
        return None
    # By content: what lies in a bucket is brought here anew by each run.
    artifact = sorted(
        (file.relative_to(config.artifact).as_posix(), sha256_of(file))
        for file in config.artifact.rglob("*")
        if file.is_file()
    )
    settings = config.model_dump(mode="json", include={"text_column", "base_model", "max_fpr", "prevalence"})
    key = content_key(chunks.identity, artifact, settings, CHUNK_ROWS, version("reviewtune"))
    output = output.resolve()
    return KeptScores(output.with_name(f".{output.name}.{key}.scores"))
