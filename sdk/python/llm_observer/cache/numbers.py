"""Which numbers are times, counters, seeds or ids? Their own form says it, or the word in front."""

import re
from collections.abc import Callable, Iterator, Mapping

from llm_observer.cache import patterns as p
from llm_observer.cache.ids import (
    ID_BYTES,
    ID_WORD,
    KNOWN_PREFIX,
    NO_LABEL,
    VALUE,
    Label,
    label_of,
    names_an_id,
    token_span,
)
from llm_observer.cache.patterns import Span

__all__ = ["numbers", "weekdays"]

_CONTEXT_BYTES = 40
_BRACKETS = frozenset(b"([")
_PUNCTUATED = ("month", "weekday", "tail")
_SURE, _CLEAR, _LIKELY, _RARE, _HARMLESS = 0.45, 0.3, 0.2, 0.1, 0.0

Match = re.Match[bytes]


def numbers(data: bytes, start: int, end: int) -> tuple[list[Span], int]:
    """The spans whose first digit stands between *start* and *end*, and where to go on."""
    spans: list[Span] = []
    while digit := p.FIRST_DIGIT.search(data, start, end):
        at = digit.start()
        span = _in_word(data, at) if _is_in_word(data, at) else _number(data, at)
        if span:
            spans += (span, *_total(data, span))
            at = max(at, spans[-1].offset + spans[-1].length)
        start = _end(p.ALNUM_REST.match(data, at), at)
    return spans, start


def weekdays(data: bytes, start: int, end: int) -> Iterator[Span]:
    """English names of weekdays."""
    for found in p.WEEKDAY.finditer(data, start, end + _LONGEST_STEM):
        if found.start() >= end:
            return
        name = _WEEKDAY_START.search(data, max(0, found.start() - _LONGEST_STEM), found.end())
        if name:
            yield Span("date", name.start(), len(name[0]), _in_context(data, name.start(), _HARMLESS))


_LONGEST_STEM = len("Wednes")
_WEEKDAY_START = re.compile(rb"(?<![A-Za-z])[A-Z][a-z]{2,5}day\Z")


def _end(match: Match | None, at: int) -> int:
    return match.end() if match else at


def _total(data: bytes, span: Span) -> Iterator[Span]:
    """The 20 of "turn 7 of 20"."""
    total = p.TOTAL.match(data, span.offset + span.length) if span.kind == "counter" else None
    if total:
        yield Span("counter", total.start(1), len(total[1]), _HARMLESS)


def _is_in_word(data: bytes, at: int) -> bool:
    before = data[at - 1 : at]
    if before == b"-" and p.AFTER_CLOCK.fullmatch(data[at - 4 : at]):
        return False
    return before.isalpha() or (before in (b"_", b"-") and data[at - 2 : at - 1].isalnum())


def _in_word(data: bytes, at: int) -> Span | None:
    """What a number inside a word of id characters is part of."""
    head = data[max(0, at - _CONTEXT_BYTES) : at]
    start = at - len(head) + len(head.rstrip(ID_BYTES))
    word = ID_WORD.match(data, start)
    label = label_of(data, start)
    span = token_span(data, start, word[0]) if word and KNOWN_PREFIX.match(word[0]) else None
    if span or not word:
        return span
    if names_an_id(data, label):
        return _labelled(data, start, "request_id", 0.4)
    if label.role == "nonce":
        return _labelled(data, start, "nonce", 0.3)
    return _dated_name(data, at)


def _dated_name(data: bytes, at: int) -> Span | None:
    """The date in `report_2026-11-21.pdf`, the seconds in `log-1763716800`; never those of a model's name."""
    if data[at - 1 : at] == b"_":
        date = p.DATE.match(data, at)
        if date:
            return _dated(data, date, at)
    number = p.NUMBER.match(data, at)
    return _timed_number(number, NO_LABEL) if number and number["epoch"] else None


def _number(data: bytes, at: int) -> Span | None:
    before = data[at - 1 : at]
    if before in (b"+", b"$", b"@") or data[max(0, at - 3) : at].endswith(p.MONEY):
        return None
    if before in (b".", b",", b"/", b":") and data[at - 2 : at - 1].isdigit():
        return None
    label = label_of(data, at)
    if label.role not in _PUNCTUATED and (b"," in label.gap or b"." in label.gap):
        label = NO_LABEL
    by_label = _BY_ROLE.get(label.role)
    span = by_label(data, at, label) if by_label else None
    return span or (None if p.DULL.match(data, at) else _unlabelled(data, at, label))


def _unlabelled(data: bytes, at: int, label: Label) -> Span | None:
    if label.role == "not_time":
        return None
    date = p.DATE.match(data, at)
    if date and _is_dated(date):
        return _dated(data, date, label.start if _is_weekday(label) else at)
    number = p.NUMBER.match(data, at)
    if number:
        return _timed_number(number, label)
    ago = p.AGO.match(data, at)
    if ago and ago["ago"]:
        return Span("relative_time", at, len(ago[0]), 0.2)
    clock = p.CLOCK.match(data, at) if data[at - 1 : at] != b":" else None
    return Span("timestamp", at, len(clock[0]), _in_context(data, at, 0.05)) if clock else None


