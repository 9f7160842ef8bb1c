"""Rank a results directory: `python jobs/leaderboard.py --results-dir results`."""

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("leaderboard"))
