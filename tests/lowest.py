"""The oldest versions that pyproject.toml allows of what it names, one a line, as constraints for pip.

python tests/lowest.py embedded --pinned torch > build/lowest.txt
"""

import argparse
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def lowest(requirements: Iterable[str], pinned: dict[str, str]) -> Iterator[str]:
    """`name==version` of each requirement that gives a lowest version.

    Args:
        requirements: As in pyproject.toml.
        pinned: Versions to take instead, by name.
    """
    for text in requirements:
        required = Requirement(text)
        least = [each.version for each in required.specifier if each.operator == ">="]
        if version := pinned.get(required.name, *least):
            yield f"{required.name}=={version}"


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extras", nargs="*", help="whose requirements count too")
    parser.add_argument("--pinned", nargs="*", default=[], help="names whose version is that of constraints.txt")
    options = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [text for extra in options.extras for text in project["optional-dependencies"][extra]]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    versions = dict(line.split("==") for line in lines if "==" in line)
    pinned = {name: versions[name] for name in options.pinned}
    print("\n".join(lowest([*project["dependencies"], *extras], pinned)))


if __name__ == "__main__":
    main()
