"""Which price fits a call? The app's own first, then its vendor's list, tier and region included."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from llm_observer.enrichers.bill import Doubt
from llm_observer.enrichers.price_source import FROM_THE_START
from llm_observer.enrichers.tiers import (
    CLOSED_VENDORS,
    LOCAL,
    STANDARD_TIERS,
    TIERS,
    VENDORS,
    context_of,
    is_closed,
    region_of,
)
from llm_observer.enrichers.unit_prices import built_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_observer.call import LLMCall
    from llm_observer.enrichers.price_source import Found, PriceBook, Rate
    from llm_observer.enrichers.private_prices import Patterns, PrivatePrice
    from llm_observer.wire import Exchange

__all__ = ["Names", "Price", "Pricing", "names_of"]

T = TypeVar("T")

FREE_RATES = {"input_mtok": ((FROM_THE_START, Decimal(0)),), "output_mtok": ((FROM_THE_START, Decimal(0)),)}
"""What an entry without rates means for a model whose name says that it is free (OpenRouter's `:free`)."""

FREE = ":free"

SNAPSHOT = re.compile(r"-20\d{2}-\d{2}-\d{2}$")
SNAPSHOTS_OF = "openai"
"""Whose models have dated snapshots, which mostly cost what the model does; the list leaves some out."""

REGION = "region"
"""How a surcharge shows in the tier of a cost where the answer does not name the region."""


class Names(NamedTuple):
    """What a call may be priced under. models: the likeliest name of the model first."""

    provider: str
    vendor: str
    models: tuple[str, ...]

    @property
    def owners(self) -> tuple[str, ...]:
        """The provider under each of its names."""
        return tuple(dict.fromkeys((self.provider, self.vendor)))

    def own(self, table: Patterns[T]) -> T | None:
        """What the app's own *table* has for the call: for its model, else for its provider."""
        owned = (f"{owner}/{model}" for model in self.models for owner in self.owners)
        whole = (*self.owners, *(f"{owner}/" for owner in self.owners))  # `openai/*` is all of it too
        return table.find((*owned, *self.models), whole)


class Price(NamedTuple):
    """Rates for one call. factor: of tier and region, on tokens. doubts: what makes it less than exact.

    borrowed: kinds of *rates* that are the standard tier's, as the list has none for the call's own.
    """

    rates: Mapping[str, Rate]
    factor: Decimal
    source: Literal["genai-prices", "override", "built-in"]
    price_id: str
    tier: str | None
    doubts: tuple[Doubt, ...] = ()
    borrowed: frozenset[str] = frozenset()


def names_of(call: LLMCall, deployments: Mapping[str, str]) -> Names:
    """The names of *call*: the answering model before the requested one, deployments resolved.

    Bedrock's answers leave out the region that its price depends on, so there the request comes first.
    """
    vendor = VENDORS.get(call.provider, call.provider)
    models = [name for name in (call.model_responded, call.model_requested) if name]
    if vendor == "aws":
        models.reverse()
    if vendor == "azure" or call.provider == "unknown":
        models = [deployments.get(name.lower(), name) for name in models]
    return Names(call.provider, vendor, tuple(dict.fromkeys(models)))


class Pricing:
    """Finds prices. book: gives the price list, called when the first call needs it."""

    def __init__(self, private: Patterns[PrivatePrice], book: Callable[[], PriceBook]) -> None:
        self._private = private
        self._book = book

    def find(self, call: LLMCall, names: Names, exchange: Exchange) -> Price | Doubt:
        """The price of *call*, or why there is none."""
        tiers = _tiers(call)
        private = names.own(self._private)
        if private is not None:
            return _private_price(private, tiers)
        listed = self._listed(names)
        if isinstance(listed, Doubt):
            return self._built_in(names) or listed
        found, doubts = listed
        vendor = names.vendor if self._book().has(names.vendor) else found.vendor
        price = _list_price(found, vendor, tiers, datetime.fromtimestamp(exchange.started_ns // 10**9, UTC))
        if isinstance(price, Doubt):
            return price
        price = price._replace(doubts=(*doubts, *price.doubts))
        host = urlsplit(exchange.url).hostname
        factor = region_of(vendor, found.model.id, call.inference_geo, "" if host is None else host)
        if factor is None:
            return Doubt("tier_unpriced", f"no price for the region {call.inference_geo}")
        return price if factor == 1 else _in_region(price, factor, call.inference_geo or REGION)

    def _built_in(self, names: Names) -> Price | None:
        """A price of our own for a model that the list lacks; vendors' names as in `_listed`."""
        vendor = names.vendor if self._book().has(names.vendor) else None
        for place, name in enumerate(names.models):
            for seller in sorted(CLOSED_VENDORS) if vendor is None else (vendor,):
                found = built_in(seller, name.rpartition("/")[2])
                if found is not None:
                    doubts = tuple(_name_doubts(names, vendor, is_second=place > 0))
                    return Price(found[1], Decimal(1), "built-in", found[0], None, doubts)
        return None

    def _listed(self, names: Names) -> tuple[Found, tuple[Doubt, ...]] | Doubt:
        """The entry of the price list for the first of *names* that has one, and what is doubtful then."""
        vendor = names.vendor if self._book().has(names.vendor) else None
        for place, name in enumerate(names.models):
            found, doubts = self._entry(vendor, name)
            if found is None or (names.provider in LOCAL and not is_closed(found.vendor, found.model.id)):
                continue
            if place and found.model.id.endswith(FREE):  # another model answered: nobody said that it is free
                continue
            return found, (*_name_doubts(names, vendor, is_second=place > 0), *doubts)
        return Doubt("unknown_model", "no price for the model: set one with prices={…}")

    def _entry(self, vendor: str | None, name: str) -> tuple[Found | None, tuple[Doubt, ...]]:
        """What the list has for *name*, with or without its owner, or for the model without its date."""
        book, plain = self._book(), name.rpartition("/")[2]
        found = book.find(vendor, name) or book.find(vendor, plain)
        if found is None and vendor is None:  # the list tells a vendor by some model names only
            closed = (book.find(seller, name) for seller in sorted(CLOSED_VENDORS))
            found = next((each for each in closed if each is not None), None)
        undated = SNAPSHOT.sub("", plain)
        if found is not None or vendor != SNAPSHOTS_OF or undated == plain:
            return found, ()
        return book.find(vendor, undated), (Doubt("estimated", f"a snapshot priced as {undated}"),)


def _name_doubts(names: Names, vendor: str | None, *, is_second: bool) -> list[Doubt]:
    """What is doubtful about a price found without a vendor, or under the second name of a model."""
    doubts = []
    if vendor is None:
        doubts.append(
            Doubt("estimated", f"what {names.provider} bills is unknown: priced by the model alone")
        )
    if is_second and vendor == "aws":
        doubts.append(Doubt("estimated", "the region that the request was sent to is unknown"))
    elif is_second:
        doubts.append(Doubt("estimated", "the model that answered has no price: priced as the requested one"))
    return doubts


def _tiers(call: LLMCall) -> tuple[str, ...]:
    """The tiers of *call* that are not standard; the answer's word counts more than the request's."""
    tier = call.service_tier
    if tier is None and call.request is not None:
        tier = call.request.service_tier
    speed = None if call.speed is None else f"speed:{call.speed}"
    named = [name.lower() for name in (tier, speed) if name is not None]
    return tuple(name for name in named if name.removeprefix("speed:") not in STANDARD_TIERS)


def _private_price(private: PrivatePrice, tiers: tuple[str, ...]) -> Price | Doubt:
    """The app's own price: final, with no rule of a vendor on top."""
    rates = dict(private.rates)
    names = tuple(tier.removeprefix("speed:") for tier in tiers)
    for name in names:
        if name not in private.tiers:
            return Doubt("tier_unpriced", f"the private price {private.name} has no tier {name}")
        rates |= private.tiers[name]
    return Price(rates, Decimal(1), "override", private.name, "+".join(names) or None)


def _list_price(found: Found, vendor: str, tiers: tuple[str, ...], at: datetime) -> Price | Doubt:
    rates = found.model.rates(at)
    if not rates and not found.model.id.endswith(FREE):
        return Doubt("unknown_model", f"the price list has no rates for {found.model.id}")
    price_id = f"{found.vendor}/{found.model.id}"
    price = Price(rates or FREE_RATES, Decimal(1), "genai-prices", price_id, None)
    if not tiers:
        return price
    names = "+".join(tier.removeprefix("speed:") for tier in tiers)
    unpriced = Doubt("tier_unpriced", f"no price for the tier {names}")
    return unpriced if len(tiers) > 1 else _in_tier(price, found, vendor, tiers[0], at) or unpriced


def _in_tier(price: Price, found: Found, vendor: str, tier: str, at: datetime) -> Price | None:
    """*price* in *tier*: by the list's own rates for it, else by the documented rule, else None."""
    key, value = context_of(tier)
    variant = found.model.variant(key, value, at) if found.is_own else None
    if variant is not None:
        borrowed = frozenset(price.rates.keys() - variant.keys())
        return price._replace(rates={**price.rates, **variant}, tier=value, borrowed=borrowed)
    rule = TIERS.get((vendor, tier))
    if rule is None:
        return None
    doubts = () if rule.is_exact else (Doubt("estimated", f"{value} priced by the rule, not by a list"),)
    return price._replace(factor=rule.factor, tier=value, doubts=doubts)


def _in_region(price: Price, factor: Decimal, region: str) -> Price:
    tier = region if price.tier is None else f"{price.tier}+{region}"
    return price._replace(factor=price.factor * factor, tier=tier)
