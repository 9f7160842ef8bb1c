"""What works on this machine, and what to do about what does not: a line a check."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from rich.console import Console

from reviewtune.errors import ReviewtuneError
from reviewtune.files import write_text
from reviewtune.storage.place import bucket_of, named

PYTHONS = ((3, 11), (3, 13))
LOW_MEMORY, LOW_DISK = 4e9, 2e9
"""Bytes under which a study of a few thousand reviews may fail."""
MARKS = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "problem": "[bold red]problem[/bold red]"}


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        level: `problem` where something that every study needs does not work.
        found: In a few words.
        mend: What to do about it; empty where nothing is to be done.
    """

    level: Literal["ok", "warning", "problem"]
    found: str
    mend: str = ""


def examine(results_dir: Path, console: Console | None = None) -> int:
    """Run every check and print what it found.

    Args:
        results_dir: Where `tune` would write.
        console: Default: standard output.

    Returns:
        1 where something is a problem, otherwise 0.
    """
    console = console or Console()
    worst = 0
    for name, check in checks(results_dir):
        finding = run(check)
        worst = max(worst, finding.level == "problem")
        console.print(f"{MARKS[finding.level]} [bold]{name}[/bold]: ", end="")
        console.print(named(finding.found), markup=False, highlight=False)
        if finding.mend:
            console.print(f"  -> {finding.mend}", markup=False, highlight=False)
    return int(worst)


def checks(results_dir: Path) -> Iterator[tuple[str, Callable[[], Finding]]]:
    """Each check with its name, the quick ones first."""
    yield "Python", python
    yield "packages", packages
    yield "memory", memory
    yield "disk", lambda: disk(results_dir)
    yield "results", lambda: results(results_dir)
    yield "GPU", gpu
    yield "packs", packs
    yield "C compiler", compiler
    yield "NF4", lambda: quantisation("nf4")
    yield "int8", lambda: quantisation("int8")
    yield "MiniLM", minilm
    yield "hub", hub
    yield "Ray", ray_works


def run(check: Callable[[], Finding]) -> Finding:
    """What a check finds; a check that cannot be made is a problem by itself."""
    try:
        return check()
    except ReviewtuneError as error:
        return Finding("problem", str(error))
    except Exception as error:  # noqa: BLE001 - whatever breaks here is what the doctor is for
        reason = " ".join(str(error).split())[:200]
        return Finding("problem", f"{type(error).__name__}: {reason}", "reinstall with make setup, or report this")


def python() -> Finding:
    """The interpreter's version."""
    found = platform.python_version()
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Finding("ok", found)
    low, high = (".".join(map(str, each)) for each in PYTHONS)
    return Finding("problem", found, f"install Python {low} to {high}")


