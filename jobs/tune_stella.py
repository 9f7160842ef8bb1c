"""Tune a QLoRA adapter on Stella-400M: `ray job submit -- python jobs/tune_stella.py --data reviews.csv`."""

from pathlib import Path

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("tune", Path(__file__).parent / "presets" / "stella.toml"))
