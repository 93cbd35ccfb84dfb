"""Do the integration tests pass with old, middling and new SDKs, and with what stands on them? One table.

python scripts/sdk_matrix.py                                 every set
python scripts/sdk_matrix.py --write                         every set, and into docs/compatibility-matrix.md
python scripts/sdk_matrix.py --sets floor newest -- -k life  some sets; what follows goes to pytest

One environment per set (scripts/matrix/sets.py), kept in .matrix/. Exit code: 0 all passed, 1 a test failed
or none ran.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from _venvs import ENVIRONMENTS, ROOT, environment
from matrix.outcomes import Outcome, counts, table, written_into
from matrix.sets import SETS

PAGE = ROOT / "docs" / "compatibility-matrix.md"
_VERSIONS = """
from importlib import metadata
import sys
there = {one.name.replace("_", "-"): one.version for one in metadata.distributions()}
print(*(f"{name} {there[name]}" for name in sys.argv[1:] if name in there), sep=", ")
"""


def outcome_of(name: str, arguments: Sequence[str]) -> Outcome:
    """Run the tests of one set."""
    start = time.monotonic()
    chosen = SETS[name]
    python = environment(ENVIRONMENTS / name, ["-e", ".[dev]", *chosen.requirements])
    versions = subprocess.run(
        [python, "-c", _VERSIONS, *chosen.named], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"-- {name}: {versions}", flush=True)
    report = ENVIRONMENTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-n", "auto", "--dist", "worksteal", f"--junitxml={report}"]
    done = subprocess.run(
        [python, "-m", "pytest", *chosen.tests(), *options, *arguments], cwd=ROOT, check=False
    )
    passed, failed, skipped = counts(report)
    # A run that ends badly without a failed test (nothing collected, an error of pytest) is a failure.
    failed += done.returncode != 0 and failed == 0
    seconds = round(time.monotonic() - start)
    return Outcome(name, versions, passed, failed, skipped, seconds, f"{datetime.now(UTC):%Y-%m-%d}")


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--write", action="store_true", help=f"write the rows into docs/{PAGE.name}")
    parser.add_argument("arguments", nargs="*", help="for pytest, after --")
    chosen = parser.parse_args()
    outcomes = []
    for name in chosen.sets:
        outcomes.append(outcome_of(name, chosen.arguments))
        if chosen.write:  # at once: a long run that is stopped keeps what it has
            PAGE.write_text(written_into(PAGE.read_text("utf-8"), outcomes), "utf-8")
    print(f"\n{table(outcomes)}")
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
