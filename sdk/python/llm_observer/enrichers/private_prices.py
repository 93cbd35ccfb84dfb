"""Which private price and which discount is a call's? The app's tables, as decimals, by name or pattern."""

from __future__ import annotations

import re
from decimal import Decimal
from fnmatch import translate
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from llm_observer import _money_settings
from llm_observer._money_settings import KINDS, TIERS
from llm_observer.enrichers.price_source import FROM_THE_START, Rate
from llm_observer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Patterns", "PrivatePrice", "deployments_of", "discounts_of", "private_prices_of"]

T = TypeVar("T")


class PrivatePrice(NamedTuple):
    """What the app pays for a model. name: the app's own key. tiers: rates that differ, by tier."""

    name: str
    rates: dict[str, Rate]
    tiers: dict[str, dict[str, Rate]]


class Patterns(Generic[T]):
    """Values by name or glob, any case. The most specific match wins: exact, then the longest glob.

    What fits a provider as a whole counts less than what fits one of its models.
    """

    def __init__(self, values: Mapping[str, T]) -> None:
        rows = sorted(values.items(), key=lambda row: ("*" in row[0] or "?" in row[0], -len(row[0])))
        self._rows = tuple((re.compile(translate(pattern.lower())), value) for pattern, value in rows)

    def find(self, models: Sequence[str], owners: Sequence[str]) -> T | None:
        """The value of the most specific pattern for any of *models*, else for any of *owners*."""
        of_owner = None
        for pattern, value in self._rows:
            if any(pattern.match(name.lower()) for name in owners):
                of_owner = value if of_owner is None else of_owner
            elif any(pattern.match(name.lower()) for name in models):
                return value
        return of_owner


def private_prices_of(prices: Mapping[str, Mapping[str, object]] | None) -> Patterns[PrivatePrice]:
    """The app's price tables; ConfigError names the key that is wrong."""
    tables = {} if prices is None else _checked("prices", _money_settings.prices, prices)
    return Patterns({name: _private_price(name, table) for name, table in tables.items()})


def _private_price(name: str, table: Mapping[str, Any]) -> PrivatePrice:
    rates = _rates({kind: amount for kind, amount in table.items() if kind != TIERS})
    return PrivatePrice(
        name, rates, {tier.lower(): _rates(rows) for tier, rows in table.get(TIERS, {}).items()}
    )


def _rates(table: Mapping[str, object]) -> dict[str, Rate]:
    return {KINDS[kind]: ((FROM_THE_START, _exact(amount)),) for kind, amount in table.items()}


def _exact(amount: object) -> Decimal:
    """*amount* as written, not as the nearest binary fraction."""
    return Decimal(str(amount).strip())


def discounts_of(discount: float | str | Decimal | Mapping[str, object] | None) -> Patterns[Decimal]:
    """Fractions off, by pattern of `provider`, `provider/model` or `model`; ConfigError names a wrong one."""
    if discount is None:
        return Patterns({})
    checked = _checked("discount", _money_settings.discount, discount)
    rows = checked if isinstance(checked, dict) else {"*": checked}
    return Patterns({pattern: _exact(share) for pattern, share in rows.items()})


def deployments_of(deployments: Mapping[str, str] | None) -> dict[str, str]:
    """Azure deployment name, in lower case, to base model; ConfigError names a wrong one."""
    rows = {} if deployments is None else _checked("deployments", _money_settings.deployments, deployments)
    return {name.lower(): model for name, model in rows.items()}


def _checked(name: str, parse: Callable[[object], T], value: object) -> T:
    """*value* after the check that settings get; ConfigError where they would warn."""
    try:
        return parse(value)
    except ValueError as reason:
        raise ConfigError(f"{name}: {reason}") from None
