"""Tune a QLoRA adapter on MiniLM: `ray job submit -- python jobs/tune_minilm.py --data reviews.csv --fake-label CG`."""

from pathlib import Path

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("tune", Path(__file__).parent / "presets" / "minilm.toml"))
