"""What would a call of a model cost? By the very look-up and rates that calls are priced with."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import NamedTuple

from llm_observer.call import LLMCall
from llm_observer.config import Config
from llm_observer.enrichers.bill import STANDARD_READS, Doubt, Rates
from llm_observer.enrichers.price_cache import load_book
from llm_observer.enrichers.price_source import PriceBook
from llm_observer.enrichers.pricing import Names, Price, Pricing, names_of
from llm_observer.enrichers.private_prices import deployments_of, discounts_of, private_prices_of
from llm_observer.enrichers.tiers import CLOSED_VENDORS, STANDARD_TIERS, TIERS, VENDORS
from llm_observer.wire import Exchange, Options

__all__ = ["KINDS", "STANDARD", "Line", "PriceList", "Priced"]

STANDARD = "standard"
_UNKNOWN = "unknown"
_BATCH = ("processing", "batch")
_MOST_CLOSE = 5
_LEAST_WORD = 3
_HOUR = "cache_write_1h"
_WRITE = ("cache_write_mtok", "input_mtok")
KINDS: Mapping[str, tuple[str, ...]] = {
    "input": ("input_mtok",),
    "cache_read": ("cache_read_mtok", "input_mtok"),
    "cache_write": _WRITE,
    "cache_write_5m": ("cache_write_5m_mtok", *_WRITE),
    "cache_write_30m": ("cache_write_30m_mtok", *_WRITE),
    _HOUR: ("cache_write_1h_mtok",),
    "cache_write_12h": ("cache_write_12h_mtok",),
    "output": ("output_mtok",),
    "input_audio": ("input_audio_mtok",),
    "output_audio": ("output_audio_mtok",),
    "cache_read_audio": ("cache_audio_read_mtok",),
    "input_image": ("input_image_mtok",),
    "output_image": ("output_image_mtok",),
}
"""Kinds of tokens, and the keys under which their rate is looked up, the first one first, as for a bill.

Writes for an hour have a rule of their own.
"""
_ALWAYS = frozenset({"input", "cache_read", "output"})


class Line(NamedTuple):
    """Rates of one tier, for prompts of more than `over_tokens`. US dollars per million tokens, by kind.

    borrowed: kinds without a rate of their own, which are billed at the rate of input. doubts: what makes a
    bill less than exact.
    """

    tier: str
    over_tokens: int
    usd: dict[str, Decimal]
    borrowed: tuple[str, ...]
    doubts: tuple[str, ...]


class Priced(NamedTuple):
    """A model's price. source: `override` for a private one. unpriced: tiers without a price, and why."""

    provider: str
    price_id: str
    source: str
    discount: Decimal | None
    lines: tuple[Line, ...]
    unpriced: dict[str, str]
    web_search_usd: Decimal | None


class PriceList:
    """Finds prices, by the settings of *config*."""

    def __init__(self, config: Config) -> None:
        self.book: PriceBook = load_book(config.state_dir)
        self._private = private_prices_of(config.prices)
        self._discounts = discounts_of(config.discount)
        self._deployments = deployments_of(config.deployments)
        self._pricing = Pricing(self._private, lambda: self.book)

    def find(self, model: str, provider: str | None, at: datetime) -> Priced | None:
        """The price of *model* at *at*; None if it is unknown. *model* may be `provider/model`."""
        provider, model = self._split(model, provider)
        call = _call(provider, model)
        names = names_of(call, self._deployments)
        standard = self._pricing.find(call, names, _exchange(at))
        if isinstance(standard, Doubt):
            return None
        discount = names.own(self._discounts)
        lines, unpriced = list(_lines(STANDARD, standard, discount)), dict[str, str]()
        for tier, asked in self._tiers(names, standard).items():
            found = self._pricing.find(_call(provider, model, **asked), names, _exchange(at))
            if isinstance(found, Doubt):
                unpriced[tier] = found.note
            else:
                lines += _lines(tier, found, discount)
        search = _search(standard, discount)
        return Priced(provider, standard.price_id, standard.source, discount, tuple(lines), unpriced, search)

    def _split(self, model: str, provider: str | None) -> tuple[str, str]:
        """Provider and model; the vendor that owns the name where none is given."""
        if provider is not None:
            return provider, model
        first, _, rest = model.partition("/")
        if rest and (first in VENDORS or self.book.has(first)):
            return first, rest
        owner = self.book.find(None, model)
        return (_UNKNOWN if owner is None else owner.vendor), model

    def _tiers(self, names: Names, standard: Price) -> dict[str, dict[str, str]]:
        """The tiers that may have a price, and what an answer in each says."""
        private = names.own(self._private)
        if private is not None:
            return {tier: {"service_tier": tier} for tier in private.tiers}
        listed = self.book.find(*standard.price_id.split("/", 1))
        variants = () if listed is None else listed.model.variants
        whens = [when for variant in variants for when in variant.when.items()]
        whens += [
            _BATCH if tier == "batch" else ("service_tier", tier)
            for owner, tier in TIERS
            if owner == names.vendor
        ]
        known = {"service_tier", "speed", _BATCH[0]}
        return {
            tier: {"speed" if key == "speed" else "service_tier": tier}
            for key, tier in whens
            if key in known and tier not in STANDARD_TIERS
        }

    def close_to(self, model: str) -> list[str]:
        """Names in the list that look like *model*, the likeliest first."""
        bare = model.rpartition("/")[2].lower()
        sellers = sorted(
            self.book.vendors, key=lambda one: (one.own_names is not None, one.id in CLOSED_VENDORS)
        )
        names = {
            one.id.lower(): f"{seller.id}/{one.id}"  # of several sellers the model's own vendor is named
            for seller in sellers
            for one in self.book.models(seller)
        }
        starting = sorted(name for name in names if bare and name.startswith(bare))
        likely = get_close_matches(bare, names, n=_MOST_CLOSE, cutoff=0.6)
        word = next(
            iter(get_close_matches(bare, {part for name in names for part in name.split("-")}, n=1)), bare
        )
        holding = sorted(name for name in names if len(word) >= _LEAST_WORD and word in name)
        found = list(dict.fromkeys([*starting, *likely, *holding]))
        return [names[name] for name in found[:_MOST_CLOSE]]


