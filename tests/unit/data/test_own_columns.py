import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reviewtune.data import own_columns as module
from reviewtune.data.own_columns import OwnColumns
from reviewtune.data.sources import read_source
from reviewtune.data.texts import normalise, text_id

TEXTS = [" Broke at once. ", "Great\r\nkettle", "It works"]
IDS = [text_id(normalise(text)) for text in TEXTS]


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.parquet"
    rows = {"review_id": [7, 8, 9], "text": TEXTS, "buyer": ["ann", None, "x" * 500], "empty": [None] * 3}
    pq.write_table(pa.table({**rows, "tags": [["a"], ["b"], []]}), path)
    return path


def test_ids_and_columns_come_with_their_rows(shop):
    found = OwnColumns([str(shop)]).of(["any"] * 2, [2, 0], [IDS[2], IDS[0]])
    assert found == {"review_id": ["9", "7"], "buyer": ["x" * 100, "ann"]}


def test_each_review_has_those_of_its_own_source(shop, tmp_path):
    (tmp_path / "hotels.csv").write_text("text,stars\nIt works,5\n")
    asked = [f"a={shop}", f"b={tmp_path / 'hotels.csv'}"]
    found = OwnColumns(asked).of(["b", "a", "told by a column"], [0, 1, 2], [IDS[2], IDS[1], IDS[2]])
    assert found == {"review_id": ["", "8", ""], "stars": ["5", "", ""]}


def test_rows_of_other_texts_are_not_theirs(shop):
    assert OwnColumns([str(shop)]).of(["s"], [1], [IDS[2]]) == {}
    assert OwnColumns([str(shop)]).of(["s"], [99], [IDS[2]]) == {}


def test_what_is_gone_on_the_hub_or_large_is_not_read_again(shop, monkeypatch):
    assert OwnColumns(["nothere.csv"]).of(["s"], [1], [IDS[1]]) == {}
    assert OwnColumns(["hub:owner/name"]).of(["s"], [1], [IDS[1]]) == {}
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert OwnColumns([str(shop)]).of(["s"], [1], [IDS[1]]) == {}


def test_a_source_is_read_once(shop, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(module, "read_source", lambda source: read.append(source) or read_source(source))
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    own = OwnColumns([f"a={shop}", f"b={tmp_path / 'damaged.parquet'}", "c=nothere.csv"])
    for place in (1, 0, 1):
        found = own.of(["a", "b", "c"], [place] * 3, [IDS[place]] * 3)
        assert found["review_id"] == [str(7 + place), "", ""]
    assert read == [str(shop), str(tmp_path / "damaged.parquet")]


def test_no_review_has_no_columns(shop):
    assert OwnColumns([str(shop)]).of([], [], []) == {}
