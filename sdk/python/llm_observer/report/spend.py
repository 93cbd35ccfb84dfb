"""When was the money spent? Bars of equal time, as fine as the whole span allows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from llm_observer.call import LLMCall
from llm_observer.report.tally import Tally

__all__ = ["Bar", "OverTime", "Spend"]

MAX_BARS = 72
WIDTHS_S = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86_400, 7 * 86_400)
"""A minute to a week; beyond that it doubles."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that began at `start_s` or within the width after it."""

    start_s: int
    calls: int
    cost_usd: Decimal
    unpriced: int
    missed_usd: Decimal
    missed_unpriced: int


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """Bars without holes, in order."""

    width_s: int
    bars: tuple[Bar, ...]


class OverTime:
    """Counts calls by time. The bars get wider as soon as there would be too many."""

    def __init__(self) -> None:
        self._width_s = WIDTHS_S[0]
        self._tallies: dict[int, Tally] = {}

    def add(self, call: LLMCall, at_s: float) -> None:
        """Count *call*, which began at *at_s*."""
        place = int(at_s // self._width_s)
        self._tallies.setdefault(place, Tally()).add(call)
        while max(self._tallies) - min(self._tallies) >= MAX_BARS:
            self._widen()

    def _widen(self) -> None:
        wider = next((width for width in WIDTHS_S if width > self._width_s), 2 * self._width_s)
        tallies: dict[int, Tally] = {}
        for place, tally in self._tallies.items():
            tallies.setdefault(place * self._width_s // wider, Tally()).merge(tally)
        self._width_s, self._tallies = wider, tallies

    def spend(self) -> Spend:
        """All of it."""
        return Spend(width_s=self._width_s, bars=tuple(self._bars()))

    def _bars(self) -> Iterator[Bar]:
        if not self._tallies:
            return
        for place in range(min(self._tallies), max(self._tallies) + 1):
            tally = self._tallies.get(place, Tally())
            yield Bar(
                start_s=place * self._width_s,
                calls=tally.counts["calls"],
                cost_usd=tally.cost_usd,
                unpriced=tally.counts["unpriced"],
                missed_usd=tally.missed.usd,
                missed_unpriced=tally.missed.unpriced,
            )
