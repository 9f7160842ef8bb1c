"""What `--data` may ask for: a file, one with a name, one whose fake label is said."""

from pathlib import Path

import pytest

from reviewtune.data.named_source import NamedSource, check_sources, named_source, named_sources
from reviewtune.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("reviews.csv", NamedSource("reviews", "reviews.csv")),
        ("folder/reviews.csv.gz", NamedSource("reviews", "folder/reviews.csv.gz")),
        ("hotels=b.csv", NamedSource("hotels", "b.csv")),
        ("hotels=b.csv:generated", NamedSource("hotels", "b.csv", "generated")),
        ("hotels 2020=a b.csv:not real", NamedSource("hotels 2020", "a b.csv", "not real")),
        ("b.csv:1", NamedSource("b", "b.csv", "1")),
        ("hub:owner/name", NamedSource("owner/name", "hub:owner/name")),
        ("hub:owner/name@v1:CG", NamedSource("owner/name", "hub:owner/name@v1", "CG")),
        ("x=hub:owner/name", NamedSource("x", "hub:owner/name")),
        ("x=hub:owner/name:1", NamedSource("x", "hub:owner/name", "1")),
        ("sample", NamedSource("sample", "sample")),
        ("toys=sample", NamedSource("toys", "sample")),
        ("folder/year=2020/a.csv", NamedSource("a", "folder/year=2020/a.csv")),
    ],
)
def test_a_source_may_have_a_name_and_a_label(asked: str, expected: NamedSource) -> None:
    assert named_source(asked) == expected


@pytest.mark.parametrize("name", ["a=b.csv", "a:b.csv", "x=a.csv:1"])
def test_what_is_there_is_a_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("text,label\n")
    assert named_source(name).source == name
    assert named_source(name).fake_label is None
    assert named_source(f"mine={name}") == NamedSource("mine", name)


def test_sources_have_names_of_their_own() -> None:
    assert [each.name for each in named_sources(["a/one.csv", "b/two.csv"], "--data")] == ["one", "two"]
    with pytest.raises(UsageError, match=r"^two of --data are called one: name them apart, --data one=FILE"):
        named_sources(["a/one.csv", "b/one.csv"], "--data")


def test_a_file_that_is_not_there_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    check_sources([f"mine={tmp_path / 'a.csv'}:1"], "--data")
    with pytest.raises(DataError, match=r"there is no file or folder .*b\.csv: a source is"):
        check_sources([f"mine={tmp_path / 'a.csv'}", f"other={tmp_path / 'b.csv'}"], "--data")
