"""Does a change of a JSON Schema break a reader or a writer that stands?

    python scripts/check_schema_compat.py OLD NEW
    python scripts/check_schema_compat.py --against-released

Events are written and read by different releases, so both directions count: what the old schema allows the
new one must allow (old writers), and what the new one allows the old one must understand (old readers).
Hence any constraint that is tightened *or* loosened is a break, and these are none: a new optional property,
a new value of an enum marked `x-open: true` (its readers know that there may be more), a rule about such a
value only, other words in a description, and definitions that move. They are additions, and raise MINOR.
A change of `x-privacy` is a break in either direction: towards `public` shows what people were told stays
hidden, away from it turns a value that readers join on into a hash or into nothing. A higher MAJOR may
break everything. The version is `x-version`, else the number at the end of `$id`.

Exit code: 0 compatible, 1 breaks, each named by path, 2 wrong usage, 3 a file cannot be read.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from _schema_changes import Change, changes
from _schema_forms import Node, SchemaUnreadableError, whole

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = ROOT / "shared/schema"
RELEASED = CONTRACTS / "released"

Version = tuple[int, int]


def broken(old: Node, new: Node) -> list[Change]:
    """What keeps *new* from standing beside *old*; nothing if MAJOR moved."""
    before, now = version(old), version(new)
    if before and now and now[0] > before[0]:
        return []
    found = changes(old, new)
    return [change for change in found if change.breaks] + list(_version_breaks(before, now, found))


def version(schema: Node) -> Version | None:
    """MAJOR and MINOR of *schema*, or None if it names none."""
    text = str(schema.get("x-version") or schema.get("$id", ""))
    found = re.search(r"(?:^|[:/_-])v?([0-9]+)(?:\.([0-9]+))?(?:\.[0-9]+)*(?:\.json)?#?$", text)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _version_breaks(before: Version | None, now: Version | None, found: list[Change]) -> Iterator[Change]:
    if not before or not now:
        return
    if now < before:
        yield Change(
            "$", f"the version went back from {before[0]}.{before[1]} to {now[0]}.{now[1]}", "readers"
        )
    elif now == before:
        for addition in (change for change in found if not change.breaks):
            message = f"{addition.message}, and MINOR is still {now[1]}"
            yield Change(addition.path, message, "readers that trust the version")


def schema_at(path: Path) -> Node:
    """The schema in the file at *path*, read to its leaves once, so that a fault in it shows here."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise SchemaUnreadableError(f"{path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise SchemaUnreadableError(f"{path}: is not JSON") from exc
    if not isinstance(found, dict):
        raise SchemaUnreadableError(f"{path}: is no schema object")
    whole(found, found)
    return found


def against_released() -> Iterator[Change]:
    """What the contracts break of the newest release of the same MAJOR, and releases that were edited."""
    for contract in sorted(CONTRACTS.glob("telemetry_*_v*.json")):
        released = max(RELEASED.glob(f"{contract.stem}.*.json"), key=_number, default=None)
        if released:
            yield from broken(schema_at(released), schema_at(contract))
    yield from edited_releases()


def _number(path: Path) -> list[int]:
    return [int(part) for part in re.findall("[0-9]+", path.stem)]


def edited_releases() -> Iterator[Change]:
    """Released files that are not what they were when they were first committed; nothing without git."""
    for name, commit in _first_commits().items():
        path, first = RELEASED / name, _git("show", f"{commit}:./{name}")
        if not path.exists():
            yield Change(name, f"was released in {commit[:8]} and is gone", "readers")
        elif path.read_text("utf-8") != first:
            yield Change(name, f"is not what was released in {commit[:8]}", "readers")


def _first_commits() -> dict[str, str]:
    log = _git(
        "log",
        "--diff-filter=A",
        "--no-renames",
        "--reverse",
        "--relative",
        "--name-only",
        "--format=%H",
        "--",
        ".",
    )
    first: dict[str, str] = {}
    commit = ""
    for line in (log or "").split():
        if line.endswith(".json"):
            first.setdefault(line, commit)
        elif re.fullmatch("[0-9a-f]{40,64}", line):
            commit = line
    return first


def _git(*arguments: str) -> str | None:
    """What git says in the folder of releases, or None if there is no git or no repository."""
    # In a hook git sets variables of its own, which would win over the folder.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *arguments]
    try:
        done = subprocess.run(
            command, cwd=RELEASED, env=outside, capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("schemas", nargs="*", type=Path, metavar="OLD NEW")
    parser.add_argument("--against-released", action="store_true", help="compare with the newest release")
    chosen = parser.parse_args()
    if len(chosen.schemas) != (0 if chosen.against_released else 2):
        parser.error("give OLD and NEW, or --against-released alone")
    try:
        found = (
            list(against_released()) if chosen.against_released else broken(*map(schema_at, chosen.schemas))
        )
    except SchemaUnreadableError as exc:
        print(exc, file=sys.stderr)
        return 3
    for change in found:
        print(change)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
