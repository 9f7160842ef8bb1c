from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from reviewtune.adapters.optimizer import ADAMW_8BIT
from reviewtune.adapters.packed import room as module
from reviewtune.adapters.packed.budget import LEAST_TOKENS, PackRoom
from reviewtune.adapters.packed.room import CPU_TOKENS, fit_room, make_room
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import StudyError

WANTED = PackRoom(slots=16, rank=64, target="all-linear", tokens=100_000)
SLOT, TOKEN = 100_000_000, 1_000_000


def test_a_large_card_gives_what_is_wanted() -> None:
    assert fit_room(10**12, WANTED, SLOT, TOKEN) == WANTED


def test_a_small_card_gives_fewer_slots_and_tokens() -> None:
    """Of 2 GB half is for slots, and 40 % of what they leave for tokens."""
    room = fit_room(2 * 10**9, WANTED, SLOT, 100_000)
    assert (room.slots, room.tokens) == (10, 4000)
    assert (room.rank, room.target) == (64, "all-linear")


@pytest.mark.parametrize(("free", "token"), [(10**8, TOKEN), (3 * 10**9, 10 * TOKEN)])
def test_a_card_without_room_is_refused_with_the_arithmetic(free: int, token: int) -> None:
    with pytest.raises(
        StudyError, match=rf"rank 64 .* 0\.10 GB .*{LEAST_TOKENS} tokens .* {free / 1e9:.2f} GB are free"
    ):
        fit_room(free, WANTED, SLOT, token)


def test_a_cpu_gives_all_slots_and_small_passes(tiny_bert: Path) -> None:
    backbone = borrow_backbone(resolve_encoder(str(tiny_bert)), "none")
    assert make_room(backbone, WANTED) == PackRoom(16, 64, "all-linear", CPU_TOKENS)


def test_a_gpu_holds_a_third_more_slots_with_moments_of_8_bits(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = borrow_backbone(resolve_encoder(str(tiny_bert)), "none")
    monkeypatch.setattr(backbone, "parameters", lambda: iter([SimpleNamespace(device=torch.device("cuda"))]))
    monkeypatch.setattr(module, "free_bytes", lambda device: 10**9 if device.type == "cuda" else None)
    wanted = replace(WANTED, slots=10**6)
    whole, coded = (make_room(backbone, replace(wanted, optimizer=kind)).slots for kind in ("adamw", ADAMW_8BIT))
    assert coded / whole == pytest.approx(24 / 18.1, rel=1e-2)
