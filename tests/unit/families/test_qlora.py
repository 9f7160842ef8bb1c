import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitsandbytes.nn import Linear4bit
from optuna.distributions import CategoricalDistribution
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from reviewtune.data.tokens import Tokens
from reviewtune.encoders.registry import resolve_encoder
from reviewtune.encoders.sharing import borrow_backbone
from reviewtune.errors import ArtifactError, EncoderError, StudyError, UsageError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraModel, QloraParams
from reviewtune.families.space import resolve
from tests.unit.families.conftest import EASY, FAMILY, TEST, TRAIN, fit, trained


@pytest.mark.parametrize(("alpha", "expected"), [("r", 8), ("2r", 16), (32, 32), ("32", 32)])
def test_alpha_may_go_with_the_rank(alpha: object, expected: int) -> None:
    assert QloraParams.from_values({"rank": 8, "alpha": alpha}).alpha == expected


@pytest.mark.parametrize("values", [{"alpha": "3r"}, {"alpha": ""}, {"alpha": 0}, {"alpha": "r", "rank": 0}])
def test_an_alpha_that_is_neither_a_number_nor_a_multiple_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"alpha=|rank="):
        QloraParams.from_values(values)


def test_an_alpha_that_goes_with_the_rank_is_searched_and_recorded_as_written() -> None:
    space, first = resolve(QloraParams, {"alpha": ["r", "2r", 32]})
    assert space["alpha"] == CategoricalDistribution(["r", "2r", 32])
    assert first["alpha"] == 32
    assert resolve(QloraParams, {"alpha": ["r", 8]})[1]["alpha"] == "r"
    space, first = resolve(QloraParams, {"alpha": "2r", "rank": [8, 64]})
    assert "alpha" not in space
    assert first["alpha"] == "2r"


def weights(backbone: nn.Module) -> dict[str, Tensor]:
    return {
        name.replace("base_layer.", ""): tensor.detach().clone()
        for name, tensor in backbone.state_dict().items()
        if "lora_" not in name
    }


def test_nf4_is_used_and_only_the_adapter_and_the_head_train(setting: Setting) -> None:
    model = next(fit(setting)).model.model
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(layers) >= 12
    assert {layer.weight.quant_state.quant_type for layer in layers} == {"nf4"}
    assert all(layer.weight.quant_state.nested for layer in layers)
    training = {name: value for name, value in model.named_parameters() if value.requires_grad}
    assert all("lora_" in name or "classifier.modules_to_save" in name for name in training)
    assert all(value.dtype == torch.float32 for value in training.values())


@pytest.mark.parametrize(
    ("target", "rank", "count"),
    [
        ("attention", 16, 6 * 4 * 16 * (384 + 384) + 2 * 384 + 2),
        ("all-linear", 8, 6 * 8 * (4 * (384 + 384) + 2 * (384 + 1536)) + 2 * 384 + 2),
    ],
)
def test_the_trained_parameters_of_minilm(target: str, rank: int, count: int) -> None:
    """Rank times inputs and outputs of each layer with an adapter, and the head's weights and biases."""
    params = QloraParams(target=target, rank=rank, epochs=1, batch_size=2)
    rows = Rows(TRAIN.inputs.take(np.arange(2)), TRAIN.fake[:2])
    model: Any = next(FAMILY.fit(params, rows, Setting())).model
    assert sum(value.numel() for value in model.model.parameters() if value.requires_grad) == count


@pytest.mark.parametrize("model_type", ["bert", "roberta", "t5", "modernbert"])
@pytest.mark.parametrize("target", ["attention", "all-linear"])
def test_an_easy_task_is_learnt_on_any_base_model(tiny_base, model_type: str, target: str) -> None:
    setting = Setting(base_model=str(tiny_base(model_type)))
    epochs = [(epoch.metrics["train_loss"], epoch.model) for epoch in fit(setting, target=target)]
    assert epochs[-1][0] < 0.7 * epochs[0][0]
    assert ((epochs[-1][1].scores(TEST.inputs) > 0) == TEST.fake).mean() >= 0.8


@pytest.mark.parametrize("quantisation", ["nf4", "none"])
def test_training_leaves_the_base_weights_as_they_are(tiny_bert: Path, quantisation: str) -> None:
    encoder = resolve_encoder(str(tiny_bert))
    before = weights(borrow_backbone(encoder, quantisation))
    model = trained(Setting(base_model=str(tiny_bert), quantisation=quantisation), target="all-linear")
    for after in (
        weights(model.model.base_model.model.backbone),
        weights(borrow_backbone(encoder, quantisation)),
        weights(model.model.unload().backbone),
    ):
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], before[name]) for name in before)


