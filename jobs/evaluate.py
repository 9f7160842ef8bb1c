"""Score an artifact: `python jobs/evaluate.py --artifact results/artifacts/NAME --data reviews.csv`."""

from reviewtune.cli import run_job

if __name__ == "__main__":
    raise SystemExit(run_job("evaluate"))
