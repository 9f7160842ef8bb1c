import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewtune.encoders.known import STELLA_REVISION
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.standing_in import find_base
from reviewtune.errors import EncoderError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def refusal(name: str, revision: str | None, place: str | None) -> str:
    with pytest.raises(EncoderError) as caught:
        find_base(name, revision, place, "the artifact x")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def downloaded(base: Path, folder: Path, commit: str) -> Path:
    """A copy as `hf download --local-dir` makes one."""
    shutil.copytree(base, folder)
    note = folder / ".cache" / "huggingface" / "download" / "config.json.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{commit}\nabc\n1.0\n")
    return folder


def test_where_it_was_in_training_it_is_found_again(tiny_bert: Path) -> None:
    there = resolve_encoder(str(tiny_bert))
    assert find_base(there.name, there.revision, None, "x") == there
    assert "is at" in refusal(there.name, "0" * 16, None)


def test_a_copy_of_a_folder_stands_for_it(tiny_bert: Path, tmp_path: Path) -> None:
    there = resolve_encoder(str(tiny_bert))
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    assert find_base("/gone/base", there.revision, str(copy), "x").source == str(copy)
    assert "the base model /gone/base, which is not there any more: say where it is by --base-model FOLDER" in refusal(
        "/gone/base", there.revision, None
    )


def test_a_folder_stands_for_a_commit_that_it_is_known_to_be_of(tiny_bert: Path, tmp_path: Path) -> None:
    name = f"owner/base@{COMMIT}"
    assert find_base(name, COMMIT, str(downloaded(tiny_bert, tmp_path / "a", COMMIT)), "x").source == str(
        tmp_path / "a"
    )
    cached = tmp_path / "models--owner--base" / "snapshots" / COMMIT
    shutil.copytree(tiny_bert, cached)
    assert find_base(name, COMMIT, str(cached), "x").source == str(cached)
    other = downloaded(tiny_bert, tmp_path / "b", "f" * 40)
    assert f"is at {'f' * 40}: give the base model it was trained on by --base-model" in refusal(
        name, COMMIT, str(other)
    )
    said = refusal(name, COMMIT, str(tiny_bert))
    assert f"download it by `hf download owner/base --revision {COMMIT} --local-dir FOLDER`" in said


def test_a_commit_is_the_same_under_any_name() -> None:
    found = find_base(f"owner/base@{COMMIT}", COMMIT, "mirror/base", "x")
    assert (found.name, found.source, found.revision) == (f"mirror/base@{COMMIT}", "mirror/base", COMMIT)
    assert "is at v2" in refusal(f"owner/base@{COMMIT}", COMMIT, "mirror/base@v2")
    assert "at revision 0000000000000000" in refusal("/gone", "0" * 16, "owner/base")


def test_a_folder_without_the_layer_that_embeddings_end_with_is_refused(
    stella_base: Callable[..., Path], tmp_path: Path
) -> None:
    whole = downloaded(stella_base(projection=8), tmp_path / "whole", STELLA_REVISION)
    assert find_base("stella", STELLA_REVISION, str(whole), "x").projection == "2_Dense_1024"
    part = downloaded(stella_base(), tmp_path / "part", STELLA_REVISION)
    assert "with the layer 2_Dense_1024 of stella, which" in refusal("stella", STELLA_REVISION, str(part))