def _is_dated(date: Match) -> bool:
    """A month without a year is one only with a capital: not in "10 may be"."""
    month = date["m2"]
    return month is None or bool(date["y2"] or date["y3"]) or month[:1].isupper() or not month.isascii()


def _dated(data: bytes, date: Match, start: int) -> Span:
    timed = date["time"] or date.groupdict().get("compact")
    suspicion = _in_context(data, start, 0.3 if timed else 0.0)
    return Span("timestamp" if timed else "date", start, date.end() - start, suspicion)


def _in_context(data: bytes, start: int, suspicion: float) -> float:
    """Raised by words on the same line that say: now."""
    line = data[max(0, start - _CONTEXT_BYTES) : start].rpartition(b"\n")[2]
    return 0.45 if p.NOW.search(line) else suspicion


def _timed_number(number: Match, label: Label) -> Span | None:
    kind, text = number.lastgroup, number[0]
    if number["epoch"]:
        whole = text.partition(b".")[0]
        first, last = p.EPOCHS[len(whole)]
        if not first <= int(whole) < last or whole in p.NOT_EPOCHS or label.role == "call":
            return None
        return Span("timestamp", number.start(), len(text), 0.3)
    if kind == "fraction":
        return Span("random_number", number.start(), len(text), 0.3 if label.role == "seed" else 0.1)
    return Span("snowflake", number.start(), len(text), 0.1)


def _is_weekday(label: Label) -> bool:
    return label.role == "weekday" and not label.gap.strip(b" ,.")


def _labelled(data: bytes, at: int, kind: str, suspicion: float) -> Span | None:
    value = VALUE.match(data, at)
    return Span(kind, at, len(value[0]), suspicion) if value else None


def _by_month(data: bytes, at: int, label: Label) -> Span | None:
    del at
    date = p.MONTH_FIRST.match(data, label.start)
    if not date or not (date["y1"] or date["y2"] or date["m1"][:1].isupper()):
        return None
    before = label_of(data, label.start)
    return _dated(data, date, before.start if _is_weekday(before) else label.start)


def _by_id(data: bytes, at: int, label: Label) -> Span | None:
    if not names_an_id(data, label):
        return None
    number = p.NUMBER.match(data, at)
    kind = "snowflake" if number and number["snowflake"] else "request_id"
    return _labelled(data, at, kind, 0.4)


def _by_turn(data: bytes, at: int, label: Label) -> Span | None:
    figure = p.PLAIN.match(data, at) if not _BRACKETS.intersection(label.gap) else None
    return Span("counter", at, len(figure[0]), _LIKELY if label.gap != b" " else _RARE) if figure else None


def _by_call(data: bytes, at: int, label: Label) -> Span | None:
    """The 42 of "Request #42" and the 3 of "call: 3", but not "call 911" and "request 2 seats"."""
    if not any(mark in label.gap for mark in (b"#", b":", b"=", b">")):
        return None
    figure = p.PLAIN.match(data, at)
    return Span("counter", at, len(figure[0]), _CLEAR) if figure else None


def _by_tail(data: bytes, at: int, label: Label) -> Span | None:
    """The word before tells: "call number 12", `turn_count: 3`, `elapsed_ms=12`."""
    before = label_of(data, label.start)
    if before.role in ("turn", "call"):
        return _by_turn(data, at, label)
    by_label = {"uptime": _by_uptime, "seed": _by_seed, "random": _by_random}.get(before.role)
    return by_label(data, at, label) if by_label else None


def _by_uptime(data: bytes, at: int, label: Label) -> Span | None:
    del label
    amount = p.AGO.match(data, at) or p.CLOCK.match(data, at) or p.FIGURE.match(data, at)
    return Span("relative_time", at, len(amount[0]), _CLEAR) if amount else None


def _by_in(data: bytes, at: int, label: Label) -> Span | None:
    amount = p.AGO.match(data, at) if label.gap == b" " else None
    return Span("relative_time", label.start, amount.end() - label.start, _HARMLESS) if amount else None


def _by_il_y_a(data: bytes, at: int, label: Label) -> Span | None:
    start = label.start - len(b"il y ")
    is_phrase = start >= 0 and data[start : label.start].lower() == b"il y "
    return _by_in(data, at, label._replace(start=start)) if is_phrase else None


def _by_seed(data: bytes, at: int, label: Label) -> Span | None:
    figure = p.FIGURE.match(data, at) if b"(" not in label.gap else None
    return Span("random_number", at, len(figure[0]), _CLEAR) if figure else None


def _by_random(data: bytes, at: int, label: Label) -> Span | None:
    """The 12 of "random: 12", but not "random 12"."""
    return _by_seed(data, at, label) if b":" in label.gap or b"=" in label.gap else None


def _by_nonce(data: bytes, at: int, label: Label) -> Span | None:
    del label
    return _labelled(data, at, "nonce", _CLEAR)


_BY_ROLE: Mapping[str, Callable[[bytes, int, Label], Span | None]] = {
    "month": _by_month,
    "turn": _by_turn,
    "call": _by_call,
    "tail": _by_tail,
    "id": _by_id,
    "some_id": _by_id,
    "bare_id": _by_id,
    "uptime": _by_uptime,
    "in": _by_in,
    "il_y_a": _by_il_y_a,
    "seed": _by_seed,
    "random": _by_random,
    "nonce": _by_nonce,
}
"""What the word in front makes of a number."""
