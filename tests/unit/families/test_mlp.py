import json
from pathlib import Path

import numpy as np
import pytest
import torch

from reviewtune.errors import ArtifactError
from reviewtune.families import mlp
from reviewtune.families.base import Leg, Rows, Setting
from reviewtune.families.mlp import MlpFamily, MlpParams


@pytest.fixture
def rows() -> Rows:
    rng = np.random.default_rng(5)
    fake = rng.random(90) < 0.5
    inputs = (rng.normal(size=(90, 7)) * 4 + 3 + 2 * fake[:, None]).astype(np.float32)
    inputs.flags.writeable = False
    return Rows(inputs, fake)


def fit(rows: Rows, *, seed: int = 0, **params: object) -> list[Leg]:
    return list(MlpFamily().fit(MlpParams(**params), rows, Setting(seed=seed)))


def test_the_default_is_the_published_network(rows: Rows) -> None:
    model = fit(rows, epochs=1)[-1].model
    assert [tuple(layer.weight.shape) for layer in model.network.hidden] == [(256, 7), (128, 256)]
    assert tuple(model.network.output.weight.shape) == (1, 128)


def test_the_loss_falls(rows: Rows) -> None:
    losses = [epoch.metrics["train_loss"] for epoch in fit(rows, dropout=0.0)]
    assert len(losses) == 20
    assert losses[-1] < losses[0] / 2


def test_a_fit_stopped_early_is_as_far_as_the_same_epoch_of_a_whole_one(rows: Rows) -> None:
    epochs = MlpFamily().fit(MlpParams(epochs=9), rows, Setting())
    next(epochs)
    stopped = next(epochs).model.scores(rows.inputs)
    np.testing.assert_array_equal(fit(rows, epochs=2)[-1].model.scores(rows.inputs), stopped)


def test_scoring_between_epochs_changes_nothing(rows: Rows) -> None:
    scored = [epoch.model.scores(rows.inputs) for epoch in MlpFamily().fit(MlpParams(epochs=3), rows, Setting())]
    np.testing.assert_array_equal(scored[-1], fit(rows, epochs=3)[-1].model.scores(rows.inputs))
    assert not np.array_equal(scored[0], scored[-1])


def test_another_seed_gives_another_model(rows: Rows) -> None:
    first, second = (fit(rows, seed=seed, epochs=1)[-1].model.scores(rows.inputs) for seed in (0, 1))
    assert not np.allclose(first, second)


def test_the_process_wide_seed_does_not_matter(rows: Rows) -> None:
    scores = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            scores.append(fit(rows, epochs=2)[-1].model.scores(rows.inputs))
    np.testing.assert_array_equal(*scores)


def test_dropout_acts_in_training_only(rows: Rows) -> None:
    kept, dropped = (fit(rows, epochs=2, dropout=dropout)[-1].model for dropout in (0.0, 0.5))
    assert not np.allclose(kept.scores(rows.inputs), dropped.scores(rows.inputs))
    np.testing.assert_array_equal(dropped.scores(rows.inputs), dropped.scores(rows.inputs))


def test_dropout_keeps_the_mean_of_the_units() -> None:
    generator = torch.Generator().manual_seed(0)
    network = mlp._Network(1, MlpParams(width=1, depth=1))
    with torch.no_grad():
        for layer in (*network.hidden, network.output):
            layer.weight.fill_(1.0)
            layer.bias.zero_()
        logits = network(torch.ones(20_000, 1), 0.25, generator)
    assert logits.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert logits.mean().item() == pytest.approx(1.0, abs=0.02)


def test_the_scale_and_place_of_the_embeddings_do_not_matter(rows: Rows) -> None:
    moved = Rows(rows.inputs * 50 + 8, rows.fake)
    here, there = (fit(each, epochs=1)[-1].model.scores(each.inputs) for each in (rows, moved))
    np.testing.assert_allclose(here, there, atol=1e-2)


def test_many_rows_are_scored_in_parts(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit(rows, epochs=1)[-1].model
    whole = model.scores(rows.inputs)
    monkeypatch.setattr(mlp, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(model.scores(rows.inputs), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [7, 89, 90, 1000])
def test_any_batch_size_works(rows: Rows, batch_size: int) -> None:
    assert np.isfinite(fit(rows, epochs=1, batch_size=batch_size)[-1].model.scores(rows.inputs)).all()


def test_a_narrow_deep_network_keeps_a_unit_a_layer(rows: Rows) -> None:
    model = fit(rows, epochs=1, width=2, depth=4)[-1].model
    assert [layer.out_features for layer in model.network.hidden] == [2, 1, 1, 1]


def test_the_artifact_says_its_params(rows: Rows, tmp_path: Path) -> None:
    fit(rows, epochs=1, width=64)[-1].model.save(tmp_path)
    assert json.loads((tmp_path / "mlp.json").read_text())["width"] == 64
    assert MlpFamily().load(tmp_path).params == MlpParams(epochs=1, width=64)


@pytest.mark.parametrize("params", [{"width": 32}, {"depth": 3}, {"depth": 1}])
def test_weights_that_do_not_fit_the_params_are_refused(rows: Rows, tmp_path: Path, params: dict[str, int]) -> None:
    fit(rows, epochs=1, width=64)[-1].model.save(tmp_path)
    (tmp_path / "mlp.json").write_text(MlpParams(**{"width": 64, **params}).model_dump_json())
    with pytest.raises(ArtifactError, match=r"the MLP in .* is damaged") as refusal:
        MlpFamily().load(tmp_path)
    assert "\n" not in str(refusal.value)
