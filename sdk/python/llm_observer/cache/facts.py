"""What is kept of a piece once its text is gone? Some 80 bytes: hashes of its forms, places of its spans.

Two facts tell what changed between two pieces: the forms that are equal name the noise, the digests of the
spans name which of them changed, and the digests of the lines tell where other text begins to differ.
"""

import re
import struct
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from zlib import crc32

from llm_observer.cache.canonical import Breathe, Forms, exact, forms_of, leaves, text_of
from llm_observer.cache.estimate import estimate_of
from llm_observer.cache.pieces import Piece
from llm_observer.cache.prompt import KINDS, PieceKind
from llm_observer.cache.volatile import Span
from llm_observer.privacy import Hasher

__all__ = [
    "Facts",
    "KeptSpan",
    "changed_spans",
    "facts_of",
    "kinship",
    "share_before",
    "text_of_piece",
    "units",
    "with_estimate",
]

_HEAD = struct.Struct("<QQIIIIIIIIBBBII")
_SPAN = struct.Struct("<BHIHI")
MAX_SPANS = 96
_UNITS = (32,) * 8 + (64,) * 8 + (128,) * 8
"""UTF-8 bytes of text behind each of the first digests: a short message shows best where it grew."""
UNIT = 256
LONG_UNIT = 2048
"""The same for the following ones, and for those behind the first quarter of a megabyte."""
MANY = 1024
SKETCHED = 8
"""Sentences that stand for all of a text where two texts are compared: those with the lowest digests."""
LONG_TEXT = 512
"""UTF-8 bytes from which on a text is compared by sentences; below, by words."""
_SENTENCES = re.compile(rb"[\n.!?;]+\s*")
_LOW = 0xFFFFFFFF
_CAP = 0xFFFF
VOLATILE = (
    "timestamp",
    "date",
    "relative_time",
    "uuid",
    "ulid",
    "ksuid",
    "object_id",
    "snowflake",
    "request_id",
    "counter",
    "nonce",
    "random_number",
    "signed_url",
)


class KeptSpan(NamedTuple):
    """A volatile span without its text. leaf: which of the block's texts it is in."""

    kind: str
    leaf: int
    offset: int
    length: int
    digest: int


class Facts(bytes):
    """All that is known of a piece, packed. Equal facts are equal pieces."""

    __slots__ = ()

    @property
    def content(self) -> int:
        """64 bits of the piece as sent, its role included."""
        return int(_HEAD.unpack_from(self)[0])

    @property
    def stable(self) -> int:
        """64 bits of its most tolerant form."""
        return int(_HEAD.unpack_from(self)[1])

    @property
    def forms(self) -> tuple[int, int, int, int]:
        """32 bits each of the masked, spaced, unified and ordered form, the role included."""
        head = _HEAD.unpack_from(self)
        return head[2], head[3], head[4], head[5]

    @property
    def size(self) -> int:
        """UTF-8 bytes of the block."""
        return int(_HEAD.unpack_from(self)[6])

    @property
    def name(self) -> int:
        """32 bits of the tool's name or the call's id; 0 for none."""
        return int(_HEAD.unpack_from(self)[7])

    @property
    def bag(self) -> int:
        """32 bits of its sentences, in any order."""
        return int(_HEAD.unpack_from(self)[8])

    @property
    def estimate(self) -> int:
        """Tenths of a token that it is about."""
        return int(_HEAD.unpack_from(self)[9])

    @property
    def kind(self) -> PieceKind:
        """What it is."""
        return KINDS[int(_HEAD.unpack_from(self)[10])]

    @property
    def spans(self) -> tuple[KeptSpan, ...]:
        """Its volatile spans."""
        count = _HEAD.unpack_from(self)[11]
        start = _HEAD.size
        return tuple(
            KeptSpan(VOLATILE[kind], leaf, offset, length, digest)
            for kind, leaf, offset, length, digest in _SPAN.iter_unpack(
                self[start : start + count * _SPAN.size]
            )
        )

    def begins(self, text: bytes) -> bool:
        """Whether *text* goes on where the text of this piece ends."""
        size, digest = _HEAD.unpack_from(self)[13:]
        return bool(len(text) > size and crc32(memoryview(text)[:size]) == digest)

    @property
    def sketch(self) -> frozenset[bytes]:
        """Digests of some of its sentences, the same ones in a text that is nearly the same."""
        start, count = self._sketch_start(), _HEAD.unpack_from(self)[12]
        return frozenset(self[place : place + 4] for place in range(start, start + 4 * count, 4))

    @property
    def units(self) -> bytes:
        """Two bytes for each stretch of its text, in order."""
        return self[self._sketch_start() + 4 * _HEAD.unpack_from(self)[12] :]

    def _sketch_start(self) -> int:
        return _HEAD.size + int(_HEAD.unpack_from(self)[11]) * _SPAN.size


