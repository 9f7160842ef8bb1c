"""Families of other packages: there by their entry points, imported when asked for, refused in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reviewtune.cli import main
from reviewtune.errors import ArtifactError, StudyError, UsageError
from reviewtune.families.registered import registered_families
from reviewtune.families.registry import FAMILIES, check_family, code_of, get_family, known_families
from tests.registering import install

OWN = Path(__file__).resolve().parents[3] / "examples" / "own_family" / "nearest_family.py"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    registered_families.cache_clear()


def test_a_registered_family_is_known_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, code=OWN.read_text(), families={"nearest": "own_family:NearestFamily"})
    assert known_families() == [*FAMILIES, "nearest"]
    check_family("nearest")
    assert "own_family" not in sys.modules
    assert type(get_family("nearest")).__name__ == "NearestFamily"


def test_a_name_of_reviewtunes_own_stays_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    families = dict.fromkeys(("svm", "ensemble", "../up", "Near"), "own_family:NearestFamily")
    install(tmp_path, monkeypatch, code=OWN.read_text(), families=families)
    assert known_families() == [*FAMILIES]
    assert type(get_family("svm")).__name__ == "SvmFamily"
    with pytest.raises(UsageError, match="unknown family"):
        get_family("../up")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("raise SystemError('two\\nlines')", r"SystemError: two\nlines"),
        ("class Other: pass", "AttributeError: module 'own_family' has no attribute 'NearestFamily'"),
        ("class NearestFamily:\n    name = 'nearest'", "it lacks inputs"),
        (OWN.read_text().replace('name = "nearest"', 'name = "farthest"'), "it calls itself 'farthest'"),
        (OWN.read_text().replace('= "embeddings"', '= "pictures"'), "it reads 'pictures', not one of texts, "),
        (OWN.read_text().replace('= "embeddings"', '= "tokens"'), "it reads tokens, which the packs of qlora alone"),
        (OWN.read_text().replace("params = NearestParams", "params = dict"), "its params are no reviewtune.families."),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, code=code, families={"nearest": "own_family:NearestFamily"})
    with pytest.raises(UsageError) as refusal:
        get_family("nearest")
    assert str(refusal.value).startswith("the family nearest of own-family 1.0 cannot be used (")
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_program_names_registered_families_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, monkeypatch, code="1 / 0", families={"nearest": "own_family:NearestFamily"})
    assert main(["tune", "--families", "nearst", "--results-dir", str(tmp_path / "results")]) == 2
    assert "unknown family 'nearst': did you mean nearest? the families are tfidf, " in capsys.readouterr().err
    assert main(["tune", "--families", "nearest", "--results-dir", str(tmp_path / "results")]) == 2
    assert "cannot be used (ZeroDivisionError: division by zero)" in capsys.readouterr().err


def test_what_the_code_of_others_raises_is_told_as_theirs_and_a_mistake_of_ours_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, code="", families=dict.fromkeys(("nearest", "svm"), "own_family:NearestFamily"))
    told = "the code of nearest of own-family 1.0 failed (KeyError: 'tent'): update that package, or tell its authors"
    for names in (["nearest"], ["svm", "nearest"]):
        with pytest.raises(StudyError) as raised, code_of(names):
            raise KeyError("tent")
        assert str(raised.value) == told
    with pytest.raises(KeyError), code_of(["svm", "tfidf"]):
        raise KeyError("tent")
    for error in (ArtifactError("damaged"), OSError("full"), MemoryError()):
        with pytest.raises(type(error)) as raised, code_of(["nearest"]):
            raise error
        assert raised.value is error
