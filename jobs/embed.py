"""Embed reviews once, into the store: `ray job submit -- python jobs/embed.py --data reviews.csv`."""

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("embed"))
