"""Which numbers count calls, steps or what is left of a budget?"""

from collections.abc import Iterator

from llm_observer.cache import patterns as p
from llm_observer.cache.labels import Label, has_sign, label_of
from llm_observer.cache.patterns import Span

__all__ = ["by_call", "by_counted", "by_turn", "by_used", "is_left", "total_of"]

_BRACKETS = frozenset(b"([")
_LABEL_BYTES = 40
_LINE_STARTS = b" \t#*>-([`"
_CLEAR, _LIKELY, _RARE, _HARMLESS = 0.3, 0.2, 0.1, 0.0


def total_of(data: bytes, span: Span) -> Iterator[Span]:
    """The 20 of "turn 7 of 20"."""
    total = p.TOTAL.match(data, span.offset + span.length) if span.kind == "counter" else None
    if total:
        yield Span("counter", total.start(1), len(total[1]), _HARMLESS)


def by_turn(data: bytes, at: int, label: Label) -> Span | None:
    """The 7 of "turn 7", but not of "turn (7 more)"."""
    figure = p.PLAIN.match(data, at) if not _BRACKETS.intersection(label.gap) else None
    return Span("counter", at, len(figure[0]), _LIKELY if label.gap != b" " else _RARE) if figure else None


def by_call(data: bytes, at: int, label: Label) -> Span | None:
    """The 42 of "Request #42", the 3 of "call: 3" and "Message 3 of 40", the 7 of a line "Request 7".

    Not "call 911", "call 24/7" and "request 2 seats".
    """
    figure = p.PLAIN.match(data, at)
    if not figure:
        return None
    if has_sign(label):
        return Span("counter", at, len(figure[0]), _CLEAR)
    is_one = label.gap == b" " and (_is_part(data, at) or _is_heading(data, figure.end(), label))
    return Span("counter", at, len(figure[0]), _RARE) if is_one else None


def _is_part(data: bytes, at: int) -> bool:
    """Whether a number and its total stand here, the total being no less."""
    count = p.COUNT.match(data, at)
    total = p.TOTAL.match(data, count.end()) if count else None
    return bool(count and total and _value(count[0]) <= _value(total[1]))


def _value(count: bytes) -> int:
    return int(count.replace(b",", b""))


def _is_heading(data: bytes, end: int, label: Label) -> bool:
    """Whether a line starts with the label and has no more words: calling a number looks the same."""
    head, name = data[max(0, label.start - _LABEL_BYTES) : label.start], data[label.start : label.start + 4]
    starts = not head.rpartition(b"\n")[2].strip(_LINE_STARTS)
    return starts and name[:1].isupper() and name.lower() != b"call" and bool(p.HEADING_END.match(data, end))


def by_used(data: bytes, at: int, label: Label) -> Span | None:
    """What is used or left: "Tokens used: 2,326", "usage: 3/10", "remaining: 7 steps", "time left: 2 min"."""
    count = p.COUNT.match(data, at) if has_sign(label) else None
    before = label_of(data, label.start).role if count else ""
    if before == "clock":
        amount = p.AGO.match(data, at)
        return Span("relative_time", at, len(amount[0]), _CLEAR) if amount else None
    is_one = count and (before in _COUNTED or _is_part(data, at) or p.COUNTED.match(data, count.end()))
    return Span("counter", at, len(count[0]), _CLEAR) if count and is_one else None


_COUNTED = ("counted", "turn", "call")


def by_counted(data: bytes, at: int, label: Label) -> Span | None:
    """The same the other way round: "Remaining steps: 5", "tool calls: 17/25"."""
    count = p.COUNT.match(data, at) if has_sign(label) else None
    is_one = count and (label_of(data, label.start).role == "used" or _is_part(data, at))
    return Span("counter", at, len(count[0]), _CLEAR) if count and is_one else None


def is_left(data: bytes, at: int) -> Span | None:
    """The 5 of "You have 5 steps left"."""
    left = p.LEFT.match(data, at)
    return Span("counter", at, len(left[1]), _LIKELY) if left else None
