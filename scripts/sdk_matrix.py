"""Do the integration tests pass with old, middling and new SDKs? One environment per set, one table.

python scripts/sdk_matrix.py                                 every set
python scripts/sdk_matrix.py --sets floor newest -- -k life  some sets; what follows goes to pytest

Environments are kept in .matrix/. Exit code: 0 all passed, 1 a test failed or none ran.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from _venvs import ENVIRONMENTS, ROOT, environment

SETS: dict[str, tuple[str, ...]] = {
    # The oldest versions that README.md and capture/targets.py name. anthropic 0.40.0 passes `proxies` on to
    # httpx (anthropic/_base_client.py), which took it until 0.27 (encode/httpx, CHANGELOG, 2024-11-28).
    "floor": ("openai==1.66.0", "anthropic[bedrock,vertex]==0.40.0", "httpx<0.28"),
    "middle": ("openai==2.0.0", "anthropic[bedrock,vertex]==0.71.0", "httpx"),
    "newest": ("openai", "anthropic[bedrock,vertex]", "httpx"),
}
SDK_FREE = (
    "chaos",
    "delivery",
    "delivery_life",
    "evaluation",
    "exit_deadline",
    "otlp",
    "privacy_delivery",
    "process_models",
    "report_browser",
    "soak",
    "spool_crash",
)
"""Tests of what happens to an event after it was made: no version of an SDK makes a difference there."""
_SHOWN = ("openai", "anthropic", "httpx", "httpx2", "pydantic")
_VERSIONS = """
from importlib import metadata
import sys
there = {one.name: one.version for one in metadata.distributions()}
print(*(f"{name} {there[name]}" for name in sys.argv[1:] if name in there), sep=", ")
"""


class Outcome(NamedTuple):
    """What one set gave."""

    name: str
    versions: str
    passed: int
    failed: int
    skipped: int
    seconds: int

    @property
    def is_good(self) -> bool:
        """Something ran, and nothing failed."""
        return self.passed > 0 and self.failed == 0


def outcome_of(name: str, arguments: Sequence[str]) -> Outcome:
    """Run the integration tests with the SDKs of one set."""
    start = time.monotonic()
    python = environment(ENVIRONMENTS / name, ["-e", ".[dev]", *SETS[name]])
    versions = subprocess.run(
        [python, "-c", _VERSIONS, *_SHOWN], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"-- {name}: {versions}", flush=True)
    report = ENVIRONMENTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-n", "auto", "--dist", "worksteal", f"--junitxml={report}"]
    done = subprocess.run(
        [python, "-m", "pytest", "tests/integration", *options, *_left_out(), *arguments],
        cwd=ROOT,
        check=False,
    )
    counts = _counts(report) if report.exists() else (0, 0, 0)
    passed, failed, skipped = counts
    # A run that ends badly without a failed test (nothing collected, an error of pytest) is a failure.
    is_hidden = done.returncode != 0 and failed == 0
    return Outcome(name, versions, passed, failed + is_hidden, skipped, round(time.monotonic() - start))


def _left_out() -> list[str]:
    return [f"--ignore=tests/integration/test_{name}.py" for name in SDK_FREE]


def _counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed (errors included) and skipped tests of a JUnit file."""
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest has just written it
    numbers = [
        [int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")] for suite in suites
    ]
    tests, failures, errors, skipped = map(sum, zip(*numbers, strict=True))
    return tests - failures - errors - skipped, failures + errors, skipped


def table(outcomes: Sequence[Outcome]) -> str:
    """One line per set."""
    rows = [Outcome._fields, *([str(cell) for cell in outcome] for outcome in outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    chosen = parser.parse_args()
    outcomes = [outcome_of(name, chosen.arguments) for name in chosen.sets]
    print(f"\n{table(outcomes)}")
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
