import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reviewtune.data import own_columns as module
from reviewtune.data.own_columns import own_columns
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
    found = own_columns([str(shop)], ["any"] * 2, [2, 0], [IDS[2], IDS[0]])
    assert found == {"review_id": ["9", "7"], "buyer": ["x" * 100, "ann"]}


def test_each_review_has_those_of_its_own_source(shop, tmp_path):
    (tmp_path / "hotels.csv").write_text("text,stars\nIt works,5\n")
    asked = [f"a={shop}", f"b={tmp_path / 'hotels.csv'}"]
    found = own_columns(asked, ["b", "a", "told by a column"], [0, 1, 2], [IDS[2], IDS[1], IDS[2]])
    assert found == {"review_id": ["", "8", ""], "stars": ["5", "", ""]}


def test_rows_of_other_texts_are_not_theirs(shop):
    assert own_columns([str(shop)], ["s"], [1], [IDS[2]]) == {}
    assert own_columns([str(shop)], ["s"], [99], [IDS[2]]) == {}


def test_what_is_gone_on_the_hub_or_large_is_not_read_again(shop, monkeypatch):
    assert own_columns(["nothere.csv"], ["s"], [1], [IDS[1]]) == {}
    assert own_columns(["hub:owner/name"], ["s"], [1], [IDS[1]]) == {}
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert own_columns([str(shop)], ["s"], [1], [IDS[1]]) == {}


def test_no_review_has_no_columns(shop):
    assert own_columns([str(shop)], [], [], []) == {}
