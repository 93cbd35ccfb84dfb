"""Do the unit tests pass on the other Pythons of this machine? One environment per version, none downloaded.

python scripts/test_pythons.py               every supported version but the running one
python scripts/test_pythons.py --newest      only the newest of those that are here
python scripts/test_pythons.py -- -k cost    what follows goes to pytest
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from _venvs import ENVIRONMENTS, ROOT, environment

_CLASSIFIER = re.compile(r'"Programming Language :: Python :: (3\.[0-9]+)"')
_PYENV = Path.home() / ".pyenv/versions"


def supported() -> list[str]:
    """The versions that pyproject.toml names."""
    return _CLASSIFIER.findall((ROOT / "pyproject.toml").read_text("utf-8"))


def python_of(version: str) -> str | None:
    """A Python of *version* that runs, or None."""
    return next((path for path in _candidates(version) if _version_of(path) == version), None)


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    yield from map(str, sorted(_PYENV.glob(f"{version}.*/bin/python"), reverse=True))


def _version_of(path: str) -> str:
    """What the interpreter says: nothing, if it is a shim of a version that is not active."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], check=False, capture_output=True, text=True)
    return done.stdout.strip()


def is_good(version: str, arguments: list[str]) -> bool:
    """The unit tests pass on *version*, or it is not on this machine."""
    path = python_of(version)
    if path is None:
        print(f"-- Python {version}: not on this machine, skipped", flush=True)
        return True
    print(f"-- Python {version}: {path}", flush=True)
    python = environment(ENVIRONMENTS / f"python{version}", ["-e", ".[dev]"], python=path)
    command = [python, "-m", "pytest", "-q", "-n", "auto", "-m", "not slow", "tests/unit", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--newest", action="store_true", help="only the newest of those that are here")
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    options = parser.parse_args()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = [one for one in supported() if one != running]
    if options.newest:
        others = [one for one in others if python_of(one)][-1:]
    bad = [one for one in others if not is_good(one, options.arguments)]
    if bad:
        print(f"failed on Python {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
