"""The executors train the same trial to the same end."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Program

SPACE = {"qlora": {"epochs": 2, "batch_size": 16, "rank": 4, "alpha": 8, "learning_rate": 3e-3, "target": "all-linear"}}
FIXED = {"dropout": 0.05, "rslora": False}


def trial(reviewtune: Program, results: Path, data: Path, base: Path, *words: object, **fixed: float) -> dict[str, Any]:
    """The only trial of a study."""
    space = json.dumps({"qlora": {**SPACE["qlora"], **FIXED, **fixed}})
    study = ["tune", "--data", data, "--results-dir", results, "--base-model", base, "--families", "qlora"]
    done = reviewtune(
        *study,
        "--num-trials",
        "1",
        "--space",
        space,
        "--evaluations-per-epoch",
        "2",
        "--finalists",
        "0",
        "--figures",
        "0",
        *words,
    )
    assert done.code == 0, done.err
    (path,) = results.glob("studies/*/qlora/trials/*.json")
    record: dict[str, Any] = json.loads(path.read_text())
    assert record["status"] == "finished"
    return record


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_pack_trains_what_ray_train_and_peft_do(
    reviewtune: Program, reviews_csv: Path, small_base: Path, tmp_path: Path, workers: int
) -> None:
    """One worker draws the same dropout and gives the same losses; two share the batches and draw their own."""
    packed = trial(reviewtune, tmp_path / "packed", reviews_csv, small_base)
    ddp = trial(
        reviewtune, tmp_path / "ddp", reviews_csv, small_base, "--executor", "ddp", "--workers-per-trial", workers
    )
    losses = [[epoch["train_loss"] for epoch in record["epochs"]] for record in (packed, ddp)]
    assert [epoch["epoch"] for epoch in ddp["epochs"]] == [0.5, 1, 1.5, 2]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5 if workers == 1 else 0.03)
    assert packed["params"] == ddp["params"]


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_two_workers_train_as_one_does_where_nothing_drops(
    reviewtune: Program, reviews_csv: Path, small_base: Path, tmp_path: Path
) -> None:
    """Beside another Ray, where Ray Train does not free what the two hold, all the CPUs there are."""
    base = tmp_path / "base"
    shutil.copytree(small_base, base)
    config = json.loads((base / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (base / "config.json").write_text(json.dumps(config))
    words = ["--executor", "ddp", "--workers-per-trial"]
    nothing_drops = {"dropout": 0.0, "head_dropout": 0.0}
    one, two = (
        trial(reviewtune, tmp_path / str(count), reviews_csv, base, *words, count, **nothing_drops) for count in (1, 2)
    )
    losses = [[epoch["train_loss"] for epoch in record["epochs"]] for record in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
