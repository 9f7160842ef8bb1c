"""The jobs of the large models, offline: their presets over a small base model and a data set in the hub's layout."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import transformers
from pyarrow import parquet

from reviewtune.data.sample import generate
from reviewtune.encoders.registry import resolve_encoder
from tests.end_to_end.conftest import ROOT

QUICK = '{"qlora": {"epochs": 1, "target": "attention"}}'


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the hub shows it, with the columns and labels of the public data set."""
    folder = tmp_path_factory.mktemp("hub") / "Fake-Reviews-Dataset"
    (folder / "data").mkdir(parents=True)
    rows = [
        {"category": "Pets", "rating": row["rating"], "text": row["text"], "label": int(row["label"] == "fake")}
        for row in generate(100, seed=5).to_pylist()
    ]
    assert {row["label"] for row in rows} == {0, 1}
    parquet.write_table(pa.Table.from_pylist(rows), folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("# Fake Reviews Dataset\n")
    return folder


@pytest.fixture(scope="module")
def base_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A base model of the job's architecture in the hub's layout: two thin layers, MiniLM's tokenizer."""

    def make(job: str) -> Path:
        folder = tmp_path_factory.mktemp("base") / job
        minilm = Path(resolve_encoder("minilm").source)
        words = json.loads((minilm / "config.json").read_text())["vocab_size"]
        transformers.utils.logging.disable_progress_bar()
        model: Any
        if job == "tune_flan_t5":
            size = {"vocab_size": words, "d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
            config = transformers.T5Config(**size, feed_forward_proj="gated-gelu")
            model = transformers.T5ForConditionalGeneration(config)
        else:
            size = {"vocab_size": words, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
            model = transformers.GteModel(transformers.GteConfig(**size, intermediate_size=64))
        model.save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            shutil.copy(minilm / name, folder)
        return folder

    return make


def run(job: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "jobs" / f"{job}.py", *map(str, words)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("job", "preset"), [("tune_stella", "study"), ("tune_flan_t5", "search")])
def test_a_job_runs_its_presets_on_folders_alone(
    job: str, preset: str, dataset: Path, base_of: Callable[[str], Path], tmp_path: Path
) -> None:
    own = ROOT / "jobs" / "presets" / job.removeprefix("tune_") / "study.toml"
    done = run(
        job, "--data", dataset, "--fake-label", "1", "--base-model", base_of(job), "--results-dir", tmp_path,
        "--num-trials", "3", "--test-size", "0.3", "--validation-size", "0.2", "--space", QUICK,
        *(["--preset", own] if preset == "study" else []),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads((tmp_path / "leaderboard.json").read_text())["entries"]
    assert (entry["status"], entry["num_failed_trials"]) == ("finished", 0)
    trials = [json.loads(path.read_text())["params"] for path in tmp_path.glob("studies/*/qlora/trials/*.json")]
    assert len(trials) == (1 if preset == "study" else 3)
    assert {trial["epochs"] for trial in trials} == {1}
    assert all(trial["alpha"] in ("r", "2r", 32) for trial in trials)
    assert any((trial["rank"], trial["alpha"], trial["learning_rate"]) == (16, 32, 2e-4) for trial in trials)
