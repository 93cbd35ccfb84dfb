"""Which numbers are times, counters, seeds or ids? Their own form says it, or the word in front."""

import re
from collections.abc import Callable, Iterator, Mapping

from llm_observer.cache import patterns as p
from llm_observer.cache.counters import by_call, by_counted, by_turn, by_used, is_left, total_of
from llm_observer.cache.ids import ID_BYTES, ID_WORD, KNOWN_PREFIX, is_like_an_id, token_span, value_at
from llm_observer.cache.labels import LETTERS, NO_LABEL, Label, hints_at_an_id, label_of, names_an_id
from llm_observer.cache.patterns import Span

__all__ = ["numbers", "weekdays", "whiles"]

_CONTEXT_BYTES = 40
_PUNCTUATED = ("month", "weekday", "tail")
_ID_ROLES = ("id", "some_id", "bare_id", "call")
_CLEAR, _LIKELY, _HARMLESS = 0.3, 0.2, 0.0

Match = re.Match[bytes]


def numbers(data: bytes, start: int, end: int) -> tuple[list[Span], int]:
    """The spans whose first digit stands between *start* and *end*, and where to go on."""
    spans: list[Span] = []
    while digit := p.FIRST_DIGIT.search(data, start, end):
        at = digit.start()
        span = _in_word(data, at) if _is_in_word(data, at) else _number(data, at)
        if span:
            spans += (span, *total_of(data, span))
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


def whiles(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The spans of time without a digit whose "ago" stands between *start* and *end*."""
    at = data.find(_AGO, start, end + len(_AGO) - 1)
    while at >= 0:
        after = at + len(_AGO)
        found = p.A_WHILE.search(data, max(0, at - _CONTEXT_BYTES), at)
        if found and not data[after : after + 1].isalpha():
            yield Span("relative_time", found.start(), after - found.start(), _LIKELY)
        at = data.find(_AGO, after, end + len(_AGO) - 1)


_AGO = b" ago"
_LONGEST_STEM = len("Wednes")
_WEEKDAY_START = re.compile(rb"(?<![A-Za-z])[A-Z][a-z]{2,5}day\Z")


def _end(match: Match | None, at: int) -> int:
    return match.end() if match else at


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
    if label is not NO_LABEL and (names_an_id(data, label) or _is_hinted(data, start, label)):
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
    if before in (b"+", b"$", b"@") and data[at - 2 : at] != b"<@":  # a mention in Discord
        return None
    if data[max(0, at - 3) : at].endswith(p.MONEY):
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
    if date and _is_dated(date) and not (date["short"] and not _is_short_date(data, date, label)):
        return _dated(data, date, _start_of_weekday(data, label) if _is_weekday(label) else at)
    number = p.NUMBER.match(data, at)
    if number:
        return _timed_number(number, label)
    ago = p.AGO.match(data, at)
    if ago and (ago["ago"] is not None or ago["before"]):
        hedge = p.HEDGE.search(data, max(0, at - _CONTEXT_BYTES), at)
        start = hedge.start() if hedge else at
        return Span("relative_time", start, ago.end() - start, _LIKELY)
    return is_left(data, at) or _clock(data, at)


def _clock(data: bytes, at: int) -> Span | None:
    clock = p.CLOCK.match(data, at) if data[at - 1 : at] != b":" else None
    if not clock:
        return None
    half = p.CLOCK_STARTS.search(data, max(0, at - _CONTEXT_BYTES), at)
    start = half.start() if half else at
    return Span("timestamp", start, clock.end() - start, _in_context(data, start, 0.05))


def _is_short_date(data: bytes, date: Match, label: Label) -> bool:
    """Whether 21.11.26 is a date: else it may be a version."""
    if date["time"] or label.role == "date" or _is_weekday(label):
        return True
    return p.TODAY.search(data[max(0, date.start() - _CONTEXT_BYTES) : date.start()].lower()) is not None


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
    return 0.45 if p.NOW.search(line.lower()) else suspicion


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
    if _is_nanoseconds(number, label):
        return Span("timestamp", number.start(), len(text), _CLEAR)
    return Span("snowflake", number.start(), len(text), 0.1)


def _is_nanoseconds(number: Match, label: Label) -> bool:
    """Whether it is a time in ns; ids of X are as long: without a label, only the years of now count."""
    before = number.string[number.start() - 1 : number.start()]
    if label.role in _ID_ROLES or before in (b"/", b"@", b"&", b"!"):
        return False
    first, last = p.NANOSECONDS if label.role == "clock" else p.NANOSECONDS_NOW
    return first <= int(number[0]) < last


def _start_of_weekday(data: bytes, label: Label) -> int:
    """Its first letter, and that of `segunda-feira`."""
    head = data[max(0, label.start - _CONTEXT_BYTES) : label.start]
    return label.start - len(head) + len(head[:-1].rstrip(LETTERS)) if head.endswith(b"-") else label.start


def _is_weekday(label: Label) -> bool:
    return label.role == "weekday" and not label.gap.strip(b" ,.")


def _labelled(data: bytes, at: int, kind: str, suspicion: float) -> Span | None:
    value = value_at(data, at)
    return Span(kind, value[0], value[1] - value[0], suspicion) if value else None


def _is_hinted(data: bytes, at: int, label: Label) -> bool:
    """Whether an id may stand here by what is in front, and does by its form."""
    value = value_at(data, at) if hints_at_an_id(data, label) else None
    return value is not None and is_like_an_id(data[slice(*value)].strip(b"_-"))


def _by_date(data: bytes, at: int, label: Label) -> Span | None:
    """The whole of `datetime.date(2026, 11, 21)`."""
    call = p.DATE_CALL.match(data, at) if label.gap == b"(" else None
    if not call:
        return None
    module = data[max(0, label.start - len(_MODULE)) : label.start]
    return _dated(data, call, label.start - len(_MODULE) * (module == _MODULE))


_MODULE = b"datetime."


def _by_month(data: bytes, at: int, label: Label) -> Span | None:
    del at
    date = p.MONTH_FIRST.match(data, label.start)
    if not date or not (date["y1"] or date["y2"] or date["m1"][:1].isupper()):
        return None
    before = label_of(data, label.start)
    return _dated(data, date, _start_of_weekday(data, before) if _is_weekday(before) else label.start)


def _by_id(data: bytes, at: int, label: Label) -> Span | None:
    if not names_an_id(data, label) and not _is_hinted(data, at, label):
        return None
    number = p.NUMBER.match(data, at)
    kind = "snowflake" if number and number["snowflake"] else "request_id"
    return _labelled(data, at, kind, 0.4)


def _by_tail(data: bytes, at: int, label: Label) -> Span | None:
    """The word before tells: "call number 12", `turn_count: 3`, `elapsed_ms=12`."""
    before = label_of(data, label.start)
    if before.role in ("turn", "call"):
        return by_turn(data, at, label)
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
    "turn": by_turn,
    "call": by_call,
    "counted": by_counted,
    "used": by_used,
    "tail": _by_tail,
    "date": _by_date,
    "id": _by_id,
    "some_id": _by_id,
    "bare_id": _by_id,
    "is": _by_id,
    "uptime": _by_uptime,
    "in": _by_in,
    "il_y_a": _by_il_y_a,
    "seed": _by_seed,
    "random": _by_random,
    "nonce": _by_nonce,
}
"""What the word in front makes of a number."""
