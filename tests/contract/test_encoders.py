"""What every base model promises, by architecture. The promises are `reviewtune.testing`'s."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reviewtune.encoders.architectures import ARCHITECTURES
from reviewtune.encoders.known import KNOWN, NAMES
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.testing import ENCODER_CHECKS, EncoderBench

BASES = [*sorted(ARCHITECTURES), "stella", "minilm"]


@pytest.fixture(scope="module", params=BASES)
def bench(
    request: pytest.FixtureRequest,
    tiny_base: Callable[[str], Path],
    stella_base: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> EncoderBench:
    name = request.param
    if name != "minilm":
        name = str(stella_base() if name == "stella" else tiny_base(name))
    return EncoderBench(name, tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("check", ENCODER_CHECKS.values(), ids=ENCODER_CHECKS)
def test_it_keeps_what_every_base_model_promises(check: Callable[[EncoderBench], None], bench: EncoderBench) -> None:
    check(bench)


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_name_is_pinned_to_a_commit(name: str) -> None:
    encoder = resolve_encoder(name)
    assert (encoder.name, encoder.source) == (name, KNOWN[name].hub_id)
    assert encoder.hub_revision is not None
    assert len(encoder.hub_revision) == 40
    assert int(encoder.hub_revision, 16)
    assert resolve_encoder(KNOWN[name].hub_id) == encoder
    other = resolve_encoder(f"{KNOWN[name].hub_id}@main")
    assert (other.hub_revision, other.projection) == ("main", encoder.projection)
    assert name in NAMES
