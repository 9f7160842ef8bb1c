"""What a trial said, after every leg, of the rows that were held out from it: kept for calibration and ensembles.

Shape letter: `M` held-out rows.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reviewtune.data.store import write_parquet
from reviewtune.errors import StudyError
from reviewtune.storage.mirror import fetch
from reviewtune.tracebacks import reason_of

HELD_OUT_FILE = "held_out.parquet"
"""In the folder of a trial's models: a column a leg, named by its number, a row for each held-out review."""


@dataclass
class HeldOut:
    """Scores by leg.

    Attributes:
        legs: (M,) scores by the leg's number.
    """

    legs: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, until: int | None = None) -> Self:
        """Those that a trial has kept; none where there is no file.

        Args:
            folder: Of the trial's models.
            until: Leave out the legs after this one, which are to be trained again.

        Raises:
            StudyError: The file is damaged.
        """
        path = fetch(folder / HELD_OUT_FILE)
        if not path.is_file():
            return cls()
        try:
            table = pq.read_table(path)
            legs = {int(name): table[name].to_numpy() for name in table.column_names}
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = reason_of(error)
            raise StudyError(f"{path} is damaged ({reason}): delete its folder, the trial begins anew") from None
        return cls({leg: scores for leg, scores in legs.items() if until is None or leg <= until})

    def write(self, folder: Path) -> None:
        """Keep them, in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(pa.table({str(leg): scores for leg, scores in self.legs.items()}), folder / HELD_OUT_FILE)
