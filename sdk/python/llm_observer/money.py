"""How is money added and written? Decimal strings, exact sums, no small amount shown as nothing."""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_observer.call import Cost

__all__ = [
    "ZERO",
    "Amount",
    "add",
    "billed_usd",
    "decimal_text",
    "dollars",
    "exact_sum",
    "known",
    "known_dollars",
]

ZERO = Decimal(0)
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])
"""Only for sums, which take no more room than their digits need."""

_ONE_DOLLAR = Decimal("0.99995")
"""What rounds to a dollar at four places is written like one."""

_PLACES = 4
_DIGITS = 2
"""Below a cent's hundredth: so many digits that are not zero."""


def add(left: Decimal, right: Decimal) -> Decimal:
    """The sum, no digit lost, whatever the thread's decimal context says."""
    return _EXACT.add(left, right)


def exact_sum(amounts: Iterable[Decimal | str]) -> Decimal:
    """The sum of all amounts, no digit lost."""
    total = ZERO
    for amount in amounts:
        total = _EXACT.add(total, Decimal(amount))
    return total


def billed_usd(cost: Cost | None) -> Decimal | None:
    """The figure that counts in sums: the provider's own, else ours; None if neither is known."""
    if cost is None:
        return None
    figure = cost.total_usd if cost.provider_usd is None else cost.provider_usd
    return None if figure is None else Decimal(figure)


def decimal_text(amount: Decimal) -> str:
    """All digits, no exponent, no zeros behind."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def dollars(amount: Decimal) -> str:
    """For people: `$12.34`, `$0.0123`, `$0.0000042`. Only zero looks like zero."""
    size = amount.copy_abs()
    sign = "-" if amount < 0 else ""
    if size == 0 or size >= _ONE_DOLLAR:
        return f"{sign}${size:,.2f}"
    return f"{sign}${size:.{max(_PLACES, _DIGITS - 1 - size.adjusted())}f}"


def known_dollars(amount: Decimal, unpriced: int) -> str:
    """For people: `$1.20`; `$1.20 + ?` where *unpriced* parts are unknown, and `?` where no other is."""
    if not unpriced:
        return dollars(amount)
    return f"{dollars(amount)} + ?" if amount else "?"


class Amount:
    """How often something was, with how many tokens and how much money; None is counted, not guessed."""

    __slots__ = ("count", "tokens", "unpriced", "usd")

    def __init__(self) -> None:
        self.count = 0
        self.tokens = 0
        self.usd = ZERO
        self.unpriced = 0

    @classmethod
    def of(cls, count: int, tokens: int, usd: Decimal, unpriced: int) -> Self:
        """One that stands at these figures."""
        amount = cls()
        amount.count, amount.tokens, amount.usd, amount.unpriced = count, tokens, usd, unpriced
        return amount

    def add(self, tokens: int | None, usd: str | None) -> None:
        """Count one. No price matters only where there are tokens to pay."""
        self.count += 1
        self.tokens += known(tokens)
        if usd is not None:
            self.usd = add(self.usd, Decimal(usd))
        elif tokens:
            self.unpriced += 1

    def merge(self, other: Amount) -> None:
        """Add what *other* has."""
        self.count += other.count
        self.tokens += other.tokens
        self.usd = add(self.usd, other.usd)
        self.unpriced += other.unpriced

    @property
    def weight(self) -> tuple[Decimal, int, int]:
        """Money first."""
        return (self.usd, self.tokens, self.count)


def known(count: int | None) -> int:
    """For sums of what is known, whose unknown parts are counted elsewhere."""
    return 0 if count is None else count
