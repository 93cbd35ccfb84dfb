"""What did the calls of each model, call site, user or day cost, and what did the cache do for them?

Sums by one key, of a size that does not grow with the calls: the first `MAX_GROUPS` values are kept apart,
all others go into one group.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from llm_observer.cache.rates import RateBook, paid_by
from llm_observer.cache.rules import rule_of
from llm_observer.call import LLMCall
from llm_observer.event import Event
from llm_observer.money import ZERO, Amount, decimal_text
from llm_observer.report.fix_words import site_name
from llm_observer.report.model import cached_share
from llm_observer.report.seen import Seen
from llm_observer.sinks.breakdowns import MAX_KEY_LENGTH, NONE, OTHER
from llm_observer.sinks.totals import Sums, Totals, facts_of

__all__ = ["KEYS", "MAX_GROUPS", "Figures", "Group", "Groups", "key_of", "to_plain"]

MAX_GROUPS = 10_000
MAX_NAMES = 100
_PLACES = 12
"""Digits behind the point of a difference of prices that were divided out of sums."""


def _service(event: Event, _call: LLMCall) -> str | None:
    return None if event.service is None else event.service.name


KEYS: Mapping[str, Callable[[Event, LLMCall], str | None]] = {
    "model": lambda _event, call: call.model_responded or call.model_requested,
    "provider": lambda _event, call: call.provider,
    "operation": lambda _event, call: call.operation,
    "site": lambda _event, call: site_name(call.call_site),
    "service": _service,
    "day": lambda event, _call: event.time[:10],
}
"""What each call has; any other key is an attribute that the app set with `observe()`."""


def key_of(by: str, event: Event, call: LLMCall) -> str:
    """The group of *call*, by the key *by*."""
    text = KEYS[by](event, call) if by in KEYS else _attribute(event, by)
    if not text:
        return NONE
    return text if len(text) <= MAX_KEY_LENGTH else f"{text[: MAX_KEY_LENGTH - 1]}…"


def _attribute(event: Event, name: str) -> str | None:
    value = event.attributes.get(name)
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


class Figures(NamedTuple):
    """Sums of a group. saved: by reading from the cache, before what writing it cost more.

    missed: what a stable prompt would have saved on top. `unpriced` of both counts calls without a price.
    """

    totals: Totals
    saved: Amount
    missed: Amount

    @property
    def cost_usd(self) -> Decimal | None:
        """What is known of the cost, None if nothing is."""
        is_known = self.totals.calls > self.totals.unpriced_calls
        return self.totals.cost_usd if is_known else None


class Group(NamedTuple):
    """The calls of one value, or of `folded` values."""

    name: str
    folded: int
    figures: Figures


class _Tally:
    """Sums that grow."""

    __slots__ = ("missed", "saved", "sums")

    def __init__(self) -> None:
        self.sums = Sums()
        self.saved = Amount()
        self.missed = Amount()

    def merge(self, other: "_Tally") -> None:
        self.sums.merge(other.sums)
        self.saved.merge(other.saved)
        self.missed.merge(other.missed)

    @property
    def weight(self) -> tuple[Decimal, int]:
        return self.sums.cost_usd, self.sums.calls

    def figures(self) -> Figures:
        return Figures(self.sums.totals(), self.saved, self.missed)


class Groups:
    """Takes events one by one. An event that comes twice counts once: files of several processes overlap."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.repeated = 0
        self.attributes: dict[str, None] = {}
        self.too_many = False
        self._seen = Seen()
        self._book = RateBook()
        self._tallies: dict[str, _Tally] = {}

    def add(self, event: Event) -> None:
        """Count *event*, if it is a call."""
        call = event.llm_call
        if not self._seen.add(event.event_id):
            self.repeated += 1
            return
        if call is None:
            return
        self._note(event.attributes)
        tally = self._of(key_of(self.by, event, call))
        tally.sums.add(facts_of(call)._replace(times=()))  # nobody looks at times here
        self._save(tally, event, call)

    def _note(self, attributes: Mapping[str, object]) -> None:
        if len(self.attributes) < MAX_NAMES:
            self.attributes.update(dict.fromkeys(attributes))

    def _of(self, name: str) -> _Tally:
        if name not in self._tallies and len(self._tallies) >= MAX_GROUPS:
            self.too_many, name = True, OTHER
        return self._tallies.setdefault(name, _Tally())

    def _save(self, tally: _Tally, event: Event, call: LLMCall) -> None:
        if call.cache is not None and call.cache.missed_tokens is not None:
            tally.missed.add(call.cache.missed_tokens, call.cache.missed_usd)
        read = None if call.tokens is None or call.is_usage_repeated else call.tokens.cache_read
        if read is None:
            return
        each = self._difference(event, call) if read else ZERO
        tally.saved.add(read, None if each is None else decimal_text(round(each * read, _PLACES)))

    def _difference(self, event: Event, call: LLMCall) -> Decimal | None:
        """US dollars between a token of uncached input and one that is read from the cache."""
        model, paid = call.model_responded or call.model_requested or "", paid_by(call)
        self._book.learn(model, paid)
        if paid.read is None:
            return None
        if paid.input is not None:
            return paid.input - paid.read
        rule = rule_of(call, datetime.fromisoformat(event.time).timestamp())
        fresh = None if rule is None else self._book.rates(model, rule, paid).input_usd
        return None if fresh is None else fresh - paid.read

    def whole(self) -> Figures:
        """All calls."""
        everything = _Tally()
        for tally in self._tallies.values():
            everything.merge(tally)
        return everything.figures()

    def dearest(self, most: int) -> Iterator[Group]:
        """The *most* groups with the most money, dearest first; the others in one last group."""
        named = {name: tally for name, tally in self._tallies.items() if name != OTHER}
        ordered = sorted(named.items(), key=lambda item: (*_descending(item[1]), item[0]))
        for name, tally in ordered[:most]:
            yield Group(name, 0, tally.figures())
        folded = [tally for _, tally in ordered[most:]]
        rest = [*folded, *(self._tallies[name] for name in (OTHER,) if name in self._tallies)]
        if rest:
            sums = _Tally()
            for tally in rest:
                sums.merge(tally)
            yield Group(OTHER, len(folded), sums.figures())


def _descending(tally: _Tally) -> tuple[Decimal, int]:
    usd, calls = tally.weight
    return usd.copy_negate(), -calls


def to_plain(figures: Figures) -> dict[str, object]:
    """*figures* as JSON values: money is a decimal string, unknown is null."""
    totals, cost_usd = figures.totals, figures.cost_usd
    tokens = totals.tokens
    return {
        "calls": totals.calls,
        "errors": totals.errors,
        "cost_usd": None if cost_usd is None else decimal_text(cost_usd),
        "unpriced": totals.unpriced,
        "input_tokens": tokens.input_total,
        "cached_tokens": tokens.cache_read,
        "cached_share": cached_share(tokens),
        "output_tokens": tokens.output,
        "cache_saved_usd": decimal_text(figures.saved.usd),
        "cache_saved_unpriced": figures.saved.unpriced,
        "cache_missed_usd": decimal_text(figures.missed.usd),
        "cache_missed_unpriced": figures.missed.unpriced,
        "cache_missed_tokens": figures.missed.tokens,
    }
