"""A pack on a CPU whose products are in bfloat16: a trial's losses stay its own, and close to those in float32."""

from pathlib import Path

import numpy as np
import pytest

from reviewtune.encoders import half_products
from reviewtune.encoders.dequantised import dequantise
from reviewtune.encoders.half_products import halve
from tests.unit.adapters.packed import conftest
from tests.unit.adapters.packed.conftest import TEST, alone, assert_same, finish, make_pack, make_params


def test_a_trial_among_strangers_does_what_it_does_alone(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = make_params(target="attention", dropout=0.1)
    exact, exact_scores, _ = alone(tiny_bert, params)
    monkeypatch.setattr(half_products, "has_half_products", lambda device: device.type == "cpu")
    monkeypatch.setattr(conftest, "dequantise", lambda backbone: halve(dequantise(backbone)))
    pack = make_pack(tiny_bert)
    pack.admit("first stranger", make_params(rank=8, batch_size=16, learning_rate=1e-2))
    own = pack.admit("own", params)
    losses = finish(pack)[own]
    packed = losses, pack.scores([own], TEST.inputs)[0], dict(pack.state(own).adapter)
    assert_same(alone(tiny_bert, params), packed, tolerance=1e-4)
    np.testing.assert_allclose(losses, exact, rtol=0.02)
    assert 0 < np.abs(packed[1] - exact_scores).max() < 0.2 * np.abs(exact_scores).max()
