"""Tune QLoRA on FLAN-T5-large's encoder: `ray job submit -- python jobs/tune_flan_t5.py --data reviews.csv`.

Without `--data` it reads the public data set of the published study from the hub; `--preset
jobs/presets/flan_t5/study.toml` runs that study's recipe alone, as one trial.
"""

from pathlib import Path

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("tune", Path(__file__).parent / "presets" / "flan_t5" / "search.toml"))
