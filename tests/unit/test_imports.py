"""The house's plan, held: who may import whom, and what stays out of where."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "reviewtune"
FILES = sorted(PACKAGE.rglob("*.py"))

GROUND = {
    "errors",
    "schema",
    "settings",
    "config",
    "contents",
    "durations",
    "verb_config",
    "files",
    "quiet",
    "tracebacks",
    "interrupt",
    "markup",
    "progress_note",
    "reach",
    "space_text",
    "standard_output",
    "storage",
    "stored",
}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "data": GROUND,
    "evaluation": GROUND,
    "leaderboard": GROUND | {"evaluation"},
    "encoders": GROUND | {"data"},
    "adapters": GROUND | {"data", "encoders"},
    "families": GROUND | {"data", "encoders", "adapters"},
    "profile": GROUND | {"data", "evaluation"},
    "artifact_info": GROUND | {"evaluation", "families"},
    "card": GROUND | {"evaluation", "encoders", "families", "leaderboard", "profile", "artifact_info"},
    "artifact": GROUND | {"evaluation", "artifact_info", "card", "profile"},
    "explanation": GROUND | {"data", "families"},
    "predict": GROUND | {"data", "evaluation", "encoders", "families", "artifact_info", "explanation", "profile"},
    "transfer": GROUND | {"data", "evaluation", "artifact_info", "card", "predict"},
    "outputs": GROUND,
    "watch": GROUND,
    "tables": GROUND,
    "applies": GROUND | {"data", "evaluation", "predict"},
    "rows": GROUND | {"data", "predict", "outputs", "tables"},
    "kept_scores": GROUND | {"data"},
    "labelling_pace": GROUND | {"tuning"},
    "labelling_cluster": GROUND
    | {"data", "families", "tuning", "artifact_info", "predict", "rows", "kept_scores", "labelling_pace"},
    "labelling": GROUND
    | {"data", "applies", "predict", "outputs", "rows", "kept_scores", "labelling_pace", "labelling_cluster"},
    "explanation_view": GROUND | {"data", "explanation"},
    "explaining": GROUND
    | {"data", "families", "applies", "predict", "explanation", "explanation_view", "outputs", "rows", "tables"},
    "scoring": GROUND
    | {"data", "applies", "evaluation", "artifact_info", "predict", "outputs", "transfer", "leaderboard"},
    "serving": GROUND | {"data", "predict", "tuning"},
    "push": GROUND | {"artifact_info", "card"},
    "onnx_export": GROUND
    | {"data", "adapters", "card", "encoders", "evaluation", "families", "artifact_info", "predict"},
    "export": GROUND
    | {"adapters", "card", "evaluation", "families", "artifact_info", "predict", "outputs", "onnx_export"},
    "testing": GROUND | {"data", "evaluation", "encoders", "adapters", "families", "leaderboard"},
    "tuning": GROUND
    | {
        "data",
        "evaluation",
        "leaderboard",
        "encoders",
        "adapters",
        "families",
        "artifact",
        "artifact_info",
        "card",
        "explanation",
        "predict",
        "profile",
        "transfer",
    },
}
"""What each part of the package may use besides itself; what is not listed, the program itself, may use all."""

RAY = {"data/embeddings.py", "labelling_cluster.py", "serving/replicas.py", "doctor.py"}
TORCH = {"families/mlp.py", "families/qlora.py", "tuning/provenance.py", "testing/families.py", "testing/encoders.py"}
LONGEST_FILE, LONGEST_MEDIAN = 300, 150


def modules_of(file: Path) -> Iterator[str]:
    """Dotted names of all that a file imports, inside functions too, but for what only the type checker sees."""
    tree = ast.parse(file.read_text())
    checked = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and getattr(branch.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield str(node.module)


def part_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_one_way(file: Path) -> None:
    part = part_of(file)
    if part not in MAY_IMPORT:
        return
    used = {name.split(".")[1] for name in modules_of(file) if name.startswith("reviewtune.")}
    assert used <= MAY_IMPORT[part] | {part}


def test_every_part_has_its_place() -> None:
    top = {"__init__", "__main__", "cli", "arguments", "first_look", "unforeseen", "commands", "doctor"}
    assert {part_of(file) for file in FILES} == set(MAY_IMPORT) | top


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_ray_and_torch_stay_where_they_belong(file: Path) -> None:
    name, part = str(file.relative_to(PACKAGE)), part_of(file)
    used = {module.split(".")[0] for module in modules_of(file)}
    if part != "tuning" and name not in {*RAY, "commands.py"}:
        assert "ray" not in used
    if part not in ("encoders", "adapters") and name not in TORCH:
        assert not used & {"torch", "transformers", "peft", "bitsandbytes"}


def test_files_stay_small() -> None:
    lengths = {file: len(file.read_text().splitlines()) for file in FILES}
    assert {file.name: length for file, length in lengths.items() if length > LONGEST_FILE} == {}
    assert median(lengths.values()) <= LONGEST_MEDIAN


def test_no_file_is_a_drawer() -> None:
    assert not {file.stem for file in FILES} & {"utils", "util", "helpers", "common", "misc"}


HEAVY = ("torch", "sklearn", "scipy.stats", "peft", "transformers", "bitsandbytes", "ray.tune", "optuna")


@pytest.mark.parametrize(
    ("module", "has"),
    [
        ("tuning.broker", []),
        ("tuning.crew", []),
        ("tuning.pack_job", []),
        ("tuning.trial", []),
        ("tuning.packed_trial", ["ray.tune"]),
        ("families.qlora", ["torch"]),
        ("adapters.packed.pack", ["torch"]),
    ],
)
def test_a_process_of_a_study_imports_no_more_than_it_needs(module: str, has: list[str]) -> None:
    """Each of a dozen processes imports its module when a study starts."""
    code = f"import sys, reviewtune.{module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == has
