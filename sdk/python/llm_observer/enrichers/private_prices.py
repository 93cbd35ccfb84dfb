"""Which private prices, discounts and deployment names did the app set? Checked when they are set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fnmatch import translate
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from llm_observer.enrichers.price_source import FROM_THE_START, Rate
from llm_observer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KINDS", "Patterns", "PrivatePrice", "deployments_of", "discounts_of", "private_prices_of"]

KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_5m": "cache_write_5m_mtok",
    "cache_write_30m": "cache_write_30m_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "cache_write_12h": "cache_write_12h_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
    "web_search": "web_searches_kcount",
}
"""Kind of token in a private price to price key. US dollars per million tokens, or per 1,000 searches."""

TIERS = "tiers"
"""Key of the table that holds the rates which differ in a tier: `{"tiers": {"batch": {"input": 1}}}`."""

T = TypeVar("T")


class PrivatePrice(NamedTuple):
    """What the app pays for a model. name: the app's own key. tiers: rates that differ, by tier."""

    name: str
    rates: dict[str, Rate]
    tiers: dict[str, dict[str, Rate]]


class Patterns(Generic[T]):
    """Values by name or glob, any case. The most specific match wins: exact, then the longest glob."""

    def __init__(self, values: Mapping[str, T]) -> None:
        rows = sorted(values.items(), key=lambda row: ("*" in row[0] or "?" in row[0], -len(row[0])))
        self._rows = tuple((re.compile(translate(pattern.lower())), value) for pattern, value in rows)

    def find(self, names: Sequence[str]) -> T | None:
        """The value of the most specific pattern that any of *names* matches."""
        lowered = [name.lower() for name in names]
        for pattern, value in self._rows:
            if any(pattern.match(name) for name in lowered):
                return value
        return None


def private_prices_of(prices: Mapping[str, Mapping[str, object]] | None) -> Patterns[PrivatePrice]:
    """The app's price tables; ConfigError names the key that is wrong."""
    if prices is None:
        return Patterns({})
    if not isinstance(prices, Mapping):
        raise ConfigError("prices: takes a table of tables, model to rates")
    return Patterns({name: _private_price(name, table) for name, table in prices.items()})


def _private_price(name: object, table: object) -> PrivatePrice:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"prices: a model is a name or a pattern, not {name!r}")
    if not isinstance(table, Mapping):
        raise ConfigError(f"prices: {name}: takes a table, such as {{'input': 1, 'output': 4}}")
    tiers = table.get(TIERS, {})
    if not isinstance(tiers, Mapping):
        raise ConfigError(f"prices: {name}.{TIERS}: takes a table of tables, tier to rates")
    rates = _rates(name, {kind: amount for kind, amount in table.items() if kind != TIERS})
    if KINDS["input"] not in rates:
        raise ConfigError(f"prices: {name}.input: is missing")
    by_tier = {str(tier): _rates(f"{name}.{TIERS}.{tier}", table) for tier, table in tiers.items()}
    return PrivatePrice(name, rates, by_tier)


def _rates(where: str, table: object) -> dict[str, Rate]:
    if not isinstance(table, Mapping):
        raise ConfigError(f"prices: {where}: takes a table, such as {{'input': 1, 'output': 4}}")
    unknown = [kind for kind in table if kind not in KINDS]
    if unknown:
        raise ConfigError(f"prices: {where}.{unknown[0]}: is no kind; known are {', '.join(KINDS)}, {TIERS}")
    return {
        KINDS[kind]: ((FROM_THE_START, _amount(f"prices: {where}.{kind}", amount)),)
        for kind, amount in table.items()
    }


def _amount(where: str, value: object) -> Decimal:
    """*value* as written, not as the nearest binary fraction."""
    amount = _decimal(value)
    if amount is None or amount < 0:
        raise ConfigError(f"{where}: takes US dollars, a number from 0 up, not {value!r}")
    return amount


def _decimal(value: object) -> Decimal | None:
    """*value* as a finite number, None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def discounts_of(discount: float | str | Decimal | Mapping[str, object] | None) -> Patterns[Decimal]:
    """Fractions off, by pattern of `provider`, `provider/model` or `model`; ConfigError names a wrong one."""
    if discount is None:
        return Patterns({})
    rows = discount if isinstance(discount, Mapping) else {"*": discount}
    return Patterns({pattern: _share(pattern, share) for pattern, share in rows.items()})


def _share(pattern: object, value: object) -> Decimal:
    share = _decimal(value)
    if not isinstance(pattern, str) or not pattern:
        raise ConfigError(f"discount: takes patterns of provider/model, not {pattern!r}")
    if share is None or not 0 <= share <= 1:
        raise ConfigError(f"discount: {pattern}: takes a fraction from 0 to 1, not {value!r}")
    return share


def deployments_of(deployments: Mapping[str, str] | None) -> dict[str, str]:
    """Azure deployment name, in lower case, to base model; ConfigError names a wrong one."""
    rows = {} if deployments is None else deployments
    if not isinstance(rows, Mapping):
        raise ConfigError("deployments: takes a table, deployment name to model")
    for name, model in rows.items():
        if not isinstance(name, str) or not isinstance(model, str) or not name or not model:
            raise ConfigError(f"deployments: {name!r}: takes the name of a model, not {model!r}")
    return {name.lower(): model for name, model in rows.items()}
