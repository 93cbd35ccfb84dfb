"""How far do the prompts of a call site agree, and where do they part?"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from llm_observer.call import LLMCall, SegmentPrint
from llm_observer.call_cache import CacheUse
from llm_observer.report.bounded import Bounded
from llm_observer.report.tally import Amount, known

__all__ = ["PrefixMap", "PrefixSums", "Prefixes", "Stretch"]

MAX_SITES = 24
MAX_PATHS = 64
MAX_CALLS = 4000
_LATER = re.compile(r"^(messages|input|contents)\[[1-9]\d*\].*")
_TOOL = re.compile(r"^tools\[\d+\]")


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of the prompts, or several that no call parts at.

    tokens: on average; None if unknown. parted: calls that agree with an earlier one up to here, no further.
    reach: share of calls that agree beyond it. missed_tokens, missed_usd: of the calls that part here.
    """

    path: str
    kind: str
    tokens: int | None
    parted: int
    reach: float
    missed_tokens: int
    missed_usd: Decimal
    missed_unpriced: int


class PrefixMap(msgspec.Struct, frozen=True, kw_only=True):
    """The prompts of one call site, from their start.

    compared: calls that have an earlier one to compare with. grew: those that only added to its end.
    similarity: the mean of theirs; None if unknown. folded_paths: segments that are in no stretch.
    """

    site: str
    calls: int
    compared: int
    grew: int
    similarity: float | None
    stretches: tuple[Stretch, ...]
    folded_paths: int


class _Segment:
    """One path: where it stands, how large it is, and which calls part there."""

    def __init__(self) -> None:
        self.kind = ""
        self.places = 0
        self.size = Amount()
        self.sized = 0
        self.parted = Amount()

    def add(self, segment: SegmentPrint, place: int) -> None:
        self.kind = segment.kind
        self.places += place
        self.size.add(segment.tokens, None)
        self.sized += segment.tokens is not None

    def merge(self, other: _Segment) -> None:
        self.places += other.places
        self.size.merge(other.size)
        self.sized += other.sized
        self.parted.merge(other.parted)

    @property
    def weight(self) -> tuple[Decimal, int, int]:
        return (self.parted.usd, self.parted.count, self.size.tokens)

    @property
    def place(self) -> float:
        return self.places / self.size.count

    @property
    def tokens(self) -> int | None:
        return round(self.size.tokens / self.sized) if self.sized else None


class PrefixSums:
    """Adds up the prompts of one call site."""

    def __init__(self) -> None:
        self.calls = 0
        self.compared = 0
        self.grew = 0
        self.similarities: list[float] = [0.0, 0]
        self.input_tokens = Amount()
        self.missed = Amount()
        self.segments: Bounded[str, _Segment] = Bounded(_Segment, MAX_PATHS)

    def add(self, call: LLMCall, cache: CacheUse, base: int | None) -> None:
        """Count *call*. base: segments of the call that it extends, None if that is not known."""
        self.calls += 1
        self.missed.add(cache.missed_tokens, cache.missed_usd)
        if call.tokens is not None and call.tokens.input_total is not None:
            self.input_tokens.add(call.tokens.input_total, None)
        for number, segment in enumerate(call.segments):
            place = known(cache.kept_segments) + number
            self.segments.of(_general(segment.path)).add(segment, place)
        if cache.extends is not None:
            self._compare(call.segments, cache, base)

    def _compare(self, new: Sequence[SegmentPrint], cache: CacheUse, base: int | None) -> None:
        self.compared += 1
        if cache.similarity is not None:
            self.similarities[0] += cache.similarity
            self.similarities[1] += 1
        if not new or _is_growth(new[0], cache, base):
            self.grew += 1
            return
        self.segments.of(_general(new[0].path)).parted.add(cache.missed_tokens, cache.missed_usd)

    def merge(self, other: PrefixSums) -> None:
        """Add what *other* has, but for its segments: they are another site's."""
        self.calls += other.calls
        self.missed.merge(other.missed)

    @property
    def weight(self) -> tuple[Decimal, int]:
        """Missed money first."""
        return (self.missed.usd, self.calls)

    def map(self, site: str) -> PrefixMap:
        """The map."""
        total, number = self.similarities
        ranked = self.segments.ranked()
        return PrefixMap(
            site=site,
            calls=self.calls,
            compared=self.compared,
            grew=self.grew,
            similarity=total / number if number else None,
            stretches=tuple(_folded(list(self._stretches(ranked)))),
            folded_paths=self.segments.folded,
        )

    def _stretches(self, ranked: Sequence[tuple[str, _Segment]]) -> Iterator[Stretch]:
        there = sorted((pair for pair in ranked if pair[1].size.count), key=lambda pair: pair[1].place)
        head = sum(known(segment.tokens) for path, segment in there if not path.endswith("[*]"))
        left = self.compared
        for path, segment in there:
            left -= segment.parted.count
            yield Stretch(
                path=path,
                kind=segment.kind,
                tokens=self._rest(head) if path.endswith("[*]") else segment.tokens,
                parted=segment.parted.count,
                reach=max(left, 0) / self.compared if self.compared else 1.0,
                missed_tokens=segment.parted.tokens,
                missed_usd=segment.parted.usd,
                missed_unpriced=segment.parted.unpriced,
            )

    def _rest(self, head: int) -> int | None:
        """What the later messages have on average: all of the input but its head."""
        calls = self.input_tokens.count
        return max(0, round(self.input_tokens.tokens / calls) - head) if calls else None


class Prefixes:
    """The maps of all call sites, and how many segments the newest calls have."""

    def __init__(self) -> None:
        self.sites: Bounded[str, PrefixSums] = Bounded(PrefixSums, MAX_SITES)
        self._counts: OrderedDict[str, int] = OrderedDict()

    def add(self, call: LLMCall, event_id: str, site: str) -> None:
        """Count *call*, if it tells of its segments."""
        if call.cache is None or call.segment_count is None:
            return
        base = None if call.cache.extends is None else self._counts.get(call.cache.extends)
        self.sites.of(site).add(call, call.cache, base)
        self._counts[event_id] = call.segment_count
        if len(self._counts) > MAX_CALLS:
            self._counts.popitem(last=False)

    def maps(self) -> Iterator[PrefixMap]:
        """A map for each call site, that with the most missed money first."""
        for site, sums in self.sites.ranked():
            yield sums.map(site)


def _general(path: str) -> str:
    return _LATER.sub(r"\1[*]", path)


def _is_growth(first: SegmentPrint, cache: CacheUse, base: int | None) -> bool:
    """Whether all of the earlier prompt is there. If that one is not known: nothing was missed."""
    if base is not None:
        return cache.kept_segments == base
    return not cache.missed_tokens and _LATER.match(first.path) is not None


def _folded(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """Tools that no call parts at become one stretch."""
    waiting: list[Stretch] = []
    for stretch in stretches:
        if _TOOL.match(stretch.path) and not stretch.parted:
            waiting.append(stretch)
            continue
        yield from _one(waiting)
        waiting = []
        yield stretch
    yield from _one(waiting)


def _one(run: Sequence[Stretch]) -> Iterator[Stretch]:
    if not run:
        return
    sizes = [stretch.tokens for stretch in run if stretch.tokens is not None]
    path = run[0].path if len(run) == 1 else f"{run[0].path} … {run[-1].path}"
    yield msgspec.structs.replace(run[-1], path=path, tokens=sum(sizes) if sizes else None)
