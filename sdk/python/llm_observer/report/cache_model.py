"""What did the prompt cache do, what could it have saved, and what is to be fixed? Numbers out of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse
from llm_observer.event import Event
from llm_observer.money import billed_usd, decimal_text
from llm_observer.report.bounded import Bounded
from llm_observer.report.fix_words import site_name
from llm_observer.report.fixes import MAX_FIXES, Fix, FixKey, FixSums, fix_key, ranked_fixes, title_of
from llm_observer.report.funnel import Funnel, FunnelSums
from llm_observer.report.prefix_map import Prefixes, PrefixMap
from llm_observer.report.seen import Seen
from llm_observer.report.spend import OverTime, Spend
from llm_observer.report.tally import Amount, Figures, Tally
from llm_observer.report.timeline import MAX_CONVERSATIONS, Conversation, ConversationSums, conversations
from llm_observer.sinks.sampling import count_rate

__all__ = ["Cause", "File", "Group", "Reader", "Report", "plain", "report_of", "to_plain"]

VERSION = 1
"""Of the JSON form; a change that breaks its readers raises it."""
OTHER = "(other)"
MAX_GROUPS = 50
MAX_CAUSES = 100
MAX_NAMES = 100
MAX_INSTANCES = 1000


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Where missed tokens went. usd: what is known of their cost; `unpriced` causes have none."""

    kind: str
    title: str
    count: int
    tokens: int
    usd: Decimal
    unpriced: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one model or call site, or of `folded` others that came with little money."""

    name: str
    folded: int
    figures: Figures


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What a file gave. repeated: events counted before. without_cache: calls without a cache part."""

    name: str
    events: int
    calls: int
    repeated: int
    without_cache: int
    unreadable: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report shows. Nothing in it was written by a user or a model."""

    version: int
    start_s: float | None
    end_s: float | None
    processes: int
    totals: Figures
    unpriced: dict[str, int]
    funnel: Funnel
    verdicts: dict[str, int]
    fixes: tuple[Fix, ...]
    folded_fixes: int
    folded_fixes_usd: Decimal
    causes: tuple[Cause, ...]
    models: tuple[Group, ...]
    sites: tuple[Group, ...]
    spend: Spend
    prefixes: tuple[PrefixMap, ...]
    conversations: tuple[Conversation, ...]
    folded_conversations: int
    files: tuple[File, ...]
    sampled: dict[str, int]
    """Calls by the `sample_rate` on their events; nothing is scaled for it."""


class Reader:
    """Takes events one by one, in memory that does not grow with them but for eight bytes each."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._instances: set[str] = set()
        self._times: list[float] = []
        self._files: dict[str, Counter[str]] = {}
        self._all = Tally()
        self._unpriced: Counter[str] = Counter()
        self._sampled: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._funnel = FunnelSums()
        self._fixes: Bounded[FixKey, FixSums] = Bounded(FixSums, MAX_FIXES)
        self._causes: Bounded[str, Amount] = Bounded(Amount, MAX_CAUSES)
        self._models: Bounded[str, Tally] = Bounded(Tally, MAX_GROUPS)
        self._sites: Bounded[str, Tally] = Bounded(Tally, MAX_GROUPS)
        self._talks: Bounded[str, ConversationSums] = Bounded(ConversationSums, MAX_CONVERSATIONS)
        self._over_time = OverTime()
        self._prefixes = Prefixes()

    def add(self, event: Event, file: str = "") -> None:
        """Count *event*, which stands in *file*, unless it was counted before."""
        counts = self.file(file)
        counts["events"] += 1
        if not self._seen.add(event.event_id):
            counts["repeated"] += 1
            return
        if event.llm_call is None:
            return
        counts["calls"] += 1
        counts["without_cache"] += event.llm_call.cache is None
        self._add_call(event, event.llm_call)

    def add_unreadable(self, file: str = "") -> None:
        """Count a line of *file* that is no event."""
        self.file(file)["unreadable"] += 1

    def file(self, name: str) -> Counter[str]:
        """The counts of a file; it is in the report from now on, even if nothing is in it."""
        return self._files.setdefault(name, Counter())

    def _add_call(self, event: Event, call: LLMCall) -> None:
        at_s = datetime.fromisoformat(event.time).timestamp()
        site = site_name(call.call_site)
        self._add_span(event, at_s)
        count_rate(event, self._sampled)
        self._all.add(call)
        self._over_time.add(call, at_s)
        self._funnel.add(call)
        self._models.of(_model(call)).add(call)
        self._sites.of(site).add(call)
        self._prefixes.add(call, event.event_id, site)
        if billed_usd(call.cost) is None:
            self._unpriced["not_priced" if call.cost is None else call.cost.status] += 1
        if call.cache is not None:
            self._add_cache(call.cache, event.event_id, site)
            self._add_talk(call, call.cache, at_s, event_id=event.event_id, site=site)

    def _add_span(self, event: Event, at_s: float) -> None:
        self._times = [min([at_s, *self._times]), max([at_s, *self._times])]
        instance = event.service.instance if event.service is not None else None
        if instance is not None and len(self._instances) < MAX_INSTANCES:
            self._instances.add(instance)

    def _add_cache(self, cache: CacheUse, event_id: str, site: str) -> None:
        verdict = cache.verdict
        is_room = verdict in self._verdicts or len(self._verdicts) < MAX_NAMES
        self._verdicts[verdict if is_room else OTHER] += 1
        for cause in cache.causes:
            self._causes.of(cause.kind).add(cause.tokens, cause.usd)
        for finding in cache.findings:
            self._fixes.of(fix_key(finding, site)).add(finding, event_id)

    def _add_talk(self, call: LLMCall, cache: CacheUse, at_s: float, *, event_id: str, site: str) -> None:
        if cache.conversation is not None:
            self._talks.of(cache.conversation).add(call, cache, at_s, event_id=event_id, site=site)

    def report(self) -> Report:
        """All that was counted."""
        fixes, talks = tuple(ranked_fixes(self._fixes)), tuple(conversations(self._talks))
        return Report(
            version=VERSION,
            start_s=self._times[0] if self._times else None,
            end_s=self._times[-1] if self._times else None,
            processes=len(self._instances),
            totals=self._all.figures(),
            unpriced=dict(self._unpriced.most_common()),
            funnel=self._funnel.funnel(),
            verdicts=dict(self._verdicts.most_common()),
            fixes=fixes,
            folded_fixes=self._fixes.folded,
            folded_fixes_usd=self._fixes.rest.amount.usd,
            causes=tuple(_causes(self._causes)),
            models=tuple(_groups(self._models)),
            sites=tuple(_groups(self._sites)),
            spend=self._over_time.spend(),
            prefixes=tuple(self._prefixes.maps()),
            conversations=talks,
            folded_conversations=self._talks.folded,
            files=tuple(_file(name, counts) for name, counts in self._files.items()),
            sampled=dict(self._sampled.most_common()),
        )


