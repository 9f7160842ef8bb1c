"""The board as files: JSON for programs, CSV for spreadsheets, Markdown and a page for people."""

import json
import uuid
from pathlib import Path

from reviewtune import schema
from reviewtune.errors import ArtifactError
from reviewtune.leaderboard.board import Board
from reviewtune.leaderboard.frame import as_frame
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.report import html_page

__all__ = ["as_frame", "export"]


def export(board: Board, results_dir: Path) -> list[Path]:
    """Write `leaderboard.json`, `.csv`, `.md` and `.html` into the results directory, each in one step.

    Returns:
        The four paths, in that order.

    Raises:
        ArtifactError: One of them cannot be written.
    """
    texts = {
        "json": _json(board),
        "csv": as_frame(board).to_csv(index=False, lineterminator="\n"),
        "md": markdown(board),
        "html": html_page(board),
    }
    return [_write(results_dir / f"leaderboard.{suffix}", text) for suffix, text in texts.items()]


def _json(board: Board) -> str:
    entries = [entry.model_dump(mode="json") for entry in board.entries]
    return json.dumps({"schema": schema.LEADERBOARD_SCHEMA, "entries": entries}, indent=1, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> Path:
    # A name of its own for each writer: studies that end at the same time may share a results directory.
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        return partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ArtifactError(f"{path} cannot be written ({error.strerror}): make room, or make it writable") from None
