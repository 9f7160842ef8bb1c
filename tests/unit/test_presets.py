import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from reviewtune.arguments import parse
from reviewtune.cli import PRESETS, VERBS
from reviewtune.config import StudyConfig
from reviewtune.data.hub import HUB_PREFIX, KNOWN, known_fake_label
from reviewtune.families.registry import ENSEMBLE, get_family
from reviewtune.families.space import resolve

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "jobs" / "presets"
FILES = sorted([*FOLDER.rglob("*.toml"), *PRESETS.values()])
MODELS = {"stella": "NovaSearch/stella_en_400M_v5", "flan_t5": "google/flan-t5-large"}
JOBS = sorted((ROOT / "jobs").glob("*.py"))


@pytest.mark.parametrize("preset", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_preset_is_a_study_whose_spaces_exist(preset: Path) -> None:
    config = parse(StudyConfig, [], prog="test", preset=preset)
    assert config.families
    for name in {*config.families, *config.space} - {ENSEMBLE}:
        resolve(get_family(name).params, config.space.get(name, {}))


def spaces(preset: Path) -> tuple[StudyConfig, dict[str, BaseDistribution], dict[str, Any]]:
    config = parse(StudyConfig, [], prog="test", preset=preset)
    return config, *resolve(get_family("qlora").params, config.space["qlora"])


@pytest.mark.parametrize("model", MODELS)
def test_the_published_recipe_is_a_single_trial(model: str) -> None:
    config, searched, params = spaces(FOLDER / model / "study.toml")
    assert searched == {}
    assert (config.base_model, config.families, config.quantisation) == (MODELS[model], ["qlora"], "nf4")
    assert (config.seed, config.validation_size, config.test_size) == (42, 0.08, 0.20)
    assert params == {
        "rank": 16, "alpha": 32, "dropout": 0.05, "target": "attention", "head_dropout": 0.1, "learning_rate": 2e-4,
        "lr_schedule": "cosine", "warmup_ratio": 0.1, "batch_size": 16, "epochs": 3, "weight_decay": 0.0,
        "rslora": False, "optimizer": "paged_adamw_8bit",
    }  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_the_search_begins_with_the_published_recipe(model: str) -> None:
    config, searched, first = spaces(FOLDER / model / "search.toml")
    assert first == {**spaces(FOLDER / model / "study.toml")[2], "optimizer": "adamw"}
    assert config.base_model == MODELS[model]
    assert searched == {
        "learning_rate": FloatDistribution(5e-5, 3e-3, log=True),
        "rank": CategoricalDistribution([4, 8, 16, 32, 64]),
        "alpha": CategoricalDistribution(["r", "2r", 32]),
        "rslora": CategoricalDistribution([False, True]),
        "dropout": FloatDistribution(0.0, 0.1),
        "target": CategoricalDistribution(["attention", "all-linear"]),
        "batch_size": CategoricalDistribution([8, 16, 32, 64]),
    }


@pytest.mark.parametrize("preset", sorted(path for model in MODELS for path in (FOLDER / model).iterdir()))
def test_the_large_models_read_a_data_set_whose_commit_and_labels_are_known(preset: Path) -> None:
    (data,) = spaces(preset)[0].data
    assert known_fake_label(data) == "1"
    assert re.fullmatch(r"[0-9a-f]{40}", KNOWN[data.removeprefix(HUB_PREFIX)].commit)


def offline(job: str, home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "jobs" / f"{job}.py", "--results-dir", home / "results", *map(str, words)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("job", ["tune_stella", "tune_flan_t5"])
def test_without_the_hub_a_job_says_what_to_read_instead(job: str, tiny_bert: Path, tmp_path: Path) -> None:
    done = offline(job, tmp_path, "--base-model", tiny_bert)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "hub:theArijitDas/Fake-Reviews-Dataset cannot be loaded" in done.stderr
    assert "give --data FILE with reviews that you have, or --data sample" in done.stderr


def test_without_the_hub_a_job_says_which_base_model_to_give(tmp_path: Path) -> None:
    done = offline("tune_stella", tmp_path, "--data", "sample")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "stella" in last
    assert "give --base-model FOLDER" in last


def test_there_are_the_jobs_that_the_readme_names() -> None:
    names = {path.stem for path in JOBS}
    assert names == {"tune_stella", "tune_flan_t5", "tune_minilm", "tune_heads", "embed", "evaluate", "leaderboard"}


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.stem)
def test_a_job_is_a_preset_and_one_call(job: Path) -> None:
    source = job.read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    (verb,) = [call.args[0].value for call in calls if getattr(call.func, "id", "") == "run_job"]  # type: ignore[attr-defined]
    assert verb in VERBS
    assert len(source.splitlines()) <= 15


@pytest.mark.parametrize("job", ["tune_stella", "embed"])
def test_a_job_runs_from_any_folder(job: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "jobs" / f"{job}.py", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--base-model" in done.stdout
