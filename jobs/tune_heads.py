"""Tune the light classifiers on shared embeddings, TF-IDF and rules: `ray job submit -- python jobs/tune_heads.py`."""

from pathlib import Path

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("tune", Path(__file__).parent / "presets" / "heads.toml"))
