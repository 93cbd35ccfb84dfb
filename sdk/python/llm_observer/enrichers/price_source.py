"""What is the list price of a model on a day? genai-prices' data, in plain structs of our own.

The package's own objects are read once and turned into these structs, which a later process loads
from a file of the state folder instead (`price_cache`): importing the package takes half a second,
the file a few milliseconds. Its network updater is never touched.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Found", "Model", "PriceBook", "Rate", "Vendor", "book_of", "newest_day"]

Rate = tuple[tuple[int, Decimal], ...]
"""US dollars per unit, ascending: each price holds for prompts of more tokens than its number."""

FROM_THE_START = -1
_COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


class Clause(msgspec.Struct, frozen=True, array_like=True):
    """Which names mean a model."""

    kind: str
    text: str = ""
    parts: tuple[Clause, ...] = ()

    def matches(self, name: str) -> bool:
        """Whether *name*, in lower case, is meant."""
        return _MATCHERS[self.kind](self, name)


_MATCHERS: dict[str, Callable[[Clause, str], bool]] = {
    "starts_with": lambda clause, name: name.startswith(clause.text.lower()),
    "ends_with": lambda clause, name: name.endswith(clause.text.lower()),
    "contains": lambda clause, name: clause.text.lower() in name,
    "equals": lambda clause, name: name == clause.text.lower(),
    "regex": lambda clause, name: re.search(clause.text, name) is not None,
    "or_": lambda clause, name: any(part.matches(name) for part in clause.parts),
    "and_": lambda clause, name: all(part.matches(name) for part in clause.parts),
}


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """Rates by price key, and when they hold: from a day on, or between two times of every day (UTC).

    Both in ISO 8601: a test of the app may have put a clock's classes in the place of `datetime`'s for good.
    """

    rates: dict[str, Rate]
    since: str | None = None
    hours: tuple[str, str] | None = None
    when: dict[str, str] = {}
    """Processing that the rates are for (`processing: batch`), empty for the standard price."""

    def holds(self, at: datetime) -> bool:
        """Whether this entry is in force at *at* (UTC)."""
        if self.since is not None:
            return at.date().isoformat() >= self.since
        if self.hours is None:
            return True
        start, end = self.hours
        now = at.time().isoformat()
        return (start <= now < end) if start <= end else (now >= start or now < end)


class Model(msgspec.Struct, frozen=True, array_like=True):
    """One model of one vendor. The last entry that holds is the price, the first if none does."""

    id: str
    match: Clause
    entries: tuple[Entry, ...]
    variants: tuple[Entry, ...] = ()

    def rates(self, at: datetime) -> dict[str, Rate]:
        """The standard rates at *at*."""
        holding = [entry for entry in self.entries if entry.holds(at)] or self.entries[:1]
        return holding[-1].rates if holding else {}

    def variant(self, key: str, value: str, at: datetime) -> dict[str, Rate] | None:
        """The rates that differ under `key=value` at *at*; None if the price list has no such rates."""
        fitting = [entry for entry in self.variants if entry.when == {key: value} and entry.holds(at)]
        return fitting[0].rates if fitting else None


class Vendor(msgspec.Struct, frozen=True, array_like=True):
    """Who sells models, by genai-prices' id.

    models: JSON, read when the vendor is first asked, as few of them ever are. own_names: names that
    point at this vendor by themselves. other_vendors: whose models it sells at their price.
    """

    id: str
    models: msgspec.Raw
    own_names: Clause | None = None
    other_vendors: tuple[str, ...] = ()


_MODELS = msgspec.json.Decoder(tuple[Model, ...])


class Found(NamedTuple):
    """A model and the vendor whose price it is. is_own: it is not another vendor that resells it."""

    vendor: str
    model: Model
    is_own: bool


class PriceBook(msgspec.Struct):
    """All vendors; looks names up and remembers what it found."""

    vendors: tuple[Vendor, ...]
    _seen: dict[tuple[str | None, str], Found | None] = {}
    _models: dict[str, tuple[Model, ...]] = {}

    def find(self, vendor: str | None, name: str) -> Found | None:
        """The model that *name* means at *vendor*; at whichever vendor owns the name if that is None."""
        key = (vendor, name)
        if key not in self._seen:
            if len(self._seen) > 4096:  # noqa: PLR2004 - names come from the app: bounded
                self._seen.clear()
            self._seen[key] = self._look_up(vendor, name.lower())
        return self._seen[key]

    def has(self, vendor: str) -> bool:
        """Whether *vendor* has a price list."""
        return any(one.id == vendor for one in self.vendors)

    def models(self, vendor: Vendor) -> tuple[Model, ...]:
        """What *vendor* sells."""
        if vendor.id not in self._models:
            self._models[vendor.id] = _MODELS.decode(vendor.models)
        return self._models[vendor.id]

    def _look_up(self, vendor: str | None, name: str) -> Found | None:
        for spelling in dict.fromkeys((name, _COMPACT_DATE.sub(r"-\1-\2-\3", name))):
            for seller in self._sellers(vendor, spelling):
                model = next((one for one in self.models(seller) if one.match.matches(spelling)), None)
                if model is not None:
                    return Found(seller.id, model, vendor in {None, seller.id})
        return None

    def _sellers(self, vendor: str | None, name: str) -> Iterator[Vendor]:
        if vendor is None:
            yield from (one for one in self.vendors if one.own_names and one.own_names.matches(name))
            return
        by_id = {one.id: one for one in self.vendors}
        first = by_id.get(vendor)
        if first is not None:
            yield first
            yield from (by_id[other] for other in first.other_vendors if other in by_id)


def book_of(providers: Sequence[Any]) -> PriceBook:
    """The package's provider objects as a price book; only attributes that are its public API are read."""
    return PriceBook(vendors=tuple(_vendor(provider) for provider in providers))


