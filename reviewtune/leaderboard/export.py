"""The board as files: JSON for programs, CSV for spreadsheets, Markdown and a page for people."""

import json
from pathlib import Path

from reviewtune import schema
from reviewtune.errors import ArtifactError
from reviewtune.files import write_text
from reviewtune.leaderboard.board import Board
from reviewtune.leaderboard.frame import as_frame
from reviewtune.leaderboard.markdown import markdown
from reviewtune.leaderboard.page.render import html_page
from reviewtune.markup import in_spreadsheet, visible

__all__ = ["as_frame", "export"]


def export(board: Board, results_dir: Path, *, with_texts: bool = False) -> list[Path]:
    """Write `leaderboard.json`, `.csv`, `.md` and `.html` into the results directory, each in one step.

    Args:
        board: What they show.
        results_dir: Where they go, and where what lies beside the board's entries is read.
        with_texts: Whether the page's lists of errors show the reviews' texts.

    Returns:
        The four paths, in that order.

    Raises:
        ArtifactError: One of them cannot be written.

    Examples:
        >>> from reviewtune.leaderboard.board import collect
        >>> from reviewtune.testing.made_entries import made_results
        >>> results = made_results(Path("results"), {"svm": (90, 10, 10, 90), "rules": (60, 40, 40, 60)})
        >>> [path.name for path in export(collect(results), results)]
        ['leaderboard.json', 'leaderboard.csv', 'leaderboard.md', 'leaderboard.html']
        >>> [entry["family"] for entry in json.loads((results / "leaderboard.json").read_text())["entries"]]
        ['svm', 'rules']
    """
    texts = {
        "json": _json(board),
        "csv": _csv(board),
        "md": markdown(board),
        "html": html_page(board, results_dir, with_texts=with_texts),
    }
    return [_write(results_dir / f"leaderboard.{suffix}", text) for suffix, text in texts.items()]


def _csv(board: Board) -> str:
    """The table, in which no name from outside is a formula or steers a terminal."""
    frame = as_frame(board)
    for name in frame.columns[frame.dtypes == "string"]:
        frame[name] = frame[name].map(lambda text: in_spreadsheet(visible(text)), na_action="ignore")
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _json(board: Board) -> str:
    entries = [entry.model_dump(mode="json") for entry in board.entries]
    splits = [
        {
            "split_sha256": group.split_sha256,
            "data": group.data,
            "num_units": group.num_units,
            "detectable_difference": group.detectable,
            "rough": group.rough,
        }
        for group in board.groups
    ]
    whole = {"schema": schema.LEADERBOARD_SCHEMA, "splits": splits, "entries": entries}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> Path:
    try:
        write_text(path, text)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be written ({error.strerror}): make room, or make it writable") from None
    return path