def packages() -> Finding:
    """The installed version of every package that reviewtune needs, against its range."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in requires("reviewtune") or []]
    except PackageNotFoundError:
        return Finding("warning", "reviewtune runs from a folder, not installed", "pip install -e .")
    wrong, shown = [], []
    for requirement in wanted:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found} is not {requirement.specifier}")
        if requirement.name in ("torch", "transformers", "peft", "bitsandbytes", "ray", "optuna"):
            shown.append(f"{requirement.name} {found}")
    if wrong:
        return Finding("problem", "; ".join(wrong), "make setup, or pip install -c constraints.txt -e .")
    return Finding("ok", ", ".join(shown))


def memory() -> Finding:
    """Main memory that is free."""
    import psutil

    free = psutil.virtual_memory().available
    found = f"{free / 1e9:.1f} GB free, {os.cpu_count()} CPUs"
    if free < LOW_MEMORY:
        return Finding("warning", found, "close other programs, or run fewer trials at once: --max-concurrent-trials 1")
    return Finding("ok", found)


def disk(results_dir: Path) -> Finding:
    """Room where the results go."""
    free = shutil.disk_usage(_existing(results_dir)).free
    found = f"{free / 1e9:.1f} GB free for {results_dir}"
    if free < LOW_DISK:
        return Finding("warning", found, "make room, or give another --results-dir")
    return Finding("ok", found)


def results(results_dir: Path) -> Finding:
    """Whether results can be written, and whether what is there can be read."""
    from reviewtune.leaderboard.board import collect
    from reviewtune.storage.refresh import refresh

    _write_there(results_dir)
    place = _existing(results_dir)
    if not place.is_dir():
        return Finding("problem", f"{place} is no folder", "give another --results-dir")
    if not os.access(place, os.W_OK):
        return Finding("problem", f"{place} is not writable", "give another --results-dir")
    refresh(results_dir)
    if not (results_dir / "studies").is_dir():
        return Finding("ok", f"{results_dir} is empty and writable")
    studies = f", {_searches(results_dir / 'studies.db')} searches" if (results_dir / "studies.db").is_file() else ""
    board = collect(results_dir)
    found = f"{len(board.entries)} entries{studies} in {results_dir}"
    return Finding("warning" if board.warnings else "ok", found, "; ".join(board.warnings))


def _write_there(results_dir: Path) -> None:
    """Write something into a bucket and remove it again.

    Raises:
        StorageError: It is not there, cannot be reached, or refuses.
    """
    if bucket_of(results_dir) is not None:
        from reviewtune.storage.mirror import check_bucket, remove

        check_bucket(results_dir)
        write_text(results_dir / ".doctor", "")
        remove(results_dir / ".doctor")


def gpu() -> Finding:
    """Cards that torch can use."""
    from reviewtune.encoders.selftest import cards

    if found := cards():
        return Finding("ok", ", ".join(found))
    if shutil.which("nvidia-smi"):
        mend = "install a torch built for CUDA: see pytorch.org/get-started"
        return Finding("warning", f"torch {version('torch')} does not see the NVIDIA driver's cards", mend)
    return Finding("ok", "none: QLoRA trains on the CPU, which is slow beyond a few thousand reviews")


def packs() -> Finding:
    """Whether packs of QLoRA trials train as fast as they can on these cards."""
    from reviewtune.adapters.packed.cards import cards_without_grouped_products
    from reviewtune.encoders.selftest import cards

    if slow := cards_without_grouped_products():
        found = f"slower than on an H100 or H200, on {', '.join(slow)}: the adapters' products run slot by slot there"
        return Finding(
            "ok", f"{found}, since grouped products are used on Hopper cards alone; the results are the same"
        )
    return Finding("ok", "grouped products" if cards() else "on the CPU, slot by slot")


def compiler() -> Finding:
    """The C compiler by which Triton builds what launches its kernels."""
    from reviewtune.encoders.selftest import cards

    if found := os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang"):
        return Finding("ok", found)
    if cards():
        return Finding("problem", "none, and kernels on GPUs need one", "install gcc, or name one in $CC")
    return Finding("ok", "none, and no GPU that needs one")


def quantisation(how: Literal["nf4", "int8"]) -> Finding:
    """Whether bitsandbytes really quantises here: a small layer, forward and backward, beside the plain one."""
    from reviewtune.encoders.selftest import check_quantisation

    return Finding("ok", check_quantisation(how))


def minilm() -> Finding:
    """The embedded base model and its checksum."""
    from reviewtune.encoders.registry import resolve_encoder
    from reviewtune.errors import EncoderError

    try:
        return Finding("ok", f"embedded weights, SHA-256 {resolve_encoder('minilm').revision}... checked")
    except EncoderError as error:
        return Finding("warning", str(error))


def hub() -> Finding:
    """Whether base models are looked for on the hub at all."""
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    return Finding("ok", "HF_HUB_OFFLINE is set: only cached models and folders" if offline else "online, if reachable")


def ray_works() -> Finding:
    """Whether Ray starts, or can be joined, and runs a task."""
    import ray

    from reviewtune.tuning.session import ray_session

    start = time.perf_counter()
    with ray_session(None, Console(quiet=True)) as cluster:
        doubled = ray.get(ray.remote(num_cpus=1)(_double).remote(21), timeout=60)
    seconds = time.perf_counter() - start
    if doubled != 42:
        return Finding("problem", f"a task returned {doubled}, not 42", "reinstall ray")
    how = f"joined {os.environ['RAY_ADDRESS']}" if os.environ.get("RAY_ADDRESS") else "started here"
    authentication = os.environ.get("RAY_AUTH_MODE", "token")
    return Finding(
        "ok", f"{how}, {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs, authentication {authentication}, {seconds:.0f} s"
    )


def _double(number: int) -> int:
    return 2 * number


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def _searches(database: Path) -> int:
    import optuna

    return len(optuna.get_all_study_names(f"sqlite:///{database.resolve()}"))