def _call(provider: str, model: str, **asked: str) -> LLMCall:
    return LLMCall(provider=provider, wire="unknown", operation="chat", model_responded=model, **asked)  # type: ignore[arg-type]  # the names of two fields


def _exchange(at: datetime) -> Exchange:
    """Enough for a look-up: when it was, to a host that is no region's own."""
    options = Options(method="POST", route="")
    return Exchange(sdk="", options=options, url="", started_ns=int(at.timestamp()) * 10**9)


def _lines(tier: str, price: Price, discount: Decimal | None) -> Iterator[Line]:
    """A line for each size of prompt from which a rate differs."""
    is_claude = "claude" in price.price_id.lower() and price.source == "genai-prices"
    doubts = [doubt.note for doubt in price.doubts]
    if "cache_read_mtok" in price.borrowed:
        doubts.append(STANDARD_READS)
    for start in sorted({0, *(max(start, 0) for steps in price.rates.values() for start, _ in steps)}):
        rates = Rates(price.rates, start + 1, factor=price.factor, is_claude=is_claude)
        found = {kind: _rate(rates, kind) for kind in _kinds(price, is_claude=is_claude)}
        usd = {kind: _less(rate, discount) for kind, rate in found.items() if rate is not None}
        borrowed = tuple(
            kind for kind in usd if kind not in _ALWAYS - {"cache_read"} and _is_borrowed(rates, kind)
        )
        yield Line(tier, start, usd, borrowed, tuple(doubts))


def _search(price: Price, discount: Decimal | None) -> Decimal | None:
    """US dollars per 1,000 web searches."""
    rates = Rates(price.rates, 0, factor=price.factor, is_claude=False)
    rate = rates.plain("web_searches_kcount")
    return None if rate is None else _less(rate, discount)


def _rate(rates: Rates, kind: str) -> Decimal | None:
    return rates.one_hour_write() if kind == _HOUR else rates.token(*KINDS[kind])


def _is_borrowed(rates: Rates, kind: str) -> bool:
    """It is billed at the rate of input, as it has none of its own."""
    own = tuple(key for key in KINDS[kind] if key != "input_mtok")
    return kind != _HOUR and rates.token(*own) is None


def _kinds(price: Price, *, is_claude: bool) -> Iterator[str]:
    """What a call can be billed for, with the lifetimes of cache writes that its vendor tells apart."""
    kinds = {*_ALWAYS, *(kind for kind, keys in KINDS.items() if keys[0] in price.rates)}
    if is_claude:
        kinds = kinds - {"cache_write"} | {"cache_write_5m", _HOUR}
    elif "cache_write" in kinds and price.price_id.startswith("openai/"):
        kinds = kinds - {"cache_write"} | {"cache_write_30m"}
    return (kind for kind in KINDS if kind in kinds)


def _less(rate: Decimal, discount: Decimal | None) -> Decimal:
    return rate if discount is None else rate * (1 - discount)
