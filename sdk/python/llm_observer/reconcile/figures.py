"""How are both sides added up? Counts by kind, money without a digit lost, and marks of what is special."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from llm_observer.money import add

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FEES", "USD", "Figures", "weight"]

USD = "usd"
FEES = "fees"
"""Of the money of an export, that of rows that are no token of a call."""
TOKENS = ("input", "output")
_HALF = Fraction(1, 2)


class Figures:
    """Sums of one side. A kind that nothing gave is absent: unknown, not zero.

    marks: how much of it is out of the ordinary, by mark: calls of ours, tokens or dollars of an export.
    """

    __slots__ = ("amounts", "marks", "rows")

    def __init__(self) -> None:
        self.amounts: dict[str, Decimal] = {}
        self.marks: Counter[str] = Counter()
        self.rows = 0

    def add(self, kind: str, amount: int | Decimal) -> None:
        """Add *amount*."""
        before = self.amounts.get(kind)
        number = Decimal(amount)
        self.amounts[kind] = number if before is None else add(before, number)

    def merge(self, other: Figures) -> None:
        """Add what *other* has."""
        for kind, amount in other.amounts.items():
            self.add(kind, amount)
        self.marks.update(other.marks)
        self.rows += other.rows

    def scaled(self, rate: Fraction) -> Figures:
        """What all would be, of which this is the share *rate*; counts are rounded to whole ones."""
        scaled = Figures()
        scaled.marks, scaled.rows = self.marks, self.rows
        scaled.amounts = {
            kind: _divided(amount, rate, is_count=kind != USD) for kind, amount in self.amounts.items()
        }
        return scaled


def weight(amounts: Mapping[str, Decimal]) -> Decimal:
    """Tokens in and out; requests where no token is known."""
    tokens = [amounts[kind] for kind in TOKENS if kind in amounts]
    return sum(tokens, Decimal(0)) if tokens else amounts.get("requests", Decimal(0))


def _divided(amount: Decimal, rate: Fraction, *, is_count: bool) -> Decimal:
    whole = Fraction(amount) / rate
    if is_count:
        return Decimal(int(whole + _HALF))
    return Decimal(whole.numerator) / Decimal(whole.denominator)
