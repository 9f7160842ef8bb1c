"""What a training's state must be to go on from: of these params, in range, or one line."""

import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from reviewtune.adapters.initial import HEAD_BIAS, HEAD_WEIGHT
from reviewtune.adapters.packed.slot_state import load_slot
from reviewtune.data.tokens import from_lists
from reviewtune.errors import ArtifactError, StudyError
from reviewtune.families.base import Rows, Setting
from reviewtune.families.qlora import QloraFamily, QloraParams
from reviewtune.tuning.keeping import keep

ROWS = Rows(from_lists([[2, number, 8, 3] for number in range(9, 17)]), np.arange(8) % 2 == 0)
PARAMS = QloraParams(rank=2, batch_size=4, epochs=2)


@pytest.fixture(scope="module")
def setting(tiny_bert: Path) -> Setting:
    return Setting(base_model=str(tiny_bert), quantisation="none")


@pytest.fixture(scope="module")
def kept(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial's folder after the first of two epochs."""
    folder = tmp_path_factory.mktemp("trial")
    before = os.umask(0o022)
    try:
        leg = next(iter(QloraFamily().fit(PARAMS, ROWS, setting)))
        model: Any = leg.model
        keep(model, folder, {"f1": 0.5}, improved=True)
    finally:
        os.umask(before)
    return folder


def outcome(folder: Path, setting: Setting) -> str:
    """What is said of a state, empty where the training goes on."""
    resumed = Setting(base_model=setting.base_model, quantisation="none", resume_from=folder)
    try:
        legs = list(QloraFamily().fit(PARAMS, ROWS, resumed))
    except (StudyError, ArtifactError) as error:
        said = str(error)
    else:
        said = "" if len(legs) <= 2 else "too many legs"
    assert "\n" not in said
    return said


def test_what_a_trial_keeps_has_the_rights_of_new_files(kept: Path) -> None:
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files if path.suffix == ".safetensors"} == {"best", "last"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o755}


def test_a_whole_state_goes_on(kept: Path, setting: Setting) -> None:
    assert outcome(kept / "last", setting) == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"last_epoch": -1}, "lr_schedule.last_epoch=-1: input should be greater than or equal to 0"),
        ({"last_epoch": 10**30}, "last_epoch=1000000"),
        ({"last_epoch": 5}, "progress.json is of 5 steps, more than the 4 of this training"),
        ({"last_epoch": "2"}, "last_epoch='2'"),
        ({"base_lrs": [1.0]}, "progress.json is of learning rates [1.0], not of [0.0002]"),
        ({"base_lrs": []}, "base_lrs=[]"),
        ({"_last_lr": [float("nan")]}, "_last_lr.0=nan: input should be a finite number"),
    ],
)
def test_a_schedule_is_of_this_training(
    kept: Path, setting: Setting, tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    folder = Path(shutil.copytree(kept / "last", tmp_path / "last"))
    progress = json.loads((folder / "progress.json").read_text())
    progress["lr_schedule"] |= values
    (folder / "progress.json").write_text(json.dumps(progress))
    assert said in outcome(folder, setting)


def test_states_of_other_tensors_are_refused(kept: Path, setting: Setting, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(kept / "last", tmp_path / "last"))
    moments = load_file(folder / "optimizer.safetensors")
    for harmed in (
        {name: value for name, value in moments.items() if name != "0.exp_avg_sq"},
        {name: value for name, value in moments.items() if not name.startswith("3.")},
        {**moments, "0.exp_avg_sq": torch.zeros(3)},
    ):
        save_file(harmed, folder / "optimizer.safetensors")
        assert "optimizer.safetensors is of another optimizer or of other parameters" in outcome(folder, setting)
    save_file(moments, folder / "optimizer.safetensors")
    save_file({"cpu": torch.zeros(7, dtype=torch.uint8)}, folder / "random.safetensors")
    assert "the training state in" in outcome(folder, setting)


def test_a_packs_slot_is_whole_too(kept: Path, tmp_path: Path) -> None:
    folder, names = Path(shutil.copytree(kept / "last", tmp_path / "last")), [HEAD_WEIGHT, HEAD_BIAS]
    moments = load_file(folder / "optimizer.safetensors")
    count = len(moments) // 3
    own = {f"{number}.{part}": moments[f"{count - 2 + number}.{part}"] for number in range(2) for part in
           ("step", "exp_avg", "exp_avg_sq")}  # fmt: skip
    save_file(own, folder / "optimizer.safetensors")
    assert load_slot(folder, names).steps == 2
    save_file({**own, "0.step": torch.tensor(1.0)}, folder / "optimizer.safetensors")
    with pytest.raises(StudyError, match=r"optimizer\.safetensors is of 1 steps, progress\.json of 2"):
        load_slot(folder, names)
    save_file({**own, "0.exp_avg": torch.zeros(3)}, folder / "optimizer.safetensors")
    with pytest.raises(StudyError, match="disagree on the shape of classifier"):
        load_slot(folder, names)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_is_answered(kept: Path, setting: Setting, tmp_path_factory: Any, data: Any) -> None:
    folder = Path(shutil.copytree(kept / "last", tmp_path_factory.mktemp("harmed") / "last"))
    path = data.draw(st.sampled_from(sorted(path for path in folder.iterdir() if path.name != "trial.json")))
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, min(len(raw) - 1, 3000)))
    if data.draw(st.booleans()):
        del raw[at:]
    else:
        raw[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw))
    outcome(folder, setting)
    shutil.rmtree(folder.parent)
