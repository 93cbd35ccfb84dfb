"""Do an app and our events stay the same beside other instrumentations, recorders and mocks? One table.

python scripts/beside.py                          every set
python scripts/beside.py --write                  every set, and into docs/beside-others.md
python scripts/beside.py --sets Logfire Sentry    some sets

One environment per set (scripts/peers/sets.py), kept in .matrix/; what is compared stands in
tests/integration/beside_runs.py. Exit code: 0 nothing differs, 1 something does.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from _venvs import ENVIRONMENTS, ROOT, environment

sys.path.insert(0, str(ROOT / "tests"))

from integration.beside_runs import LAUNCHED, ORDERS, checks
from matrix.outcomes import counts
from peers.page import HEADS, row_of_mocks, row_of_peers, written_into
from peers.sets import SETS

PAGE = ROOT / "docs" / "beside-others.md"
_VERSIONS = """
from importlib import metadata
import sys
print(*(f"{name} {metadata.version(name)}" for name in sys.argv[1:]), sep=", ")
"""
_SHOWN = 6
"""Differences of one check that are printed."""


def outcome_of(name: str) -> tuple[bool, tuple[str, ...]]:
    """Whether nothing differs, and the row of one set."""
    chosen = SETS[name]
    folder = ENVIRONMENTS / f"beside-{re.sub(r'[^a-z0-9]+', '-', name.lower())}"
    python = environment(folder, ["-e", ".", "openai", "anthropic", *chosen.requirements])
    versions = subprocess.run(
        [python, "-c", _VERSIONS, *chosen.named], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"-- {name}: {versions}", flush=True)
    return _of_peers(name, python, versions) if chosen.peers else _of_mocks(folder, python, versions)


def _of_peers(name: str, python: Path, versions: str) -> tuple[bool, tuple[str, ...]]:
    chosen = SETS[name]
    orders = [*ORDERS, *(LAUNCHED if chosen.is_launched else [])]
    done = list(checks(chosen.peers, chosen.sdks, python=python, orders=orders))
    for check in done:
        if not check.is_good:
            print(f"{check[:-1]}", *check.notes[:_SHOWN], sep="\n   ", flush=True)
    is_good = all(
        check.is_good or check._replace(right=check.right + chosen.unread).is_good for check in done
    )
    return is_good, row_of_peers(versions, done)


def _of_mocks(folder: Path, python: Path, versions: str) -> tuple[bool, tuple[str, ...]]:
    report = folder.with_suffix(".xml")
    report.unlink(missing_ok=True)
    tests = ["tests/integration/test_beside_mocks.py", "-q", f"--junitxml={report}"]
    done = subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, check=False)
    return done.returncode == 0, row_of_mocks(versions, counts(report))


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--write", action="store_true", help=f"write the rows into docs/{PAGE.name}")
    chosen = parser.parse_args()
    is_good = True
    for name in chosen.sets:
        is_same, row = outcome_of(name)
        is_good &= is_same
        print(
            "\n".join(
                f"{head:>18}: {cell}"
                for head, cell in zip(HEADS[bool(SETS[name].peers)][1:], row, strict=True)
            )
        )
        if chosen.write:  # at once: a long run that is stopped keeps what it has
            PAGE.write_text(written_into(PAGE.read_text("utf-8"), {name: row}), "utf-8")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
