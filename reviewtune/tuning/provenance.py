"""What a result was made with: code, libraries and hardware."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "torch", "transformers", "peft", "bitsandbytes", "ray", "optuna", "scikit-learn", "scikit-learn-intelex", "numpy"
)  # fmt: skip


def code_version() -> str:
    """Reviewtune's version; from a checkout also the commit, with `+` where files differ from it."""
    try:
        name = f"reviewtune {version('reviewtune')}"
    except PackageNotFoundError:
        # Run from a job's copy of the checkout, which installs nothing.
        name = "reviewtune"
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return name
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    return f"{name} ({commit}{'+' if _git(root, 'status', '--porcelain') else ''})" if commit else name


def library_versions() -> dict[str, str]:
    """The installed version of each library that can change a result, and Python's."""
    versions = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return versions


def hardware(gpus: float) -> str:
    """The machine in a few words, for example `2 CPUs (x86_64)` or `2 x NVIDIA H100, 32 CPUs (x86_64)`.

    Args:
        gpus: That Ray sees.
    """
    cpus = f"{os.cpu_count()} CPUs ({platform.machine()})"
    if gpus < 1:
        return cpus
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "GPU"
    return f"{gpus:g} x {name}, {cpus}"


def _git(root: Path, *words: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
