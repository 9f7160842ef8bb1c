import json
import math

import pytest
from pydantic import ValidationError

from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.entry import entry_path, read_entry, write_entry
from reviewtune.leaderboard.scores import TestScores


def test_an_entry_is_read_as_it_was_written(tmp_path, entries):
    entry = entries("svm")
    path = entry_path(tmp_path, "s1", "svm")
    write_entry(entry, path)
    assert path == tmp_path / "studies" / "s1" / "svm" / "entry.json"
    assert read_entry(path) == entry
    assert [item.name for item in path.parent.iterdir()] == ["entry.json"]


@pytest.mark.parametrize("name", ["../../etc", "a/b", "a\\b", "..", ".", "", "a\0"])
@pytest.mark.parametrize("field", ["study_id", "family"])
def test_no_entry_leads_out_of_its_results(tmp_path, entries, field, name):
    path = tmp_path / "entry.json"
    write_entry(entries("svm").model_copy(update={field: name}), path)
    with pytest.raises(ArtifactError, match=f"{field}: Value error, it names a folder"):
        read_entry(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "Invalid JSON"), ("{}", "study_id: Field required"), ("[]", "should be an object")],
)
def test_what_is_no_entry_is_named_in_one_line(tmp_path, text, reason):
    path = tmp_path / "entry.json"
    path.write_text(text)
    with pytest.raises(ArtifactError, match=reason) as raised:
        read_entry(path)
    assert "\n" not in str(raised.value)
    assert "run its study again" in str(raised.value)


def test_a_missing_entry_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="No such file"):
        read_entry(tmp_path / "entry.json")


def test_an_entry_of_an_earlier_version_is_read(tmp_path, entries):
    path = tmp_path / "entry.json"
    write_entry(entries("svm"), path)
    old = json.loads(path.read_text())
    for name in ("selection", "gain", "versus_first"):
        del old[name]
    for name in ("f1_rough", "num_units", "ece_floor"):
        del old["test"][name]
    path.write_text(json.dumps(old))
    entry = read_entry(path)
    assert (entry.selection, entry.test.num_units, entry.test.f1_rough) == (None, None, False)
    assert entry.selected_by == entry.validation.f1


def test_no_number_that_json_lacks_can_enter(entries):
    scores = entries("svm").test.model_dump()
    with pytest.raises(ValidationError, match="finite"):
        TestScores(**{**scores, "f1": math.nan})


def test_created_is_a_time_and_without_a_zone_is_utc(entries):
    early, late = entries("svm", created="2026-01-01T00:00:00"), entries("svm", created="2026-01-01T01:30:00+01:00")
    assert early.provenance.created_at < late.provenance.created_at
    with pytest.raises(ValidationError, match="isoformat"):
        entries("svm", created="yesterday")


def test_names_are_unique_and_the_json_is_plain(entries, tmp_path):
    entry = entries("svm", study="s2")
    assert entry.name == "s2-svm"
    write_entry(entry, tmp_path / "entry.json")
    assert json.loads((tmp_path / "entry.json").read_text())["test"]["true_positives"] == 9
