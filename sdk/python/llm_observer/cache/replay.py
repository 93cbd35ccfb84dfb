"""Which stored events can be replayed, and what do the others lack? The newest calls, in bounded memory."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from heapq import heappop, heappush

from llm_observer.cache.rates import RateBook, Rates
from llm_observer.cache.replayed import ReplayedCall, has_pieces, replayed
from llm_observer.cache.rules import rule_of
from llm_observer.call import LLMCall
from llm_observer.event import Event

__all__ = ["GAPS", "Replay"]

GAPS: Mapping[str, str] = {
    "no_cache": "no cache part",
    "no_segments": "no segments with chained hashes",
    "no_rule": "no caching rule is known for the model",
    "not_counted": "no usage, the call ended early",
    "no_parent": "the event that it extends is not in the files, or cannot be replayed",
    "too_long": "more new segments than an event carries (4,096)",
    "repeated": "counted already",
    "dropped": "older than what there is room for",
}
"""Why an event is not replayed."""
MAX_CALLS = 50_000
MAX_BYTES = 128 << 20
MAX_NAMED = 20


def _is_unread(call: LLMCall) -> bool:
    """Ended before any usage: it may have left nothing in the cache, and nothing goes on from it."""
    is_counted = call.tokens is not None and bool(call.tokens.input_total)
    return not is_counted and (call.tokens is not None or call.ending != "complete")


_LACKS: Mapping[str, Callable[[LLMCall], bool]] = {
    "no_cache": lambda call: call.cache is None,
    "not_counted": _is_unread,
    "no_segments": lambda call: not has_pieces(call) or not call.segment_count,
    "too_long": lambda call: _kept(call) + len(call.segments) != call.segment_count,
}
"""What an event may lack by itself, in the order of asking."""


class Replay:
    """Takes events, each after the one that it extends, and keeps the newest.

    gaps: how many events cannot be replayed, by reason (GAPS). left_out: ids of the first of them.
    """

    def __init__(self, *, max_calls: int = MAX_CALLS, max_bytes: int = MAX_BYTES) -> None:
        self._max_calls, self._max_bytes = max_calls, max_bytes
        self._newest: list[tuple[float, int, ReplayedCall]] = []
        self._by_id: dict[str, ReplayedCall] = {}
        self._count = 0
        self._book = RateBook()
        self.nbytes = 0
        self.gaps: Counter[str] = Counter()
        self.left_out: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._newest)

    def add(self, event: Event) -> None:
        """Keep *event* if it is a call's; count the gap if it cannot be replayed."""
        call = event.llm_call
        if call is None:
            return
        gap = "repeated" if event.event_id in self._by_id else _lack(call)
        found = self._found(event, call) if gap is None else gap
        if isinstance(found, str):
            self._leave_out(event.event_id, found)
        else:
            self._keep(found)

    def calls(self) -> list[ReplayedCall]:
        """All that are kept, by their start."""
        return [call for _, _, call in sorted(self._newest, key=lambda row: row[:2])]

    def rates_of(self, call: ReplayedCall) -> Rates:
        """What its tokens cost."""
        return self._book.rates(call.model, call.rule, call.paid)

    def _found(self, event: Event, call: LLMCall) -> ReplayedCall | str:
        """The call, or what it lacks."""
        at_s, cache = datetime.fromisoformat(event.time).timestamp(), call.cache
        rule = rule_of(call, at_s)
        if cache is None or rule is None:
            return "no_rule"
        parent = None if cache.extends is None else self._by_id.get(cache.extends)
        if _kept(call) and (parent is None or len(parent.chain) < _kept(call)):
            return "no_parent"
        return replayed(event, call, at_s=at_s, rule=rule, parent=parent)

    def _keep(self, call: ReplayedCall) -> None:
        self._count += 1
        self._by_id[call.event_id] = call
        heappush(self._newest, (call.bare.started_s, self._count, call))
        self.nbytes += call.nbytes
        self._book.learn(call.model, call.paid)
        while len(self._newest) > self._max_calls or (self.nbytes > self._max_bytes and len(self) > 1):
            oldest = heappop(self._newest)[2]
            del self._by_id[oldest.event_id]
            self.nbytes -= oldest.nbytes
            self._leave_out(oldest.event_id, "dropped")

    def _leave_out(self, event_id: str, gap: str) -> None:
        self.gaps[gap] += 1
        named = self.left_out.setdefault(gap, [])
        if len(named) < MAX_NAMED:
            named.append(event_id)


def _lack(call: LLMCall) -> str | None:
    return next((name for name, is_so in _LACKS.items() if is_so(call)), None)


def _kept(call: LLMCall) -> int:
    if call.cache is None or call.cache.kept_segments is None:
        return 0
    return call.cache.kept_segments