def report_of(events: Iterable[Event]) -> Report:
    """The report over *events*."""
    reader = Reader()
    for event in events:
        reader.add(event)
    return reader.report()


def to_plain(report: Report) -> dict[str, Any]:
    """The report as JSON values; money is a decimal string."""
    return plain(msgspec.to_builtins(report, builtin_types=(Decimal,)))  # type: ignore[no-any-return]  # a Struct always gives a dict


def plain(value: Any) -> Any:
    """*value* with all money in it as decimal strings, no exponent."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def _causes(found: Bounded[str, Amount]) -> Iterator[Cause]:
    ranked = found.ranked()
    if found.folded:
        ranked.append((OTHER, found.rest))
    for kind, amount in ranked:
        yield Cause(
            kind=kind,
            title=title_of(kind),
            count=amount.count,
            tokens=amount.tokens,
            usd=amount.usd,
            unpriced=amount.unpriced,
        )


def _groups(found: Bounded[str, Tally]) -> Iterator[Group]:
    for name, tally in found.ranked():
        yield Group(name=name, folded=0, figures=tally.figures())
    if found.folded:
        yield Group(name=OTHER, folded=found.folded, figures=found.rest.figures())


def _file(name: str, counts: Counter[str]) -> File:
    numbers = {field: counts[field] for field in File.__struct_fields__ if field != "name"}
    return File(name=name, **numbers)


def _model(call: LLMCall) -> str:
    return f"{call.provider}/{call.model_responded or call.model_requested or '(none)'}"