def facts_of(piece: Piece, hasher: Hasher, breathe: Breathe | None = None) -> Facts:
    """The facts of *piece*."""
    forms = forms_of(piece.value, breathe)
    role = piece.role.encode()
    spans = _spans(forms, hasher)
    text = text_of_piece(piece.value)
    split = text.split if len(text) < LONG_TEXT else partial(_SENTENCES.split, text)
    sentences = [crc32(part) for part in split() if part]
    sketch = sorted(set(sentences))[:SKETCHED] if len(sentences) > 1 else []
    head = _HEAD.pack(
        hasher.number(role + forms.exact),
        hasher.number(role + forms.stable),
        *(
            hasher.number(role + form) & _LOW
            for form in (forms.masked, forms.spaced, forms.unified, forms.ordered)
        ),
        min(len(forms.exact), _LOW),
        _name(piece.value, hasher),
        sum(sentences) & _LOW,
        min(estimate_of(piece.value, text), _LOW),
        KINDS.index(piece.kind),
        len(spans),
        len(sketch),
        min(len(text), _LOW),
        crc32(text),
    )
    digests = b"".join(digest.to_bytes(4, "little") for digest in sketch)
    return Facts(head + b"".join(spans) + digests + _unit_digests(text))


def with_estimate(facts: Facts, estimate: int) -> Facts:
    """*facts* of a piece whose tokens are known by other means."""
    head = list(_HEAD.unpack_from(facts))
    head[9] = min(estimate, _LOW)
    return Facts(_HEAD.pack(*head) + facts[_HEAD.size :])


def text_of_piece(value: Any) -> bytes:
    """What the digests of units are made of: a text block's text, else the block's JSON."""
    text = text_of(value)
    if text is None:
        found = [leaf.text for leaf in leaves(value)]
        text = found[0] if len(found) == 1 else None
    return exact(value) if text is None else text.encode("utf-8", "surrogatepass")


def units(text: bytes) -> list[int]:
    """Where each unit of *text* ends: after a line, where one ends in its last three quarters."""
    ends: list[int] = []
    start = 0
    while start < len(text):
        place = len(ends)
        size = _UNITS[place] if place < len(_UNITS) else UNIT if place < MANY else LONG_UNIT
        line_end = text.find(b"\n", start + size // 4, start + size)
        start = min(start + size, len(text)) if line_end < 0 else line_end + 1
        ends.append(start)
    return ends


def kinship(old: Facts, new: Facts) -> float:
    """About which share of the sentences of two texts is in both, from 0 to 1."""
    mine, theirs = new.sketch, old.sketch
    lowest = sorted(mine | theirs, key=lambda digest: digest[::-1])[:SKETCHED]
    return sum(digest in mine and digest in theirs for digest in lowest) / len(lowest) if lowest else 0.0


def share_before(facts: Facts, unit: int) -> float:
    """About which share of a piece's text stands before its unit number *unit*."""
    return _reach(unit) / max(_reach(len(facts.units) // 2), 1)


def _reach(count: int) -> int:
    return (
        sum(_UNITS[:count]) + UNIT * max(min(count, MANY) - len(_UNITS), 0) + LONG_UNIT * max(count - MANY, 0)
    )


def _unit_digests(text: bytes) -> bytes:
    view, start, digests = memoryview(text), 0, bytearray()
    for end in units(text):
        digests += (crc32(view[start:end]) & _CAP).to_bytes(2)
        start = end
    return bytes(digests)


def _spans(forms: Forms, hasher: Hasher) -> list[bytes]:
    packed: list[bytes] = []
    for place, (leaf, spans) in enumerate(forms.spans):
        text = leaf.text.encode("utf-8", "surrogatepass")
        packed += [_packed(place, span, text, hasher) for span in spans[: MAX_SPANS - len(packed)]]
    return packed


def _packed(place: int, span: Span, text: bytes, hasher: Hasher) -> bytes:
    content = text[span.offset : span.offset + span.length]
    digest = hasher.number(content) & _LOW
    return _SPAN.pack(
        VOLATILE.index(span.kind), min(place, _CAP), min(span.offset, _LOW), min(span.length, _CAP), digest
    )


def _name(value: Any, hasher: Hasher) -> int:
    """What names a tool, or links a call and its result: the same in both."""
    if not isinstance(value, dict):
        return 0
    inner = value.get("function")
    for holder in (value, inner if isinstance(inner, dict) else {}):
        for key in ("tool_use_id", "tool_call_id", "call_id", "name", "id"):
            name = holder.get(key)
            if isinstance(name, str):
                return hasher.number(name.encode("utf-8", "surrogatepass")) & _LOW
    return 0


def changed_spans(
    old: Sequence[KeptSpan], new: Sequence[KeptSpan], *, is_in_place: bool = True
) -> tuple[KeptSpan, ...]:
    """Those of *new* that differ from their counterparts; none, where the same ones changed places.

    All, where the numbers of spans differ. is_in_place: the text around them is the same; where it is not,
    there are no counterparts, and those are told that *old* has nowhere.
    """
    if len(old) != len(new):
        return tuple(new)
    unseen = _unseen(old, new)
    if not unseen or not is_in_place:
        return unseen
    return tuple(
        mine
        for theirs, mine in zip(old, new, strict=True)
        if (theirs.kind, theirs.digest) != (mine.kind, mine.digest)
    )


def _unseen(old: Sequence[KeptSpan], new: Sequence[KeptSpan]) -> tuple[KeptSpan, ...]:
    left = Counter((span.kind, span.digest) for span in old)
    unseen: list[KeptSpan] = []
    for span in new:
        left[span.kind, span.digest] -= 1
        if left[span.kind, span.digest] < 0:
            unseen.append(span)
    return tuple(unseen)
