from pathlib import Path
from typing import Any

import pytest

from reviewtune.data.store import content_key
from reviewtune.errors import StudyError, UsageError
from reviewtune.tuning.identity import IDENTITY_FILE, Identity, check_identity, keep_identity, known_identity

SETTINGS: dict[str, Any] = {
    "data": "d.csv",
    "data_sha256": "a" * 64,
    "split_sha256": "b" * 64,
    "seed": 42,
    "base_model": "minilm",
    "revision": "c0ffee",
    "quantisation": "nf4",
    "executor": "packed",
    "evaluations_per_epoch": 1,
    "spaces": {"svm": {"C": 1}},
}


SETTINGS_OF_KEY = {
    name: SETTINGS[name]
    for name in (
        "data_sha256", "split_sha256", "seed", "base_model", "revision", "quantisation", "executor",
        "evaluations_per_epoch",
    )
}  # fmt: skip


def identity(**changes: Any) -> Identity:
    return Identity(**{**SETTINGS, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data_sha256": "d" * 64}, "its reviews are those of d.csv (aaaaaaaa), now dddddddd"),
        ({"split_sha256": "e" * 64}, "groups) is bbbbbbbbbbbb, now eeeeeeeeeeee"),
        ({"seed": 7, "split_sha256": "e" * 64}, "its seed is 42, now 7"),
        ({"base_model": "stella"}, "its base model is minilm, now stella"),
        ({"revision": "beef"}, "revision is c0ffee, now beef"),
        ({"quantisation": "none"}, "its quantisation is nf4, now none"),
        ({"executor": "ddp"}, "its executor is packed, now ddp"),
        ({"evaluations_per_epoch": 4}, "it has 1 evaluations per epoch, now 4"),
        ({"first_rung_rows": 0.1}, "its share of rows on the first rung is none, now 0.1"),
        ({"balance": "source"}, "its --balance is none, now source"),
        ({"augment": "surface"}, "its --augment is none, now surface"),
        ({"spaces": {"svm": {"C": 2}}}, 'the space of svm was {"C": 1}, now {"C": 2}'),
    ],
)
def test_a_study_of_something_else_is_refused_with_the_difference(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    keep_identity(tmp_path, identity())
    with pytest.raises(UsageError) as raised:
        check_identity(tmp_path, identity(**changes), named=True)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("changes", [{}, {"data": "moved.csv"}, {"spaces": {"mlp": {"width": 8}}}, {"spaces": {}}])
def test_more_families_and_moved_files_are_welcome(tmp_path: Path, changes: dict[str, Any]) -> None:
    keep_identity(tmp_path, identity())
    check_identity(tmp_path, identity(**changes), named=True)
    assert identity(**changes).key == identity().key


def test_what_is_kept_grows_by_families_and_remembers_what_auto_chose(tmp_path: Path) -> None:
    keep_identity(tmp_path, identity(quantisation="auto", held="none"))
    keep_identity(tmp_path, identity(quantisation="auto", held=None, spaces={"mlp": {}}))
    known = known_identity(tmp_path)
    assert known is not None
    assert (known.held, known.spaces) == ("none", {"svm": {"C": 1}, "mlp": {}})


def test_a_named_folder_of_trials_that_does_not_say_what_it_is_of_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "svm" / "trials").mkdir(parents=True)
    check_identity(folder, identity(), named=True)
    (folder / "svm" / "trials" / "a.json").touch()
    check_identity(folder, identity(), named=False)
    with pytest.raises(UsageError, match="--study mine is there and does not say what it is of"):
        check_identity(folder, identity(), named=True)


def test_a_damaged_identity_is_one_line(tmp_path: Path) -> None:
    (tmp_path / IDENTITY_FILE).write_text("{")
    with pytest.raises(StudyError, match="is damaged") as raised:
        known_identity(tmp_path)
    assert "\n" not in str(raised.value)


def test_an_identity_without_overrides_has_none_of_any_family() -> None:
    without = Identity(**{name: value for name, value in SETTINGS.items() if name != "spaces"})
    assert without.spaces == {}
    assert list(without.differences(identity())) == []


@pytest.mark.parametrize("changes", [{"balance": "source"}, {"augment": "surface"}])
def test_other_training_rows_make_another_key_and_those_as_they_are_that_of_earlier_versions(
    changes: dict[str, Any],
) -> None:
    assert identity(**changes).key != identity().key
    assert identity(balance=None, augment=None).key == content_key(SETTINGS_OF_KEY)


def test_a_first_rung_makes_another_key_and_none_that_of_earlier_versions() -> None:
    keys = {identity(first_rung_rows=share).key for share in (None, 0.1, 0.2)}
    assert len(keys) == 3
    assert content_key(SETTINGS_OF_KEY) in keys
