"""Tune QLoRA on FLAN-T5-large's encoder: `ray job submit -- python jobs/tune_flan_t5.py --data reviews.csv`."""

from pathlib import Path

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("tune", Path(__file__).parent / "presets" / "flan_t5.toml"))