def test_an_abandoned_fit_leaves_the_base_model_clean(setting: Setting) -> None:
    expected = trained(setting).scores(TEST.inputs)
    abandoned = fit(setting, rank=8)
    next(abandoned)
    abandoned.close()
    backbone = borrow_backbone(resolve_encoder(setting.base_model), "nf4")
    assert not any(isinstance(module, BaseTunerLayer) for module in backbone.modules())
    np.testing.assert_array_equal(trained(setting).scores(TEST.inputs), expected)


def test_fits_that_take_turns_do_not_disturb_one_another(setting: Setting) -> None:
    expected = trained(setting).scores(TEST.inputs), trained(setting, rank=8).scores(TEST.inputs)
    one, other = list(zip(fit(setting), fit(setting, rank=8), strict=True))[-1]
    np.testing.assert_array_equal(one.model.scores(TEST.inputs), expected[0])
    np.testing.assert_array_equal(other.model.scores(TEST.inputs), expected[1])


FRESH_PROCESS = """
import json, sys
from pathlib import Path
import numpy as np, torch
from reviewtune.data.tokens import from_lists
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
base, rows, params, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
(train, test), fake = json.loads(Path(rows).read_text())
fit = QloraFamily().fit(
    QloraParams(**json.loads(params)), Rows(from_lists(train), np.array(fake)), Setting(base_model=base)
)
print(json.dumps(list(fit)[-1].model.scores(from_lists(test)).tolist()))
"""


def test_a_second_trial_in_a_process_is_as_in_a_fresh_one(setting: Setting, tmp_path: Path) -> None:
    trained(setting, rank=8, target="all-linear")
    second = trained(setting)
    rows = tmp_path / "rows.json"
    lists = [[ids.tolist() for ids in map(part.inputs.__getitem__, range(len(part)))] for part in (TRAIN, TEST)]
    rows.write_text(json.dumps([lists, TRAIN.fake.tolist()]))
    command = [sys.executable, "-c", FRESH_PROCESS, setting.base_model, str(rows), json.dumps(EASY)]
    done = subprocess.run([*command, str(torch.get_num_threads())], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(json.loads(done.stdout.splitlines()[-1]), second.scores(TEST.inputs))


def test_a_learning_rate_that_diverges_is_an_error_in_one_line(setting: Setting) -> None:
    with pytest.raises(StudyError, match="lower the learning rate") as error:
        list(fit(setting, learning_rate=1e30, warmup_ratio=0.0, weight_decay=1.0))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("evaluations", [1, 5])
def test_evaluation_within_the_training_does_not_change_it(setting: Setting, evaluations: int) -> None:
    for leg in fit(replace(setting, evaluations_per_epoch=evaluations)):
        leg.model.scores(TEST.inputs)
    assert (leg.number, leg.epoch) == (evaluations * EASY["epochs"], EASY["epochs"])
    np.testing.assert_array_equal(leg.model.scores(TEST.inputs), trained(setting).scores(TEST.inputs))


def test_a_share_of_the_first_epoch_is_a_leg_and_does_not_change_the_training(setting: Setting) -> None:
    legs = []
    for leg in fit(replace(setting, first_rung=0.4)):
        legs.append((leg.number, leg.epoch, leg.share, leg.last))
        scores = leg.model.scores(TEST.inputs)
    epochs = EASY["epochs"]
    assert legs == [
        (1, 0.4, 0.4, False),
        *((epoch + 1, epoch, 0.4, epoch == epochs) for epoch in range(1, epochs + 1)),
    ]
    np.testing.assert_array_equal(scores, trained(setting).scores(TEST.inputs))


def test_scores_are_the_difference_of_the_logits(setting: Setting) -> None:
    model: QloraModel = trained(setting)
    with torch.no_grad():
        ids = torch.from_numpy(TEST.inputs[0].astype(np.int64))[None].to(next(model.model.parameters()).device)
        logits = model.model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
    one = Tokens(TEST.inputs[0], np.array([0, len(TEST.inputs[0])]))
    assert model.scores(one)[0] == pytest.approx(float(logits[1] - logits[0]), abs=1e-5)


@pytest.mark.parametrize(
    "base", ["", "[]", "{}", '{"base_model": "minilm"}', '{"base_model": "minilm", "quantisation": "int3"}']
)
def test_a_damaged_base_file_is_refused(setting: Setting, tmp_path: Path, base: str) -> None:
    trained(setting).save(tmp_path)
    (tmp_path / "base.json").write_text(base)
    with pytest.raises(ArtifactError, match=r"base\.json is missing or damaged"):
        FAMILY.load(tmp_path)


def test_a_base_model_that_is_gone_is_named(setting: Setting, tmp_path: Path) -> None:
    trained(setting).save(tmp_path)
    (tmp_path / "base.json").write_text(json.dumps({"base_model": "/absent/base", "quantisation": "nf4"}))
    with pytest.raises(EncoderError, match="/absent/base"):
        FAMILY.load(tmp_path)
