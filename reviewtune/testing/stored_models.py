"""What a family promises of its models' files: they come back as they were, are no pickles, and damage is told."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from reviewtune.data.tokens import Tokens
from reviewtune.errors import ArtifactError
from reviewtune.families.base import Family
from reviewtune.testing.family_bench import FamilyBench

_FRESH_PROCESS = """
import json, sys
from importlib import import_module
from pathlib import Path
import numpy as np
from reviewtune.data.tokens import from_lists

def refuse_pickles(event, arguments):
    if event.startswith("pickle."):
        raise RuntimeError(f"{event}{arguments}")

module, name, folder, inputs = sys.argv[1:]
family, rows = getattr(import_module(module), name)(), json.loads(Path(inputs).read_text())
make = {"texts": list, "embeddings": lambda rows: np.array(rows, dtype=np.float32), "tokens": from_lists}
sys.addaudithook(refuse_pickles)
scores = family.load(Path(folder)).scores(make[family.inputs](rows))
print(json.dumps(scores.tolist()))
"""


def a_loaded_model_scores_as_the_saved_one(bench: FamilyBench) -> None:
    """To the last bit."""
    loaded = bench.family.load(bench.saved())
    np.testing.assert_array_equal(loaded.scores(bench.test.inputs), bench.model.scores(bench.test.inputs))


def a_loaded_model_can_be_saved_again(bench: FamilyBench) -> None:
    """A copy of a copy is as good."""
    loaded, folder = bench.family.load(bench.saved()), bench.empty()
    before = loaded.scores(bench.test.inputs)
    loaded.save(folder)
    np.testing.assert_array_equal(bench.family.load(folder).scores(bench.test.inputs), before)


def a_fresh_process_loads_it_without_unpickling(bench: FamilyBench) -> None:
    """Whoever opens an artifact executes nothing that came with it."""
    inputs = bench.empty() / "inputs.json"
    inputs.write_text(json.dumps(_as_json(bench.test.inputs)))
    cls = type(bench.family)
    command = [sys.executable, "-c", _FRESH_PROCESS, cls.__module__, cls.__qualname__, str(bench.saved()), str(inputs)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), bench.model.scores(bench.test.inputs), rtol=1e-5, atol=1e-5)


class _Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "unpickled")


def a_pickle_in_place_of_any_file_is_refused(bench: FamilyBench) -> None:
    """One line says so, and nothing of it is executed."""
    saved, sprung = bench.saved(), bench.empty() / "sprung"
    for path in list(saved.iterdir()):
        kept = path.read_bytes()
        path.write_bytes(pickle.dumps(_Trap(sprung)))
        refusal = _refusal(bench.family, saved, f"a pickle in place of {path.name}")
        assert "\n" not in refusal, refusal
        assert not sprung.exists(), f"{path.name} was unpickled"
        path.write_bytes(kept)
    bench.family.load(saved)


def a_damaged_file_is_refused_in_one_line(bench: FamilyBench) -> None:
    """A file that is missing, empty or cut short: an ArtifactError that names the folder."""
    saved = bench.saved()
    for path in list(saved.iterdir()):
        kept = path.read_bytes()
        for harm, left in {"missing": None, "empty": b"", "cut short": kept[: len(kept) // 2]}.items():
            path.unlink()
            if left is not None:
                path.write_bytes(left)
            refusal = _refusal(bench.family, saved, f"{path.name}, {harm},")
            assert str(saved) in refusal, refusal
            assert "\n" not in refusal, refusal
            path.write_bytes(kept)


def _refusal(family: Family, folder: Path, what: str) -> str:
    """What `load` says of a folder that it must refuse."""
    try:
        family.load(folder)
    except ArtifactError as error:
        return str(error)
    raise AssertionError(f"{what} was loaded")


def _as_json(inputs: Any) -> Any:
    """What `json.dumps` takes; a fresh process makes the inputs of it again."""
    if isinstance(inputs, Tokens):
        return [inputs[row].tolist() for row in range(len(inputs))]
    return inputs.tolist() if isinstance(inputs, np.ndarray) else inputs
