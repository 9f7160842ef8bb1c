"""Whatever value or byte of an artifact is another: an answer, at once."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.hostile.conftest import CATASTROPHIC, FAMILIES, outcome

MANY = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value in a JSON document."""
    yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_in(part, (*path, key))


STRANGE = st.one_of(
    st.sampled_from([None, True, float("nan"), float("inf"), -1, 0, 1e300, 2**70, "", CATASTROPHIC, ".*", [], {}]),
    st.floats(), st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=1),
)  # fmt: skip


@MANY
@given(data=st.data(), name=st.sampled_from(FAMILIES))
def test_any_value_in_any_json_file_is_answered(
    artifacts: dict[str, Path], tmp_path_factory: Any, data: Any, name: str
) -> None:
    folder = Path(shutil.copytree(artifacts[name], tmp_path_factory.mktemp("hostile") / name))
    path = data.draw(st.sampled_from(sorted(folder.rglob("*.json"))))
    contents = json.loads(path.read_text())
    place = data.draw(st.sampled_from(list(paths_in(contents))[1:]))
    parent = contents
    for key in place[:-1]:
        parent = parent[key]
    if data.draw(st.booleans()) and isinstance(parent, dict):
        parent[data.draw(st.text(max_size=5))] = data.draw(STRANGE)
    else:
        parent[place[-1]] = data.draw(STRANGE)
    path.write_text(json.dumps(contents))
    outcome(folder)
    shutil.rmtree(folder.parent)


@MANY
@given(data=st.data(), name=st.sampled_from(FAMILIES))
def test_any_damage_to_any_file_is_answered(
    artifacts: dict[str, Path], tmp_path_factory: Any, data: Any, name: str
) -> None:
    folder = Path(shutil.copytree(artifacts[name], tmp_path_factory.mktemp("hostile") / name))
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors", ".skops"))
    path = data.draw(st.sampled_from(files))
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, min(len(raw) - 1, 4000)))
    match data.draw(st.sampled_from(["cut", "change", "put in", "leave out"])):
        case "cut":
            del raw[at:]
        case "change":
            raw[at] = data.draw(st.integers(0, 255))
        case "put in":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        case "leave out":
            del raw[at : at + data.draw(st.integers(1, 9))]
    path.write_bytes(bytes(raw))
    outcome(folder)
    shutil.rmtree(folder.parent)
