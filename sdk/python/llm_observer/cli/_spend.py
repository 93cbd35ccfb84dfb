"""What was spent in the last minute, the last hour and in all? Per key, in memory that time bounds."""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from llm_observer.call import LLMCall
from llm_observer.cli._groups import MAX_GROUPS
from llm_observer.event import Event
from llm_observer.money import ZERO, add, billed_usd
from llm_observer.sinks.breakdowns import OTHER

__all__ = ["WINDOWS_S", "Spend", "SpendRow"]

WINDOWS_S: Mapping[str, int] = {"minute": 60, "hour": 3600}
_WIDTH_S = 5
"""Of a slice of time: how exact a window is."""


class _Sum:
    __slots__ = ("calls", "unpriced", "usd")

    def __init__(self) -> None:
        self.calls = self.unpriced = 0
        self.usd = ZERO

    def add(self, usd: Decimal | None) -> None:
        self.calls += 1
        if usd is None:
            self.unpriced += 1
        else:
            self.usd = add(self.usd, usd)

    def merge(self, other: "_Sum") -> None:
        self.calls += other.calls
        self.unpriced += other.unpriced
        self.usd = add(self.usd, other.usd)

    @property
    def known_usd(self) -> Decimal | None:
        return self.usd if self.calls > self.unpriced else None


class Window(NamedTuple):
    """Of one span. usd: what is known, None if nothing is; `unpriced` calls are not in it."""

    calls: int
    usd: Decimal | None
    unpriced: int


class SpendRow(NamedTuple):
    """One key. last_s: when its last call ended, seconds since the epoch."""

    name: str
    minute: Window
    hour: Window
    all: Window
    last_s: float


class _Slice(NamedTuple):
    number: int
    sums: dict[str, _Sum]


class Spend:
    """Adds calls up. A call counts at its end, which is when its event is written."""

    def __init__(self) -> None:
        self._all: dict[str, _Sum] = {}
        self._last: dict[str, float] = {}
        self._slices: deque[_Slice] = deque()

    def add(self, name: str, event: Event, call: LLMCall, *, now_s: float) -> None:
        """Count *call* under *name*."""
        if name not in self._all and len(self._all) >= MAX_GROUPS:
            name = OTHER
        usd, at_s = (ZERO if call.is_usage_repeated else billed_usd(call.cost)), _end_s(event, call)
        self._all.setdefault(name, _Sum()).add(usd)
        self._last[name] = max(at_s, self._last.get(name, at_s))
        if at_s > now_s - max(WINDOWS_S.values()):
            self._slice(at_s).setdefault(name, _Sum()).add(usd)

    def _slice(self, at_s: float) -> dict[str, _Sum]:
        """The sums of that time; calls of several processes come nearly in order."""
        number = int(at_s // _WIDTH_S)
        for one in reversed(self._slices):
            if one.number == number:
                return one.sums
            if one.number < number:
                break
        made = _Slice(number, {})
        at = sum(one.number < number for one in self._slices)
        self._slices.insert(at, made)
        return made.sums

    def rows(self, *, now_s: float) -> list[SpendRow]:
        """All keys: those with the most money in the last hour first, then in all."""
        self._forget(now_s)
        spans = {name: self._within(seconds, now_s) for name, seconds in WINDOWS_S.items()}
        rows = [
            SpendRow(
                name=name,
                **{span: _window(sums.get(name)) for span, sums in spans.items()},
                all=_window(total),
                last_s=self._last[name],
            )
            for name, total in self._all.items()
        ]
        return sorted(rows, key=_rank)

    def whole(self, *, now_s: float) -> SpendRow:
        """All keys in one row."""
        spans = {name: _merged(self._within(seconds, now_s)) for name, seconds in WINDOWS_S.items()}
        return SpendRow(
            name="all", **spans, all=_merged(self._all), last_s=max(self._last.values(), default=0.0)
        )

    def _forget(self, now_s: float) -> None:
        oldest = int((now_s - max(WINDOWS_S.values())) // _WIDTH_S)
        while self._slices and self._slices[0].number < oldest:
            self._slices.popleft()

    def _within(self, seconds: int, now_s: float) -> dict[str, _Sum]:
        sums: dict[str, _Sum] = {}
        for one in self._newer(int((now_s - seconds) // _WIDTH_S)):
            for name, part in one.sums.items():
                sums.setdefault(name, _Sum()).merge(part)
        return sums

    def _newer(self, oldest: int) -> Iterator[_Slice]:
        for one in reversed(self._slices):
            if one.number <= oldest:
                return
            yield one


def _end_s(event: Event, call: LLMCall) -> float:
    took_ms = None if call.timing is None else call.timing.duration_ms
    start_s = datetime.fromisoformat(event.time).timestamp()
    return start_s if took_ms is None else start_s + took_ms / 1000


def _window(found: _Sum | None) -> Window:
    return Window(0, ZERO, 0) if found is None else Window(found.calls, found.known_usd, found.unpriced)


def _merged(sums: Mapping[str, _Sum]) -> Window:
    whole = _Sum()
    for one in sums.values():
        whole.merge(one)
    return _window(whole) if whole.calls else Window(0, ZERO, 0)


def _rank(row: SpendRow) -> tuple[Decimal, Decimal, int, str]:
    hour, total = (ZERO if part.usd is None else part.usd for part in (row.hour, row.all))
    return hour.copy_negate(), total.copy_negate(), -row.all.calls, row.name
