"""What is written as csv comes back as it was, whatever its cells hold."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewtune.data.sources import read_source
from reviewtune.tables import DELIMITERS, table_writer

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@pytest.mark.parametrize("ending", DELIMITERS)
@given(cells=st.lists(CELLS, min_size=1, max_size=5))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cells_come_back(tmp_path: Path, ending: str, cells: list[str]) -> None:
    path = tmp_path / f"out{ending}"
    table = pa.table({"id": list(map(str, range(len(cells)))), "text": cells})
    with table_writer(path, ending) as write:
        write(table)
    text = path.read_bytes().decode()
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[ending]))
    assert found == [["id", "text"], *([str(number), cell] for number, cell in enumerate(cells))]


def test_a_carriage_return_alone_ends_no_row_and_lines_end_with_a_newline(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with table_writer(path, ".csv") as write:
        write(pa.table({"text": ["Loved it.\rFits well.", "The zip broke.\r\n"], "label": ["genuine", "fake"]}))
    assert path.read_bytes() == b'text,label\n"Loved it.\rFits well.",genuine\n"The zip broke.\r\n",fake\n'
    assert read_source(str(path)).table.num_rows == 2
