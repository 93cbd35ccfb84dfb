"""Does the wheel hold what it should, does it work alone, has it types? Checked in fresh environments.

python scripts/check_wheel.py dist/llm_observer-*.whl

Exit code: 0 it does, 1 it does not; each problem is one line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from _venvs import ROOT, environment
from check_typing import problems_of_types

PACKAGE = ROOT / "sdk/python/llm_observer"
SCHEMA = ROOT / "shared/schema/telemetry_event_v1.json"
SCHEMAS = (SCHEMA, SCHEMA.with_name("telemetry_batch_v1.json"))
_NO_SOURCE = {".mypy_cache", ".ruff_cache", "__pycache__"}
# What the core must not bring along. pydantic and httpx2 come with genai-prices, and stay unloaded.
_OPTIONAL = {"openai", "anthropic", "httpx", "jsonschema", "rich"}
_IMPORT = """
import importlib, json, pkgutil, sys
from importlib import metadata
import llm_observer
loaded = sorted({name.partition(".")[0] for name in sys.modules})
report = llm_observer.patch()
for module in pkgutil.walk_packages(llm_observer.__path__, "llm_observer."):
    importlib.import_module(module.name)
there = sorted(one.name.lower() for one in metadata.distributions())
found = {"file": llm_observer.__file__, "loaded": loaded, "enabled": report.is_enabled, "there": there}
print(json.dumps(found))
"""
_HEAVY = {"asyncio", "genai_prices", "httpx2", "msgspec", "pydantic", "wrapt"}


class Run(NamedTuple):
    """A command in the environment of the wheel. codes: exit codes that are right. problem: of its output."""

    arguments: tuple[str, ...]
    codes: frozenset[int]
    problem: Callable[[str], str | None]


def expected() -> set[str]:
    """Every file that the wheel should hold, besides its metadata."""
    sources = (path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*") if path.is_file())
    kept = {path.as_posix() for path in sources if not _NO_SOURCE.intersection(path.parts)}
    return kept | {f"llm_observer/schema/{schema.name}" for schema in SCHEMAS}


def problems_of_contents(wheel: Path) -> Iterator[str]:
    """What is missing, and what is too much."""
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
        for schema in SCHEMAS:
            name = f"llm_observer/schema/{schema.name}"
            if name in names and opened.read(name) != schema.read_bytes():
                yield f"{name} is not the schema of this checkout"
    yield from (f"is missing: {name}" for name in sorted(expected() - names))
    yield from (f"does not belong: {name}" for name in sorted(names - expected()))


def _problem_of_import(shown: str) -> str | None:
    found = json.loads(shown)
    if Path(found["file"]).is_relative_to(ROOT):
        return f"the checkout was imported, not the wheel: {found['file']}"
    if extra := _OPTIONAL.intersection(found["there"]):
        return f"the core brings along: {', '.join(sorted(extra))}"
    if heavy := _HEAVY.intersection(found["loaded"]):
        return f"the import loads: {', '.join(sorted(heavy))}"
    return None if found["enabled"] else "patch() is not enabled"


def _says(*words: str) -> Callable[[str], str | None]:
    return lambda shown: next((f"does not say {word!r}" for word in words if word not in shown), None)


def _is_schema(shown: str) -> str | None:
    return None if json.loads(shown) == json.loads(SCHEMA.read_text("utf-8")) else "prints another schema"


def _is_object(shown: str) -> str | None:
    return None if isinstance(json.loads(shown), dict) else "prints no JSON object"


RUNS = (
    Run(("-W", "error", "-c", _IMPORT), frozenset({0}), _problem_of_import),
    Run(("-m", "llm_observer", "--help"), frozenset({0}), _says("demo", "doctor", "schema")),
    Run(("-m", "llm_observer", "schema"), frozenset({0}), _is_schema),
    # Without an SDK there may be findings, and the demo can only say what it needs.
    Run(("-m", "llm_observer", "doctor", "--json"), frozenset({0, 1}), _is_object),
    Run(("-m", "llm_observer", "demo"), frozenset({2}), _says("pip install openai anthropic")),
)


def problems_alone(wheel: Path, folder: Path) -> Iterator[str]:
    """What goes wrong where only the wheel and its hard dependencies are installed."""
    python = environment(folder / "venv", [str(wheel)])
    script = python.with_name("llm-observer.exe" if sys.platform == "win32" else "llm-observer")
    if not script.exists():
        yield "there is no command llm-observer"
    for run in RUNS:
        problem = _problem(run, python, folder)
        if problem:
            yield f"python {' '.join(run.arguments[:3]).splitlines()[0]}: {problem}"


def _problem(run: Run, python: Path, folder: Path) -> str | None:
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("LLM_OBSERVER_", "PYTHON"))
    }
    done = subprocess.run(
        [python, *run.arguments],
        cwd=folder,
        env={**environ, "XDG_STATE_HOME": str(folder)},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode not in run.codes:
        return f"ended with {done.returncode}\n{done.stdout}{done.stderr}"
    if "Traceback" in done.stderr:
        return done.stderr
    return run.problem(done.stdout if 0 in run.codes else done.stderr)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel.resolve(strict=True)
    with tempfile.TemporaryDirectory(prefix="llm_observer-") as folder:
        place = Path(folder).resolve()
        found = [
            *problems_of_contents(wheel),
            *problems_alone(wheel, place),
            *problems_of_types(wheel, place),
        ]
    for problem in found:
        print(f"{wheel.name}: {problem}", file=sys.stderr)
    if not found:
        print(f"{wheel.name}: {len(expected())} files, works alone, and has types")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
