"""Write the JSON Schemas of event and batch, and the event's table of fields, from the msgspec types.

python scripts/build_schema.py            write telemetry_{event,batch}_v1.json and docs/events.md
python scripts/build_schema.py --check    exit 1 if a file is not what the types give
python scripts/build_schema.py --release  also freeze these versions in shared/schema/released/
"""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from llm_observer.call import LLMCall
from llm_observer.event import BODIES, SCHEMA_VERSION, Event
from llm_observer.otel_names import COMMIT, name_of
from llm_observer.telemetry.batch import BATCH_VERSION, Batch

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "shared/schema/telemetry_event_v1.json"
BATCH = ROOT / "shared/schema/telemetry_batch_v1.json"
FROZEN = ROOT / "shared/schema/released"
RELEASED = FROZEN / f"telemetry_event_v{SCHEMA_VERSION}.json"
TABLE = ROOT / "docs/events.md"

Node = dict[str, Any]


def head(name: str, version: str) -> Node:
    """What a contract begins with."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:llm_observer:schema:{name}:{version}",
        "x-version": version,
    }


RULES = (
    "An absent field is unknown, or has its default where it names one; null is never written. "
    "Readers ignore fields that they do not know, skip events of a type that they do not know, and take a "
    "value that they do not know in an enum marked `x-open` for unknown. `x-privacy` is what a field may "
    "hold: `public` nothing a user or a model wrote, `hashed` a keyed hash, `opt_in_content` text that the "
    "app asked for; it speaks for what is inside too, unless that says its own."
)


def schema() -> Node:
    """The contract as the types give it: the envelope at the root, its parts in `$defs`."""
    raw = msgspec.json.schema(Event)
    _name_written_defaults(raw["$defs"]["LLMCall"], LLMCall)
    parts = {name: _clean(part) for name, part in sorted(raw["$defs"].items())}
    event: Node = parts.pop("Event")
    event["description"] = f"{event['description']} {RULES}"
    return (
        head("telemetry_event", SCHEMA_VERSION)
        | event
        | {"allOf": [_one_body(body) for body in BODIES], "$defs": parts}
    )


def batch_schema() -> Node:
    """The contract of a batch: an envelope around events, which follow a contract of their own."""
    batch: Node = _clean(msgspec.json.schema(Batch)["$defs"]["Batch"])
    return head("telemetry_batch", BATCH_VERSION) | batch


def _name_written_defaults(node: Node, part: type[msgspec.Struct]) -> None:
    """A default that is written all the same is made by a function, of which msgspec says nothing."""
    for field in msgspec.structs.fields(part):
        if inspect.isfunction(field.default_factory):
            node["properties"][field.encode_name]["default"] = field.default_factory()


def _one_body(body: str) -> Node:
    """`type` names the body, and no other body is there."""
    return {
        "if": {"properties": {"type": {"const": body}}, "required": ["type"]},
        "then": {"required": [body], "properties": {other: {"not": {}} for other in BODIES if other != body}},
    }


def _clean(node: Any) -> Any:
    """*node* without null branches and null defaults, and without unions of bare types."""
    if isinstance(node, list):
        return [_clean(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _clean(value) for key, value in node.items() if (key, value) != ("default", None)}
    branches = [branch for branch in kept.pop("anyOf", ()) if branch != {"type": "null"}]
    return kept | _union(branches)


def _union(branches: list[Node]) -> Node:
    if len(branches) < 2:  # noqa: PLR2004 - one branch, or none, is no union
        return branches[0] if branches else {}
    if any(branch.keys() != {"type"} for branch in branches):
        return {"anyOf": branches}
    types = {branch["type"] for branch in branches}
    types -= {"integer"} if "number" in types else set()
    return {"type": types.pop() if len(types) == 1 else sorted(types)}


def fields(node: Node, parts: Mapping[str, Node], above: str = "") -> Iterator[tuple[str, Node]]:
    """Every field below *node* with its dotted path, containers before what they hold."""
    for name, field in node.get("properties", {}).items():
        path = f"{above}{name}"
        yield path, field
        target = field.get("$ref") or field.get("items", {}).get("$ref")
        if target:
            suffix = "[]." if "items" in field else "."
            yield from fields(parts[target.removeprefix("#/$defs/")], parts, path + suffix)


def table() -> str:
    """docs/events.md."""
    contract = schema()
    rows = [_row(path, field) for path, field in fields(contract, contract["$defs"])]
    return PAGE.format(version=SCHEMA_VERSION, commit=COMMIT, short=COMMIT[:8], rows="\n".join(rows))


def _row(path: str, field: Node) -> str:
    cells = (
        f"`{path}`",
        _type(field),
        f"`{field['x-privacy']}`",
        field["description"],
        _attribute(path, field),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(field: Node) -> str:
    """What the value is, in words: `integer >= 0`, `list of string`, one of some words."""
    if "enum" in field:
        more = ", later perhaps more" if field.get("x-open") else ""
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"]) + more
    if "$ref" in field:
        return "object"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("type") == "object":
        return f"map to {_type(field['additionalProperties'])}"
    kind = field["type"] if isinstance(field["type"], str) else " or ".join(field["type"])
    return kind + (f" >= {field['minimum']}" if "minimum" in field else "")


def _attribute(path: str, field: Node) -> str:
    if "$ref" in field or "[]." in path:
        return ""
    name = name_of(path)
    key = name.key.strip("()") if name.key.startswith("(") else f"`{name.key}`"
    return f"{key} ({name.note})" if name.note else key


PAGE = """\
# Fields of an event

