"""Results of studies that never ran: entries with predictions, trials, slices and lists of errors, as many as asked."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reviewtune.config import StudyConfig
from reviewtune.evaluation.metrics import classification_scores
from reviewtune.evaluation.significance import f1_interval
from reviewtune.evaluation.slices import slices
from reviewtune.leaderboard.entry import (
    ERRORS_FILE,
    LABEL_ISSUES_FILE,
    PREDICTIONS_FILE,
    SLICES_FILE,
    Cost,
    Entry,
    Provenance,
    TrialSummary,
    entry_path,
    write_entry,
)
from reviewtune.leaderboard.scores import TestScores, ValidationScores

FAMILIES = ("tfidf", "rules", "logreg", "svm", "mlp", "qlora")
LEGS = 4
PLAIN = "It broke on the second day and the seller never answered; the box was open when it came."


def make_results(
    folder: Path, *, entries: int, trials: int, reviews: int = 2000, text: str = PLAIN, seed: int = 0
) -> Path:
    """Write results of one split.

    Args:
        folder: The results directory.
        entries: Rows of the board, of as many studies as it takes.
        trials: Of all of them together.
        reviews: Of the test split.
        text: Of every review that is listed, and part of names that come from outside.
        seed: Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    fake = rng.random(reviews) < 0.4
    for number in range(entries):
        family, study = FAMILIES[number % len(FAMILIES)], f"study-{number // len(FAMILIES):02}"
        path = entry_path(folder, study, family)
        strength = 0.6 + 1.6 * rng.random()
        probability = 1 / (1 + np.exp(-2.2 * strength * rng.normal(np.where(fake, strength, -strength), 1.0)))
        records = [_trial(rng, place, strength) for place in range(1, trials // entries + 1)]
        _write_trials(path.parent / "trials", records)
        best = max(records, key=lambda record: record["epochs"][-1]["f1"], default=_trial(rng, 1, strength))
        write_entry(_entry(study, family, (fake, probability), records=records, best=best, text=text), path)
        _write_beside(path, fake, probability, text, rng)
        settings = StudyConfig(num_trials=max(len(records), 1), study=study).model_dump(mode="json")
        (path.parents[1] / "config.json").write_text(json.dumps(settings))
    return folder


def _trial(rng: np.random.Generator, number: int, strength: float) -> dict[str, Any]:
    rate, width = float(10 ** rng.uniform(-4, -2)), int(rng.choice([64, 128, 256, 512]))
    level = 0.7 + 0.1 * strength - 0.05 * abs(np.log10(rate) + 3) + 0.01 * rng.normal()
    stopped = bool(level < 0.8 and number > 1)
    legs = LEGS // 2 if stopped else LEGS
    epochs = []
    for leg in range(1, legs + 1):
        f1 = float(np.clip(level - 0.12 / leg + 0.006 * rng.normal(), 0, 0.999))
        epochs.append({"epoch": leg, "leg": leg, "f1": f1, "accuracy": f1, "roc_auc": f1, "fit_seconds": 3.0 * leg})
    kind = str(rng.choice(["linear", "rbf"]))
    params = {
        "learning_rate": rate,
        "width": width,
        "kind": kind,
        "dropout": float(rng.uniform(0, 0.5)),
        "epochs": LEGS,
    }
    told = {"trial_id": f"t{number:05}", "number": number, "params": params, "is_default": number == 1}
    return {**told, "status": "stopped" if stopped else "finished", "epochs": epochs}


def _write_trials(folder: Path, records: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    for record in records:
        (folder / f"{record['trial_id']}.json").write_text(json.dumps(record))


def _entry(
    study: str,
    family: str,
    judged: tuple[NDArray[np.bool_], NDArray[np.float64]],
    *,
    records: list[dict[str, Any]],
    best: dict[str, Any],
    text: str,
) -> Entry:
    fake, probability = judged
    predicted = probability > 0.5
    interval = f1_interval(fake, predicted)
    scores: dict[str, Any] = classification_scores(fake, probability, predicted)
    validation = best["epochs"][-1]["f1"]
    return Entry(
        study_id=study,
        family=family,
        encoder=None if family in ("tfidf", "rules") else f"owner/{text[:40]}",
        status="finished",
        params=best["params"],
        num_trials=max(len(records), 1),
        validation=ValidationScores(f1=validation, accuracy=validation, roc_auc=validation),
        default_validation_f1=validation - 0.01,
        test=TestScores(**scores, f1_low=interval.low, f1_high=interval.high, num_units=len(fake)),
        cost=Cost(
            fit_seconds=3.0, study_seconds=12.0 * len(records) + 1, device="cpu", peak_memory_bytes=2**30,
            reviews_per_second=100.0 + 900 * float(probability[0]),
        ),
        artifact=f"artifacts/{study}-{family}",
        trials=[
            TrialSummary(
                trial_id=record["trial_id"], status=record["status"], f1=record["epochs"][-1]["f1"], fit_seconds=12
            )
            for record in records
        ],
        provenance=Provenance(
            data=f"reviews {text[:60]}", data_sha256="d" * 64, split_sha256="a" * 64, code="reviewtune 0.1.0",
            versions={"ray": "2.60.0"}, seed=1, hardware="2 CPU cores", created="2026-01-01T00:00:00+00:00",
        ),
    )  # fmt: skip


def _write_beside(
    path: Path, fake: NDArray[np.bool_], probability: NDArray[np.float64], text: str, rng: np.random.Generator
) -> None:
    ids = [f"r{number:06}" for number in range(len(fake))]
    said = {"score": probability, "fake_probability": probability, "predicted": probability > 0.5}
    columns = {"id": ids, "fake": fake, **said, "cluster": np.arange(len(fake))}
    pd.DataFrame(columns).to_parquet(path.with_name(PREDICTIONS_FILE))
    traits = {"category": rng.choice([f"kind {number}" for number in range(12)], len(fake)).tolist()}
    found = slices(fake, probability > 0.5, traits, np.arange(len(fake)))
    path.with_name(SLICES_FILE).write_text(found.model_dump_json())
    for name in (ERRORS_FILE, LABEL_ISSUES_FILE):
        with path.with_name(name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "source", "row", "label", "fake_probability", "text"])
            writer.writerows([ids[row], "shop", row, "fake", 0.01, f"{text} {row}"] for row in range(20))