def _vendor(provider: Any) -> Vendor:
    return Vendor(
        id=provider.id,
        models=msgspec.Raw(msgspec.json.encode([_model(model) for model in provider.models])),
        own_names=None if provider.model_match is None else _clause(provider.model_match),
        other_vendors=tuple(provider.fallback_model_providers or ()),
    )


def _model(model: Any) -> Model:
    prices = model.prices if isinstance(model.prices, list) else None
    entries = [Entry(_rates(model.prices))] if prices is None else [_entry(price) for price in prices]
    variants = [_entry(variant, variant.when) for variant in model.price_variants or ()]
    return Model(model.id, _clause(model.match), tuple(entries), tuple(variants))


def _entry(priced: Any, when: Mapping[str, str] | None = None) -> Entry:
    constraint = priced.constraint
    start, end = getattr(constraint, "start_time", None), getattr(constraint, "end_time", None)
    since = getattr(constraint, "start_date", None)
    return Entry(
        rates=_rates(priced.prices),
        since=None if since is None else since.isoformat(),
        hours=None if start is None or end is None else (_utc(start), _utc(end)),
        when=dict(when or {}),
    )


def _utc(moment: time) -> str:
    """A time of day in UTC, without zone; one without zone is UTC already."""
    if moment.tzinfo is None:
        return moment.isoformat()
    return datetime.combine(date(1970, 1, 1), moment).astimezone(UTC).time().isoformat()


def _rates(prices: Any) -> dict[str, Rate]:
    return {key: _rate(price) for key, price in vars(prices).items() if price is not None}


def _rate(price: Any) -> Rate:
    if isinstance(price, Decimal):
        return ((FROM_THE_START, price),)
    return ((FROM_THE_START, price.base), *((tier.start, tier.price) for tier in price.tiers))


def _clause(clause: Any) -> Clause:
    ((kind, value),) = vars(clause).items()
    if isinstance(value, str):
        return Clause(kind, value)
    return Clause(kind, parts=tuple(_clause(part) for part in value))


def newest_day(book: PriceBook, until: date) -> date | None:
    """The latest day up to *until* that a price of *book* starts on; later ones are announced only."""
    days = (
        entry.since
        for vendor in book.vendors
        for model in book.models(vendor)
        for entry in (*model.entries, *model.variants)
        if entry.since is not None and entry.since <= until.isoformat()
    )
    newest = max(days, default=None)
    return None if newest is None else date.fromisoformat(newest)