<!-- Written by scripts/build_schema.py from the types; edit those. -->

Version {version} of the contract, [`telemetry_event_v1.json`](../shared/schema/telemetry_event_v1.json).
Examples of every type: [schema-examples.md](schema-examples.md).

- **Absent means unknown**, or the default that the schema names. Zero means zero; null is never written.
- **Exactly one body** is there: the one named like `type`.
- **Privacy class.** `public`: nothing that a user or a model wrote. `hashed`: a keyed hash, which links equal
  values and shows none. `opt_in_content`: text, bounded and scrubbed, absent unless the app asked for it.
- **Versions.** `schema_version` is `MAJOR.MINOR`. A new optional field, a new type with its body, or a new
  value of an enum that says "later perhaps more" raises MINOR; readers ignore what they do not know.
  Anything else raises MAJOR. `scripts/check_schema_compat.py` holds us to it.
- **OpenTelemetry.** The last column is the attribute that carries the field, one to one. The GenAI
  conventions have no tagged release; the names follow commit
  [`{short}`](https://github.com/open-telemetry/semantic-conventions-genai/tree/{commit}) of
  `open-telemetry/semantic-conventions-genai`. What they lack is ours, under `llm_observer.*`. Objects and the
  entries of lists have no attribute of their own.

| field | type | privacy | description | OpenTelemetry attribute |
| --- | --- | --- | --- | --- |
{rows}
"""


def _text(contract: Node) -> str:
    text = json.dumps(contract, indent=2, ensure_ascii=False)
    return re.sub(r"\[\s+([^][{}]{1,80}?)\s+\]", _one_line, text) + "\n"


def _one_line(match: re.Match[str]) -> str:
    """A short list on one line, so that the file can be read."""
    return "[" + re.sub(r"\s*\n\s*", " ", match[1]) + "]"


FILES: dict[Path, Callable[[], str]] = {
    SCHEMA: lambda: _text(schema()),
    BATCH: lambda: _text(batch_schema()),
    TABLE: table,
}
RELEASES = {RELEASED: FILES[SCHEMA], FROZEN / f"telemetry_batch_v{BATCH_VERSION}.json": FILES[BATCH]}


def stale() -> list[Path]:
    """Files that are not what the types give."""
    return [path for path, text in FILES.items() if not path.exists() or path.read_text("utf-8") != text()]


def write() -> None:
    """Write every file that the types give."""
    for path, text in FILES.items():
        path.write_text(text(), "utf-8")


def release() -> int:
    """Freeze these versions; 1 if one is frozen already and says something else."""
    for path, text in RELEASES.items():
        if path.exists() and path.read_text("utf-8") != text():
            print(f"{path.name} is released already: raise its version", file=sys.stderr)
            return 1
        path.write_text(text(), "utf-8")
    return 0


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    modes.add_argument("--release", action="store_true", help="also freeze this version")
    chosen = parser.parse_args()
    if chosen.check:
        for path in (wrong := stale()):
            print(f"{path.relative_to(ROOT)} is stale: run python scripts/build_schema.py", file=sys.stderr)
        return 1 if wrong else 0
    write()
    return release() if chosen.release else 0


if __name__ == "__main__":
    sys.exit(main())
