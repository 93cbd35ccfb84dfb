"""Do the public names of the wheel have types that an app can rely on? mypy and pyright say, both strict.

python scripts/check_typing.py dist/llm_observer-*.whl

The wheel is installed in a fresh environment, beside the two checkers and nothing else of an app's;
tests/typing/public_names.py uses every public name. Exit code: 0 yes, 1 no: what they said is printed.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _venvs import ROOT, environment

USES = ROOT / "tests/typing/public_names.py"
CHECKERS = ["mypy>=1.14", "pyright>=1.1.400"]
SETTINGS = {
    "typeCheckingMode": "strict",
    "reportUnnecessaryTypeIgnoreComment": "error",
    "enableTypeIgnoreComments": False,
}
_REVEALED = re.compile("Revealed type is|Type of")
_UNKNOWN = re.compile(r'Revealed type is "Any"|Type of ".*" is "Unknown"')


def problems_of_types(wheel: Path, folder: Path) -> Iterator[str]:
    """What a checker has against the public names of *wheel*; *folder* is for what that takes."""
    python = environment(folder / "typing", [str(wheel), *CHECKERS])
    file = folder / USES.name
    file.write_text(USES.read_text("utf-8"), "utf-8")
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps(SETTINGS | {"include": [file.name]}), "utf-8")
    yield from _problems(
        "mypy", [python, "-m", "mypy", "--strict", "--cache-dir", folder / ".mypy", file], folder
    )
    if _can_be_had([python, "-m", "pyright", "--version"], folder):
        yield from _problems(
            "pyright", [python, "-m", "pyright", "--pythonpath", python, "--project", config], folder
        )


def _can_be_had(command: list[str | Path], folder: Path) -> bool:
    """The package pyright fetches the program itself from npm, which needs Node.js and a network."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, encoding="utf-8")
    if done.returncode:
        print(f"pyright cannot be had here, and was not asked: {done.stderr.strip()[-200:]}", file=sys.stderr)
    return done.returncode == 0


def _problems(name: str, command: list[str | Path], folder: Path) -> Iterator[str]:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, encoding="utf-8")
    said = f"{done.stdout}{done.stderr}".strip()
    if done.returncode:
        yield f"{name} ended with {done.returncode}:\n{said}"
    elif not _REVEALED.search(said):
        yield f"{name} did not read the file:\n{said}"
    elif found := _UNKNOWN.search(said):
        yield f"{name}: {found[0]}"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel.resolve(strict=True)
    with tempfile.TemporaryDirectory(prefix="llm_observer-") as folder:
        found = list(problems_of_types(wheel, Path(folder).resolve()))
    for problem in found:
        print(f"{wheel.name}: {problem}", file=sys.stderr)
    if not found:
        print(f"{wheel.name}: the checkers that could be had find the public names, and their types")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
