"""How does a request become numbers? Its pieces' facts, chained hashes and markers; no text outlives this."""

from collections.abc import Sequence
from sys import intern
from typing import Any, NamedTuple

import msgspec

from llm_observer.cache.canonical import Breathe
from llm_observer.cache.facts import Facts, facts_of, text_of_piece
from llm_observer.cache.pieces import TTLS, split
from llm_observer.cache.prompt import Marker, Mode
from llm_observer.cache.settings import Level, Settings
from llm_observer.decoded import Decoded, Segment
from llm_observer.privacy import Hasher

__all__ = ["MEMO_BYTES", "Intake", "Part", "Pieces", "chained", "with_system_first"]

MEMO_BYTES = 4 * 1024 * 1024
MEMO_S = 1800.0
"""After so long, segments that no request has had in that time and before are forgotten."""
PER_SEGMENT, PER_PART = 200, 160
"""Bytes beside the facts; measured with CPython 3.11."""
PRIME = (1 << 61) - 1
STEP = 0x1E3779B97F4A7C15
LEVELS: tuple[Level, ...] = ("tools", "system", "messages")
TOOLS = frozenset({"tool", "schema"})
INSTRUCTIONS = frozenset({"system", "developer"})
RETENTIONS = {"24h": 86400, "in_memory": 600, "in-memory": 600}


class Part(NamedTuple):
    """A piece of a segment, in a form that can be kept. path: below the segment's."""

    path: str
    facts: Facts
    marker_ttl_s: int | None


class Pieces(NamedTuple):
    """A request. parts: which piece of which segment; the lists have an entry for each piece."""

    segments: Sequence[Segment]
    owners: list[int]
    parts: list[Part]
    facts: list[Facts]
    messages: list[int]
    markers: list[Marker]
    mode: Mode | None
    ttl_s: int | None

    def path(self, piece: int) -> str:
        """Its JSON path in the request; of what the provider puts in front, the field that names it."""
        if self.owners[piece] < 0:
            return "previous_response_id"
        return self.segments[self.owners[piece]].path + self.parts[piece].path

    def value(self, piece: int) -> Any:
        """The block itself, read again from the request."""
        owner = self.owners[piece]
        return split(self.segments[owner])[piece - self.owners.index(owner)].value

    def begins_with(self, piece: int, old: Facts) -> bool:
        """Whether the text of *piece* is that of *old*, and more."""
        return self.owners[piece] >= 0 and old.begins(text_of_piece(self.value(piece)))


class Intake:
    """Digests requests, each new segment once.

    breathe: called between stretches of work. max_bytes: of what is kept of the segments seen.
    """

    def __init__(
        self, hasher: Hasher, breathe: Breathe | None = None, *, max_bytes: int = MEMO_BYTES
    ) -> None:
        self._max_bytes = max_bytes
        self._hasher = hasher
        self._breathe = breathe
        self._memo: dict[int, tuple[Part, ...]] = {}
        self._older: dict[int, tuple[Part, ...]] = {}
        self._size = self._older_size = 0
        self._since_s = 0.0

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about."""
        return self._size + self._older_size

    def pieces(self, decoded: Decoded, now_s: float = 0.0) -> Pieces:
        """The pieces of a request that was made at *now_s*."""
        if now_s - self._since_s > MEMO_S or self._size > self._max_bytes // 2:
            self._age(now_s)
        owners: list[int] = []
        parts: list[Part] = []
        messages: list[int] = []
        ordinal = -1
        for place, segment in enumerate(decoded.segments):
            own = self._parts(segment)
            ordinal += segment.kind in {"message", "input"}
            owners += [place] * len(own)
            parts += own
            messages += [-1 if segment.kind in {"tool", "system"} else ordinal] * len(own)
        markers = [
            Marker(place, part.marker_ttl_s or None)
            for place, part in enumerate(parts)
            if part.marker_ttl_s is not None
        ]
        mode, ttl_s = _mode(decoded)
        return Pieces(
            decoded.segments, owners, parts, [part.facts for part in parts], messages, markers, mode, ttl_s
        )

    def _parts(self, segment: Segment) -> tuple[Part, ...]:
        number = self._hasher.number
        mark = number(segment.kind.encode() + memoryview(segment.raw).tobytes())
        known = self._memo.get(mark)
        if known is not None:
            return known
        parts = self._older.pop(mark, None)
        if parts is not None:
            self._older_size -= _size(parts)
        else:
            parts = tuple(
                Part(intern(piece.path), facts_of(piece, self._hasher, self._breathe), piece.marker_ttl_s)
                for piece in split(segment)
            )
        self._memo[mark] = parts
        self._size += _size(parts)
        return parts

    def _age(self, now_s: float) -> None:
        """Forget what was not used since the last time."""
        self._older, self._older_size = self._memo, self._size
        self._memo, self._size, self._since_s = {}, 0, now_s


def _size(parts: Sequence[Part]) -> int:
    return PER_SEGMENT + sum(PER_PART + len(part.facts) for part in parts)


def with_system_first(pieces: Pieces) -> Pieces:
    """*pieces* with the system text that follows the tools before them."""
    kinds = [facts.kind for facts in pieces.facts]
    tools = next((at for at, kind in enumerate(kinds) if kind not in TOOLS), len(kinds))
    until = next((at for at in range(tools, len(kinds)) if kinds[at] not in INSTRUCTIONS), len(kinds))
    order = [*range(tools, until), *range(tools), *range(until, len(kinds))]
    where = {old: new for new, old in enumerate(order)}
    return pieces._replace(
        owners=[pieces.owners[at] for at in order],
        parts=[pieces.parts[at] for at in order],
        facts=[pieces.facts[at] for at in order],
        messages=[pieces.messages[at] for at in order],
        markers=sorted(marker._replace(position=where[marker.position]) for marker in pieces.markers),
    )


def chained(settings: Settings, pieces: Pieces) -> tuple[list[int], list[int]]:
    """The chained hashes of a request, and those of its most tolerant form, one for each piece."""
    keys, stable = [], []
    key = soft = settings.salts["tools"] % PRIME
    level: Level = "tools"
    for facts, message in zip(pieces.facts, pieces.messages, strict=True):
        now: Level = "messages" if message >= 0 else "tools" if facts.kind == "tool" else "system"
        while LEVELS.index(level) < LEVELS.index(now):
            level = LEVELS[LEVELS.index(level) + 1]
            key, soft = _link(key, settings.salts[level]), _link(soft, settings.salts[level])
        key, soft = _link(key, facts.content), _link(soft, facts.stable)
        keys.append(key)
        stable.append(soft ^ 1)
    return keys, stable


def _link(key: int, content: int) -> int:
    """A polynomial over keyed hashes: nobody can aim at a collision without the key."""
    return (key * STEP + content + 1) % PRIME


def _mode(decoded: Decoded) -> tuple[Mode | None, int | None]:
    """What the request says about caching as a whole."""
    settings = {name: _loaded(raw) for name, raw in decoded.settings.items() if "cache" in name}
    control = settings.get("cache_control")
    if isinstance(control, dict):
        return "automatic", TTLS.get(str(control.get("ttl")))
    options = settings.get("prompt_cache_options")
    options = options if isinstance(options, dict) else {}
    ttl = TTLS.get(str(options.get("ttl")), RETENTIONS.get(str(settings.get("prompt_cache_retention"))))
    said = options.get("mode")
    return ("explicit" if said == "explicit" else "implicit" if said == "implicit" else None), ttl


def _loaded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return None
