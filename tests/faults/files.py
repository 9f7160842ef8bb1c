"""Tear, truncate, zero and remove a file of each kind under a finished results directory, and go on with it.

    python -m tests.faults.files --jobs 8 --output files.jsonl

After each damage `leaderboard` is run, `predict` where the file is an artifact's, `tune --continue` where it is of a
trial's model, then the study's own command, and once more with the file deleted where that is the advice. Each must end
as if nothing had happened, or make the file again, or say in one line what is wrong and exit with 1. What the output
holds already is not done again: the same command goes on from there, and the table sums up all of it.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.faults.damage import DAMAGES, kinds
from tests.faults.processes import adopt_orphans, end_all
from tests.faults.said import extraordinary, is_plain
from tests.faults.study import Program, make_inputs
from tests.faults.table import rows

FAMILIES = "tfidf,mlp,qlora,ensemble"
SPACE = {"qlora": {"epochs": 2, "batch_size": 16}, "mlp": {"epochs": 3}}
FIELDS = ("trial_id", "num_trials", "test", "artifact")
"""Of an entry, what no damage may change in silence."""

FINE = {"same", "made again", "refused"}
"""Answers that are no fault."""


@dataclass
class Damaged:
    """What came of a damage; a line of the output.

    Attributes:
        kind, damage: What was done.
        answers: Verb: `same`, `made again` (differs, and says so), `refused` (exit 1, a line), or a fault: `traceback`,
            `silently different`, `hung`, `N lines`.
        said: Verb: its extraordinary lines.
    """

    kind: str
    damage: str
    answers: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)


def study_words(inputs: Path, results: Path) -> list[str]:
    """The study of several families whose results are damaged."""
    words = ["tune", "--data", str(inputs / "reviews.csv"), "--base-model", str(inputs / "base")]
    words += [
        "--results-dir",
        str(results),
        "--families",
        FAMILIES,
        "--num-trials",
        "2",
        "--validation-size",
        "0.2",
        "--finalists",
        "1",
        "--folds",
        "2",
    ]
    return [*words, "--space", json.dumps(SPACE)]


def finish(inputs: Path, results: Path, limit: float) -> None:
    """Run the study, and predict with each artifact.

    Raises:
        RuntimeError: It does not even end well undamaged.
    """
    adopt_orphans()
    make_inputs(inputs)
    predicted = results.with_name("predicted")
    if predicted.is_dir():
        return
    program = Program(study_words(inputs, results))
    if program.wait(limit) != 0:
        end_all()
        raise RuntimeError(f"without any damage: {program.said()[-5:]}")
    predicted.mkdir()
    for artifact in (results / "artifacts").iterdir():
        words = predict_words(inputs, artifact, predicted / f"{artifact.name}.csv")
        if Program(words).wait(limit) != 0:
            raise RuntimeError(f"{words} without any damage")


def predict_words(inputs: Path, artifact: Path, output: Path) -> list[str]:
    read = ["--input", str(inputs / "reviews.csv"), "--only-scores"]
    return ["predict", "--artifact", str(artifact), *read, "--output", str(output)]


def _verbs(kind: str) -> list[str]:
    """What may read such a file."""
    if kind.startswith("artifacts/"):
        return ["leaderboard", "predict", "tune"]
    return ["leaderboard", "continue", "tune"] if "/models/" in kind else ["leaderboard", "tune"]


def damage(kind: str, how: str, *, inputs: Path, finished: Path, folder: Path, limit: float) -> Damaged:
    """Damage one file of a copy of a finished results directory, and run every verb on it.

    Args:
        kind, how: What is done to which.
        inputs: Of the study.
        finished: Its results directory, with what its artifacts predict.
        folder: For the copy; removed at the end.
        limit: Seconds after which a program hangs.
    """
    adopt_orphans()
    outcome = Damaged(kind, how)
    results = folder / "results"
    relative = kinds(finished)[kind]
    try:
        for verb in _verbs(kind):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(finished, results)
            DAMAGES[how](results / relative)
            words, output = _command(verb, inputs, results, relative)
            outcome.answers[verb] = _answer(outcome, verb, words, finished, output, limit)
            if verb == "tune" and any("delete" in line for line in outcome.said[verb]):
                (results / relative).unlink(missing_ok=True)
                mended = f"{verb}, the file deleted"
                outcome.answers[mended] = _answer(outcome, mended, words, finished, output, limit)
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _command(verb: str, inputs: Path, results: Path, damaged: Path) -> tuple[list[str], Path]:
    """The words of a verb, and the file that it writes."""
    board = results / "leaderboard.json"
    if verb == "leaderboard":
        return ["leaderboard", "--results-dir", str(results)], board
    if verb == "predict":
        artifact, output = results / Path(*damaged.parts[:2]), results.with_name(f"{damaged.parts[1]}.csv")
        return predict_words(inputs, artifact, output), output
    if verb == "tune":
        return study_words(inputs, results), board
    (study,) = (path.name for path in (results / "studies").iterdir())
    data = ["--data", str(inputs / "reviews.csv"), "--base-model", str(inputs / "base")]
    continued = ["--continue", f"{study}/qlora", "--epochs", "3"]
    return ["tune", *data, "--results-dir", str(results), *continued], board


def _answer(outcome: Damaged, verb: str, words: list[str], finished: Path, output: Path, limit: float) -> str:
    program = Program(words)
    status = program.wait(limit)
    said = [*extraordinary(program.said()), *program.warnings]
    outcome.said.setdefault(verb, []).extend(said)
    if status is None:
        end_all()
        return "hung"
    worked = any("tuning" in line or "assessing" in line for line in program.said())
    # What a continuation adds to the board was not there before.
    return judged(
        status, said, same=verb == "continue" or (status == 0 and _same(verb, output, finished)), worked=worked
    )


def judged(status: int, said: list[str], *, same: bool, worked: bool = False) -> str:
    """What an answer is worth: one of `FINE`, or a fault.

    Args:
        status: Exit status.
        said: Extraordinary lines and warnings.
        same: It gave what it would have given without the damage.
        worked: It said that it did something anew.
    """
    if not is_plain(said):
        return "traceback" if any("Traceback" in line for line in said) else f"{len(said)} lines"
    if status != 0:
        return "refused" if said and status == 1 else f"exit status {status}, {len(said)} lines"
    if same:
        return "same"
    return "made again" if said or worked else "silently different"


def _same(verb: str, output: Path, finished: Path) -> bool:
    if output.name == "leaderboard.json":
        return scores(output.parent) == scores(finished, of=output.parent if verb == "leaderboard" else finished)
    return output.read_bytes() == (finished.with_name("predicted") / output.name).read_bytes()


def scores(results: Path, *, of: Path | None = None) -> dict[str, list[Any]]:
    """What a board says of each family.

    Args:
        results: The board's.
        of: Only of families whose entry is in this results directory: to remove an entry is to take it off the board.
    """
    path = results / "leaderboard.json"
    entries = json.loads(path.read_text())["entries"] if path.is_file() else []
    there = {entry.parent.name for entry in (of or results).glob("studies/*/*/entry.json")}
    return {entry["family"]: [entry[name] for name in FIELDS] for entry in entries if entry["family"] in there}


def main() -> int:
    """Run the program; its exit status is 1 where an answer was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default="", help="only kinds with these words in them")
    parser.add_argument("--damage", action="append", choices=list(DAMAGES), help="default: each")
    parser.add_argument("--jobs", type=int, default=1, help="side by side (default 1)")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a program hangs (default 300)")
    parser.add_argument("--work", type=Path, help="keep the finished study here, and use it again")
    parser.add_argument("--output", type=Path, default=Path("files.jsonl"), help="a line a damage is added to it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as name:
        outcomes = list(_run(options, (options.work or Path(name)).resolve()))
    print(_table(outcomes))
    return int(any(set(outcome.answers.values()) - FINE for outcome in outcomes))


def _run(options: argparse.Namespace, folder: Path) -> Iterator[Damaged]:
    inputs, finished = folder / "inputs", folder / "finished"
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        pool.submit(finish, inputs, finished, options.limit).result()
        before = [Damaged(**json.loads(line)) for line in _lines(options.output)]
        yield from before
        done = {(outcome.kind, outcome.damage) for outcome in before}
        asked = [(kind, how) for kind in kinds(finished) if options.kind in kind for how in options.damage or DAMAGES]
        futures = []
        for kind, how in asked:
            if (kind, how) not in done:
                place = folder / f"damaged-{len(futures)}"
                given = {"inputs": inputs, "finished": finished, "folder": place, "limit": options.limit}
                futures.append(pool.submit(damage, kind, how, **given))
        print(f"{len(asked)} asked, {len(futures)} to do", file=sys.stderr, flush=True)
        for future in as_completed(futures):
            outcome = future.result()
            with options.output.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
            print(outcome.kind, outcome.damage, outcome.answers, file=sys.stderr, flush=True)
            yield outcome


def _lines(output: Path) -> list[str]:
    """What the output holds."""
    return output.read_text().splitlines() if output.is_file() else []


def _table(outcomes: list[Damaged]) -> str:
    """How often each verb answered what, by damage."""
    verbs = list(dict.fromkeys(verb for outcome in outcomes for verb in outcome.answers))
    cells = []
    for how in dict.fromkeys(outcome.damage for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.damage == how]
        by_verb = [[outcome.answers[verb] for outcome in own if verb in outcome.answers] for verb in verbs]
        counted = [", ".join(f"{answers.count(one)} {one}" for one in dict.fromkeys(answers)) for answers in by_verb]
        cells.append([how, str(len(own)), *counted])
    return rows(["file is", "kinds", *verbs], cells)


if __name__ == "__main__":
    sys.exit(main())
