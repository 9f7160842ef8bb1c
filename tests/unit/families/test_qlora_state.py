"""The state of a QLoRA trial that goes on: as if it had not been interrupted, or one line that says what is wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from reviewtune.errors import StudyError
from reviewtune.families.base import Setting
from reviewtune.families.qlora import QloraParams, _prepare
from tests.unit.families.conftest import EASY, FAMILY, TEST, TRAIN, fit, trained


@pytest.mark.parametrize(("after", "evaluations"), [(2, 1), (3, 2)])
def test_a_resumed_fit_is_as_an_uninterrupted_one(
    setting: Setting, tmp_path: Path, after: int, evaluations: int
) -> None:
    setting = replace(setting, evaluations_per_epoch=evaluations)
    whole = [(leg.metrics, leg.model.scores(TEST.inputs)) for leg in fit(setting)]
    state = tmp_path / "state"
    state.mkdir()
    for leg in fit(setting):
        if leg.number == after:
            leg.model.save_state(state)
            break
    rest = [
        (leg.number, leg.metrics, leg.model.scores(TEST.inputs)) for leg in fit(replace(setting, resume_from=state))
    ]
    assert [number for number, _, _ in rest] == list(range(after + 1, EASY["epochs"] * evaluations + 1))
    for number, metrics, scores in rest:
        assert metrics == whole[number - 1][0]
        np.testing.assert_array_equal(scores, whole[number - 1][1])


def test_a_finished_fit_resumes_to_nothing(setting: Setting, tmp_path: Path) -> None:
    trained(setting).save_state(tmp_path)
    assert list(fit(Setting(base_model=setting.base_model, resume_from=tmp_path))) == []


@pytest.fixture
def state(setting: Setting, tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    next(fit(setting)).model.save_state(folder)
    return folder


def test_workers_that_go_on_together_draw_their_dropout_apart(setting: Setting, state: Path) -> None:
    params = QloraParams(**EASY)
    kept, *others = (
        _prepare(params, TRAIN, replace(setting, resume_from=state, rank=rank, world_size=3)).random.state()["cpu"]
        for rank in range(3)
    )
    assert torch.equal(kept, load_file(state / "random.safetensors")["cpu"])
    assert len({tuple(drawn.tolist()) for drawn in (kept, *others)}) == 3


def test_no_file_is_a_pickle(state: Path) -> None:
    assert {file.name for file in state.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "base.json",
        "optimizer.safetensors",
        "progress.json",
        "random.safetensors",
    }


@pytest.mark.parametrize("name", ["optimizer.safetensors", "random.safetensors", "progress.json"])
@pytest.mark.parametrize("harm", ["missing", "empty", "cut short"])
def test_a_damaged_state_is_refused_in_one_line(setting: Setting, state: Path, name: str, harm: str) -> None:
    contents = (state / name).read_bytes()
    (state / name).unlink()
    if harm != "missing":
        (state / name).write_bytes(contents[: len(contents) // 2] if harm == "cut short" else b"")
    with pytest.raises(StudyError) as refusal:
        next(fit(Setting(base_model=setting.base_model, resume_from=state)))
    assert "\n" not in str(refusal.value)
    assert str(state) in str(refusal.value)


def test_a_state_of_other_params_is_refused(setting: Setting, state: Path) -> None:
    next(fit(setting, target="all-linear")).model.save(state)
    with pytest.raises(StudyError, match="other parameters"):
        next(fit(Setting(base_model=setting.base_model, resume_from=state)))


def test_a_loaded_artifact_has_no_state_to_save(setting: Setting, tmp_path: Path) -> None:
    trained(setting).save(tmp_path)
    with pytest.raises(StudyError, match="no training state"):
        FAMILY.load(tmp_path).save_state(tmp_path)
