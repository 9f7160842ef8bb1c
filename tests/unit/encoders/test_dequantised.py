from pathlib import Path

import pytest
import torch

from reviewtune.encoders import dequantised
from reviewtune.encoders.dequantised import dequantise, dequantise_where_it_fits
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone


def test_an_nf4_layer_becomes_what_it_stood_for(tiny_bert: Path) -> None:
    encoder = resolve_encoder(str(tiny_bert))
    ids = torch.arange(4, 24)[None]
    quantised, plain = borrow_backbone(encoder, "nf4"), borrow_backbone(encoder, "none")
    unpacked = dequantise(borrow_backbone(encoder, "nf4"))
    assert {type(module) for module in unpacked.modules() if isinstance(module, torch.nn.Linear)} == {torch.nn.Linear}
    with torch.no_grad():
        expected, found, other = (model(ids).last_hidden_state for model in (quantised, unpacked, plain))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (other - expected).abs().max() > 1e-3


@pytest.mark.parametrize(("free", "plain"), [(None, True), (10**9, True), (1000, False)])
def test_weights_are_unpacked_where_they_fit(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch, free: int | None, plain: bool
) -> None:
    monkeypatch.setattr(dequantised, "free_bytes", lambda _: free)
    backbone = dequantise_where_it_fits(borrow_backbone(resolve_encoder(str(tiny_bert)), "nf4"))
    kinds = {type(module) for module in backbone.modules() if isinstance(module, torch.nn.Linear)}
    assert (kinds == {torch.nn.Linear}) is plain
