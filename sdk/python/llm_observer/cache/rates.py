"""What does a token of input cost when it is read from a cache, or written to one? Paid prices, else rules.

Ratios to the price of uncached input, for calls that paid no read or write of their own:
- Anthropic: writes 1.25 (5 minutes) and 2 (1 hour), reads 0.1; of Opus 5.5 and Sonnet 5.5 0.05, of Fable and
  Mythos 5.1 0.025 (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing, 2026-11-21).
- OpenAI from GPT-5.6: writes 1.25, reads 0.1, of gpt-6.1-sol 0.05; no price of 12-hour writes. Before: writes
  are free; reads 0.5 for 4o, o1 and o3-mini, 0.25 for 4.1, o3 and o4-mini, 0.1 from GPT-5 on, and no
  discount for the pro models (https://developers.openai.com/api/docs/guides/prompt-caching, 2026-09-20).
- Others: only what was paid.
"""

import re
from decimal import Decimal
from typing import NamedTuple

from llm_observer.cache.rules import Rule
from llm_observer.call import Cost, LLMCall, Tokens

__all__ = ["Paid", "RateBook", "Rates", "documented", "has_read_discount", "paid_by"]

ONE = Decimal(1)
CLAUDE_READS = (
    (re.compile(r"(?:opus|sonnet)-5[.-]5"), Decimal("0.05")),
    (re.compile(r"(?:fable|mythos)-5[.-]1"), Decimal("0.025")),
    (re.compile(""), Decimal("0.1")),
)
GPT_READS = (
    (re.compile(r"gpt-6\.1-sol"), Decimal("0.05")),
    (re.compile("-pro"), ONE),
    (re.compile(r"gpt-4o|\bo1\b|o3-mini"), Decimal("0.5")),
    (re.compile(r"gpt-4\.1|\bo3\b|o4-mini"), Decimal("0.25")),
    (re.compile(r"gpt-[5-9]"), Decimal("0.1")),
)
NO_DISCOUNT = re.compile(r"\b(?:gpt-[\d.]+|o\d)-pro\b")
MAX_MODELS = 1000


class Rates(NamedTuple):
    """Prices of a token. input_usd: US dollars, uncached. The others: relative to it; None if unknown."""

    input_usd: Decimal | None
    read: Decimal | None
    short: Decimal | None
    """Written for the default lifetime."""
    long: Decimal | None
    """Written for a longer one."""


class Paid(NamedTuple):
    """US dollars per token that a call paid, None where it paid for none of the kind."""

    input: Decimal | None = None
    read: Decimal | None = None
    short: Decimal | None = None
    long: Decimal | None = None


def paid_by(call: LLMCall) -> Paid:
    """The prices that are in the cost of *call*.

    Reads at the price of input are a stand-in for a price that the list lacks, unless the provider says so.
    """
    cost, tokens = call.cost, call.tokens
    if cost is None or tokens is None:
        return Paid()
    uncached = tokens.input_total if tokens.input_uncached is None else tokens.input_uncached
    model = call.model_responded or call.model_requested or ""
    fresh, read = _each(cost.input_usd, uncached), _each(cost.cache_read_usd, tokens.cache_read)
    return Paid(
        input=fresh,
        read=None if cost.status == "estimated" and read == fresh and has_read_discount(model) else read,
        short=_short(cost, tokens),
        long=_first(
            _each(cost.cache_write_1h_usd, tokens.cache_write_1h),
            _each(cost.cache_write_12h_usd, tokens.cache_write_12h),
        ),
    )


def documented(rule: Rule, model: str) -> Rates:
    """The ratios that the provider states for *model*."""
    name = model.lower()
    if rule.id == "anthropic":
        return Rates(None, _read(CLAUDE_READS, name), Decimal("1.25"), Decimal(2))
    if rule.id == "openai_breakpoints":
        return Rates(None, _read(GPT_READS, name), Decimal("1.25"), None)
    if rule.id == "openai_increments":
        return Rates(None, _read(GPT_READS, name), ONE, ONE)
    return Rates(None, None, ONE, ONE)


def has_read_discount(model: str) -> bool:
    """Whether cache reads of *model* may cost less than its input: of OpenAI's pro models they do not."""
    return NO_DISCOUNT.search(model.lower()) is None


class RateBook:
    """Remembers what was paid for a model, for the calls of it that did not pay that."""

    def __init__(self) -> None:
        self._ratios: dict[str, dict[str, Decimal]] = {}

    def learn(self, model: str, paid: Paid) -> None:
        """Take in the ratios of a call's prices."""
        if not paid.input or (model not in self._ratios and len(self._ratios) >= MAX_MODELS):
            return
        known = self._ratios.setdefault(model, {})
        for name in ("read", "short", "long"):
            price = getattr(paid, name)
            if price is not None:
                known.setdefault(name, price / paid.input)

    def rates(self, model: str, rule: Rule, paid: Paid) -> Rates:
        """The rates of a call: what it paid itself goes first, then what others of its model paid."""
        rates = documented(rule, model)._replace(**self._ratios.get(model, {}))
        if paid.input is None:
            return rates._replace(input_usd=_derived(rates, paid))
        own = {name: getattr(paid, name) for name in ("read", "short", "long")}
        ratios = {name: price / paid.input for name, price in own.items() if price is not None and paid.input}
        return rates._replace(input_usd=paid.input, **ratios)


def _derived(rates: Rates, paid: Paid) -> Decimal | None:
    """The price of uncached input, of a call that paid only for reads or writes."""
    for name in ("short", "long", "read"):
        price, ratio = getattr(paid, name), getattr(rates, name)
        if price is not None and ratio:
            return Decimal(price) / Decimal(ratio)
    return None


def _short(cost: Cost, tokens: Tokens) -> Decimal | None:
    found = _first(
        _each(cost.cache_write_5m_usd, tokens.cache_write_5m),
        _each(cost.cache_write_30m_usd, tokens.cache_write_30m),
    )
    if found is not None or tokens.cache_write_1h or tokens.cache_write_12h:
        return found
    return _each(cost.cache_write_usd, tokens.cache_write)


def _first(*prices: Decimal | None) -> Decimal | None:
    return next((price for price in prices if price is not None), None)


def _each(usd: str | None, tokens: int | None) -> Decimal | None:
    return Decimal(usd) / tokens if usd is not None and tokens else None


def _read(rows: tuple[tuple[re.Pattern[str], Decimal], ...], name: str) -> Decimal | None:
    return next((ratio for pattern, ratio in rows if pattern.search(name)), None)
