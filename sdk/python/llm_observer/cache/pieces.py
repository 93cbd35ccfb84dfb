"""What are the pieces of a prompt? Blocks in wire order, each with its JSON path, its kind and its marker.

Two equivalences are proven, and no other is applied: a text given as a string is the same prompt as one text
block, and a cache marker is no content (Anthropic prompt-caching guide and the recorded usage of 62 of 62
calls, November 2026). The order of keys inside a block stays as sent: in a tool's schema it is significant.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from llm_observer.cache.prompt import PieceKind
from llm_observer.decoded import Segment

__all__ = ["Piece", "split"]

MARKERS = ("cache_control", "prompt_cache_breakpoint")
TTLS: Mapping[str, int] = {"5m": 300, "1h": 3600, "30m": 1800, "12h": 43200}
_TEXTS = {"input_text": "text", "output_text": "text"}
_ROLES: Mapping[str, PieceKind] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool_result",
    "function": "tool_result",
}
_LISTS = ("content", "tool_calls")
MAX_DEPTH = 100
"""Levels of a block, far below those at which Python gives up."""


class Piece(NamedTuple):
    """One block. value: as sent, markers left out; it holds text and lives only while a call is diagnosed.

    path: below its segment (`.content[1]`), or empty where the segment is the block.
    marker_ttl_s: lifetime that a marker on it asks for; 0 for a marker without one; None: no marker.
    """

    path: str
    kind: PieceKind
    role: str
    value: Any
    marker_ttl_s: int | None = None


def split(segment: Segment) -> list[Piece]:
    """The pieces of *segment*, at least one."""
    value = _loaded(segment.raw)
    if segment.kind == "tool":
        return [_piece("", "tool", "", value)]
    if segment.kind == "system":
        return [_block("", "system", "system", value)]
    if not isinstance(value, dict):
        return [_block("", "user", "user", value)]
    return list(_message(value))


def _loaded(raw: msgspec.Raw) -> Any:
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):  # strict UTF-8 or depth: still a block, of unknown inside
        return _undecodable(raw)
    return _undecodable(raw) if _is_deep(value, MAX_DEPTH) else value


def _undecodable(raw: msgspec.Raw) -> Any:
    return {"type": "undecodable", "text": bytes(raw).decode("utf-8", "backslashreplace")}


def _is_deep(value: Any, depth: int) -> bool:
    """Whether *value* is nested deeper than *depth*."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return depth == 0 or any(_is_deep(inner, depth - 1) for inner in value)


def _message(message: dict[str, Any]) -> Iterator[Piece]:
    """A message's blocks: its content, then its tool calls; what else it says goes with the first."""
    role = message.get("role")
    if not isinstance(role, str):
        item = str(message.get("type"))
        yield _piece("", _kind(item, "assistant"), "", message)
        return
    rest = {name: value for name, value in message.items() if name not in {"role", "type", *_LISTS, *MARKERS}}
    rest = {name: value for name, value in rest.items() if value is not None}
    kind = _ROLES.get(role, "user")
    blocks = [block for name in _LISTS for block in _listed(name, kind, role, message.get(name))]
    if not blocks:
        blocks = [_piece("", kind, role, None)]
    first = blocks[0]
    if rest:
        blocks[0] = first._replace(value={**rest, "": first.value})
    ttl = _own_marker(message)
    if ttl is not None:
        blocks[-1] = blocks[-1]._replace(marker_ttl_s=ttl)
    yield from blocks


def _listed(name: str, kind: PieceKind, role: str, value: Any) -> Iterator[Piece]:
    if value is None:
        return
    inner: PieceKind = "tool_use" if name == "tool_calls" else kind
    if not isinstance(value, list):
        yield _block(f".{name}", inner, role, value)
        return
    for place, item in enumerate(value):
        yield _block(f".{name}[{place}]", inner, role, item)


def _block(path: str, kind: PieceKind, role: str, value: Any) -> Piece:
    """A content block; a plain string is the same as one text block."""
    if isinstance(value, str):
        return Piece(path, kind, role, {"type": "text", "text": value})
    if isinstance(value, dict):
        return _piece(path, _kind(str(value.get("type")), kind), role, value)
    return Piece(path, kind, role, value)


def _piece(path: str, kind: PieceKind, role: str, value: Any) -> Piece:
    if not isinstance(value, dict):
        return Piece(path, kind, role, value)
    ttl = _marker(value)
    bare = _without_markers(value)
    if bare.get("type") in _TEXTS:
        bare = {**bare, "type": _TEXTS[bare["type"]]}
    return Piece(path, kind, role, bare, ttl)


def _kind(block_type: str, otherwise: PieceKind) -> PieceKind:
    if block_type in {"thinking", "redacted_thinking", "reasoning"}:
        return "thinking"
    if block_type.endswith(("tool_result", "_output")):
        return "tool_result"
    if block_type.endswith(("tool_use", "function_call", "_call")):
        return "tool_use"
    return otherwise


def _marker(block: Mapping[str, Any]) -> int | None:
    """The lifetime that a block's marker asks for; one on a part of a tool result stands on the result."""
    nested = block.get("content")
    parts = nested if isinstance(nested, list) else []
    found = [_own_marker(one) for one in (*parts, block) if isinstance(one, dict)]
    return next((ttl for ttl in reversed(found) if ttl is not None), None)


def _own_marker(value: Mapping[str, Any]) -> int | None:
    for name in MARKERS:
        marker = value.get(name)
        if isinstance(marker, dict):
            return TTLS.get(str(marker.get("ttl")), 0)
    return None


def _without_markers(value: dict[str, Any]) -> dict[str, Any]:
    bare = {name: inner for name, inner in value.items() if name not in MARKERS}
    nested = bare.get("content")
    if isinstance(nested, list):
        bare["content"] = [_without_markers(item) if isinstance(item, dict) else item for item in nested]
    elif isinstance(nested, str) and "type" in bare and bare["type"] == "tool_result":
        bare["content"] = [{"type": "text", "text": nested}]
    return bare
