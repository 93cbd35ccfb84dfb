"""Whose calls were they? Sums by model, provider, call site and attribute, of a size that does not grow."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from llm_observer import log
from llm_observer.call import CallSite, LLMCall
from llm_observer.event import Attribute, Event
from llm_observer.sinks.cache_sums import CacheSums, CacheTotals
from llm_observer.sinks.sampling import count_rate
from llm_observer.sinks.session_rows import Rows
from llm_observer.sinks.totals import Facts, Sums, Totals, facts_of

__all__ = ["MAX_KEYS", "NONE", "OTHER", "Breakdown", "Gap", "ModelKey", "Snapshot", "State"]

OTHER = "(other)"
"""Key of all that came when a breakdown was full."""
NONE = "(none)"
"""Key of the calls that have no model, call site or such attribute."""
MAX_KEYS = 1000
MAX_ATTRIBUTE_NAMES = 32
MAX_KEY_LENGTH = 200

_AT_LEAST = "at least this much: "
"""So the note of a cost begins to say why it is a bound."""
_CUT_SHORT = frozenset({"cancelled", "closed_early", "error", "open_at_exit", "truncated"})


class ModelKey(NamedTuple):
    """A model at one provider."""

    provider: str
    model: str


class Gap(NamedTuple):
    """Why the cost of a call is unknown, and of which model.

    reason: its cost status; `usage_not_requested` and `stream_cut_short` are streams with status
    `usage_absent`, the first one an OpenAI stream that did not ask for its usage.
    """

    reason: str
    model: str


class Snapshot(NamedTuple):
    """Everything at one moment, so that breakdowns fit the totals. Ordered by cost."""

    totals: Totals
    by_model: dict[ModelKey, Totals]
    by_provider: dict[str, Totals]
    by_site: dict[str, Totals]
    by_attribute: dict[str, dict[str, Totals]]
    errors: dict[str, int]
    gaps: dict[Gap, int]
    cache: CacheTotals
    sampled: dict[str, int]
    """Calls that were read from a sample, by its rate: the sums are of these calls, nothing is scaled."""
    bounds: dict[str, int]
    """Calls whose cost is a bound, by what is unknown; empty where the cost does not say."""


Key = TypeVar("Key", bound=Hashable)


class Breakdown(Generic[Key]):
    """Sums by key, for the first `MAX_KEYS` keys; `other` is the key of all others."""

    def __init__(self, other: Key) -> None:
        self._other = other
        self.sums: dict[Key, Sums] = {}

    def of(self, key: Key) -> Sums:
        """The sums that *key* adds to."""
        sums = self.sums.get(key)
        if sums is not None:
            return sums
        if len(self.sums) >= MAX_KEYS:
            key = self._other
        return self.sums.setdefault(key, Sums())

    def totals(self) -> dict[Key, Totals]:
        """How the sums stand, the dearest first, `other` last."""
        ordered = sorted(self.sums.items(), key=self._rank)
        return {key: sums.totals() for key, sums in ordered}

    def _rank(self, item: tuple[Key, Sums]) -> tuple[Any, ...]:
        key, sums = item
        return key == self._other, sums.cost_usd.copy_negate(), -sums.calls, key


class State:
    """All that a session knows: its newest events, rows of more, and sums of all."""

    def __init__(self, max_calls: int, max_rows: int = 0) -> None:
        self.latest: deque[Event] = deque(maxlen=max_calls)
        self.rows = Rows(max_rows)
        self.all = Sums()
        self.models = Breakdown(ModelKey(OTHER, OTHER))
        self.model_names = Breakdown(OTHER)
        self.providers = Breakdown(OTHER)
        self.sites = Breakdown(OTHER)
        self.attributes: dict[str, Breakdown[str]] = {}
        self.errors: Counter[str] = Counter()
        self.gaps: Counter[Gap] = Counter()
        self.cache = CacheSums()
        self.sampled: Counter[str] = Counter()
        self.bounds: Counter[str] = Counter()

    def add(self, event: Event, call: LLMCall) -> None:
        """Count *call*, the body of *event*."""
        facts, model, provider = facts_of(call), _model(call), _key(call.provider)
        site = _site(call.call_site)
        self.latest.append(event)
        self.rows.add(event, call, facts, None if site == NONE else site)
        self._add_attributes(event.attributes, facts)
        self.all.add(facts)
        self.models.of(ModelKey(provider, model)).add(facts)
        self.model_names.of(model).add(facts)
        self.providers.of(provider).add(facts)
        self.sites.of(site).add(facts)
        self.cache.add(call, event.event_id, site)
        count_rate(event, self.sampled)
        if facts.is_error:
            _count(self.errors, _error(call), OTHER)
        if facts.status == "bound":
            _count(self.bounds, _unknown(call), OTHER)
        if facts.cost_usd is None:
            _count(self.gaps, Gap(_gap(call, facts.status), model), Gap(OTHER, OTHER))

    def _add_attributes(self, attributes: Mapping[str, Attribute], facts: Facts) -> None:
        """Count the call under each name, also under those it lacks: every name has all calls."""
        for name in attributes:
            if name not in self.attributes:
                self._begin(name)
        for name, breakdown in self.attributes.items():
            key = _key(_text(attributes[name])) if name in attributes else NONE
            breakdown.of(key).add(facts)

    def _begin(self, name: str) -> None:
        """Break down by *name* from now on: the calls so far had no such attribute."""
        if len(self.attributes) >= MAX_ATTRIBUTE_NAMES:
            log.once("names", "summaries are by the first %d names of attributes", MAX_ATTRIBUTE_NAMES)
            return
        breakdown = self.attributes[name] = Breakdown(OTHER)
        if self.all.calls:
            breakdown.of(NONE).merge(self.all)

    def snapshot(self) -> Snapshot:
        """How everything stands."""
        return Snapshot(
            totals=self.all.totals(),
            by_model=self.models.totals(),
            by_provider=self.providers.totals(),
            by_site=self.sites.totals(),
            by_attribute={name: breakdown.totals() for name, breakdown in self.attributes.items()},
            errors=dict(self.errors.most_common()),
            gaps=dict(self.gaps.most_common()),
            cache=self.cache.totals(),
            sampled=dict(self.sampled.most_common()),
            bounds=dict(self.bounds.most_common()),
        )


def _model(call: LLMCall) -> str:
    return _key(call.model_responded or call.model_requested or NONE)


def _site(site: CallSite | None) -> str:
    return NONE if site is None else _key(f"{site.file}:{site.line} {site.function or ''}".rstrip())


def _error(call: LLMCall) -> str:
    """The best name for what went wrong."""
    error = call.error
    named = None if error is None else error.type or error.code or error.exception
    return _key(named or (f"HTTP {call.status}" if call.status is not None else NONE))


def _gap(call: LLMCall, status: str) -> str:
    """Why the cost of *call* is unknown; its status, or what kind of stream came without usage."""
    if status != "usage_absent" or not call.is_stream:
        return status
    if call.ending in _CUT_SHORT:
        return "stream_cut_short"
    is_asked = call.request is not None and call.request.includes_usage
    is_chat = call.wire == "openai" and call.operation != "responses"
    return "usage_not_requested" if is_chat and not is_asked else status


def _unknown(call: LLMCall) -> str:
    """What the note of a bound says is unknown, without numbers of its own."""
    note = None if call.cost is None else call.cost.note
    reasons = (part.partition(_AT_LEAST) for part in (note or "").split("; "))
    return _key("; ".join(reason for start, _, reason in reasons if reason and not start))


def _text(value: Attribute) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key(text: str) -> str:
    """*text*, cut: keys are kept for as long as the session."""
    return text if len(text) <= MAX_KEY_LENGTH else f"{text[: MAX_KEY_LENGTH - 1]}…"


def _count(counts: Counter[Key], key: Key, other: Key) -> None:
    counts[key if key in counts or len(counts) < MAX_KEYS else other] += 1
