"""What is known of a call that is replayed from its event? Its prompt as numbers, in a form that shares.

An event holds the pieces that are new in its prompt, and names the event whose prompt has the others. A chain
keeps that form, so that a long conversation costs what its newest prompt costs, and little more.
"""

import re
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from llm_observer.cache.prompt import KINDS, Marker, Mode, Prompt
from llm_observer.cache.rates import Paid, paid_by
from llm_observer.cache.rules import Rule
from llm_observer.cache.tokens import prompt_total
from llm_observer.call import CallSite, LLMCall, SegmentPrint, Tokens
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.event import Event

__all__ = ["Chain", "Pieces", "ReplayedCall", "has_pieces", "replayed"]

MAX_DEPTH = 32
"""After so many events that go on from one another, a prompt is kept whole."""
PIECE_BYTES = 25
CALL_BYTES = 2000
"""As measured with CPython 3.11, rounded up."""
SLACK_TOKENS, SLACK_SHARE = 64, 0.02
HOUR_S, HALF_DAY_S = 3600, 43200
_MESSAGE = re.compile(r"^(?:messages|input|contents)\[(\d+)\]")
_SINGLE = re.compile(r"^(?:messages|input|contents|prompt)(?:\.|$)")
_PLACES = {kind: place for place, kind in enumerate(KINDS)}


class Pieces(NamedTuple):
    """A prompt's pieces, an entry for each. sizes: tokens. kinds: places in `KINDS`."""

    keys: "array[int]"
    stable: "array[int]"
    sizes: "array[int]"
    kinds: "array[int]"
    messages: "array[int]"

    def first(self, count: int) -> "Pieces":
        """The leading ones."""
        return Pieces(*(column[:count] for column in self))


class Chain:
    """Pieces of a prompt: the first *kept* are those of *before*."""

    __slots__ = ("before", "depth", "kept", "own")

    def __init__(self, before: "Chain | None", kept: int, own: Pieces) -> None:
        self.before: Chain | None = before
        self.kept: int = kept
        self.own: Pieces = own
        self.depth: int = 0 if before is None else before.depth + 1
        if self.depth >= MAX_DEPTH:
            self.own, self.before, self.kept, self.depth = self.pieces(), None, 0, 0

    def __len__(self) -> int:
        return self.kept + len(self.own.keys)

    def pieces(self) -> Pieces:
        """All of them."""
        parts = [self.own]
        chain: Chain | None = self
        count = self.kept
        while chain is not None and chain.before is not None and count:
            chain = chain.before
            parts.append(chain.own.first(max(count - chain.kept, 0)))
            count = min(count, chain.kept)
        columns = [array(column.typecode) for column in self.own]
        for part in reversed(parts):
            for column, more in zip(columns, part, strict=True):
                column.extend(more)
        return Pieces(*columns)


class ReplayedCall(NamedTuple):
    """A call that can be replayed. site: the app's line, None if unknown. bare: its prompt without pieces.

    root: the first event that it goes back to. breaks: kind and piece of each finding; piece 0 where it is in
    no single one. total, read: tokens of the prompt, and
    those from the cache, as counted by the provider; None where it did not count the prompt alone.
    """

    event_id: str
    root: str
    conversation: str
    model: str
    site: str | None
    rule: Rule
    paid: Paid
    breaks: tuple[tuple[str, int], ...]
    total: int | None
    read: int | None
    bare: Prompt
    chain: Chain

    @property
    def talk(self) -> str:
        """Its conversation, told from those of other processes by the call that it goes back to."""
        return f"{self.root} {self.conversation}"

    @property
    def group(self) -> str:
        """The calls that are changed together: those of its call site, else of its model, under one rule."""
        return f"{self.site or self.model} ({self.rule.id})"

    @property
    def nbytes(self) -> int:
        """What it holds, bytes; pieces of earlier calls are theirs."""
        return CALL_BYTES + PIECE_BYTES * len(self.chain.own.keys)

    def prompt(self) -> Prompt:
        """The prompt as it was sent."""
        return self.prompt_and_stable()[0]

    def prompt_and_stable(self) -> tuple[Prompt, list[int]]:
        """The prompt as it was sent, and its keys with all that is volatile or mere form left out."""
        pieces = self.chain.pieces()
        prompt = self.bare._replace(
            keys=pieces.keys.tolist(),
            ends=_ends(pieces.sizes, self.total),
            kinds=[KINDS[kind] for kind in pieces.kinds],
            messages=pieces.messages.tolist(),
        )
        return prompt, pieces.stable.tolist()


def has_pieces(call: LLMCall) -> bool:
    """Whether the event tells all that a replay needs of the pieces that are new."""
    return call.segment_count is not None and all(
        segment.chain is not None and segment.stable is not None and segment.kind in _PLACES
        for segment in call.segments
    )


def replayed(
    event: Event, call: LLMCall, *, at_s: float, rule: Rule, parent: ReplayedCall | None
) -> ReplayedCall:
    """The *call* of *event*, which has the first `cache.kept_segments` pieces from *parent*."""
    cache = CacheUse(verdict="unknown") if call.cache is None else call.cache
    kept = 0 if parent is None or cache.kept_segments is None else cache.kept_segments
    chain = Chain(parent.chain if parent is not None and kept else None, kept, _pieces(call.segments))
    total = prompt_total(call)
    tokens = call.tokens if call.tokens is not None and total is not None else Tokens()
    bare = _bare(call, cache, tokens, rule, at_s, _ends(chain.pieces().sizes, total))
    return ReplayedCall(
        event_id=event.event_id,
        root=event.event_id if parent is None else parent.root,
        conversation=event.event_id if cache.conversation is None else cache.conversation,
        model=f"{call.provider}/{call.model_responded or call.model_requested}",
        site=_site(call.call_site),
        rule=rule,
        paid=paid_by(call),
        breaks=tuple((finding.kind, _place(call.segments, kept, finding)) for finding in cache.findings),
        total=total,
        read=tokens.cache_read,
        bare=_with_lifetime(bare, call, parent),
        chain=chain,
    )


def _bare(
    call: LLMCall, cache: CacheUse, tokens: Tokens, rule: Rule, at_s: float, ends: Sequence[int]
) -> Prompt:
    markers = tuple(Marker(point.segment, point.ttl_s) for point in cache.breakpoints)
    mode, ttl_s = _said(rule, tokens, markers, ends)
    return Prompt(
        provider=call.provider,
        wire=call.wire,
        model=call.model_requested or call.model_responded or "",
        started_s=at_s,
        first_byte_s=at_s + _first_byte(call),
        keys=(),
        ends=(),
        kinds=(),
        messages=(),
        markers=markers,
        mode=mode,
        ttl_s=ttl_s,
    )


def _with_lifetime(bare: Prompt, call: LLMCall, parent: ReplayedCall | None) -> Prompt:
    """A call that only reads does not show which lifetime it asked for: then that of the call before."""
    is_shown = bare.mode != "automatic" or (call.tokens is not None and call.tokens.cache_write)
    if is_shown or parent is None or parent.bare.mode != "automatic":
        return bare
    return bare._replace(ttl_s=parent.bare.ttl_s)


def _first_byte(call: LLMCall) -> float:
    """Seconds until the answer began."""
    if call.timing is None:
        return 0.0
    first, whole = call.timing.time_to_first_chunk_ms, call.timing.duration_ms
    wait = first if first is not None else whole
    return 0.0 if wait is None else wait / 1000


def _pieces(segments: Sequence[SegmentPrint]) -> Pieces:
    columns = Pieces(array("Q"), array("Q"), array("L"), array("B"), array("i"))
    for segment in segments:
        columns.keys.append(int(segment.chain or "0", 16))
        columns.stable.append(int(segment.stable or "0", 16))
        columns.sizes.append(0 if segment.tokens is None else segment.tokens)
        columns.kinds.append(_PLACES[segment.kind])  # type: ignore[index]  # `has_pieces` was asked before
        columns.messages.append(_message(segment.path))
    return columns


def _message(path: str) -> int:
    """The number of the message that a path leads into; -1 for tools, schema and system."""
    found = _MESSAGE.match(path)
    if found:
        return int(found[1])
    return 0 if _SINGLE.match(path) else -1


def _ends(sizes: Sequence[int], total: int | None) -> list[int]:
    """Tokens up to each piece; the last one ends with the provider's count."""
    ends, end = [], 0
    for size in sizes:
        end += size
        ends.append(end if total is None else min(end, total))
    if total is not None and ends:
        ends[-1] = total
    return ends


def _place(segments: Sequence[SegmentPrint], kept: int, finding: Finding) -> int:
    """The piece that a finding is in."""
    path = finding.path or ""
    for place, segment in enumerate(segments):
        if path == segment.path or path.startswith((f"{segment.path}.", f"{segment.path}[")):
            return kept + place
    return 0


def _site(site: CallSite | None) -> str | None:
    """`app.py:42 ask`."""
    return None if site is None else f"{site.file}:{site.line} {site.function or ''}".rstrip()


def _said(
    rule: Rule, tokens: Tokens, markers: Sequence[Marker], ends: Sequence[int]
) -> tuple[Mode | None, int | None]:
    """What the request must have said about caching as a whole: events don't tell, but usage shows it.

    Anthropic caches behind the last breakpoint only if the top-level `cache_control` asks for it; OpenAI,
    from GPT-5.6 on, ends at the last breakpoint only in the mode `explicit`.
    """
    if (tokens.cache_read is None and tokens.cache_write is None) or not ends:
        return None, None
    cached = sum(count for count in (tokens.cache_read, tokens.cache_write) if count is not None)
    marked = ends[markers[-1].position] if markers and markers[-1].position < len(ends) else 0
    slack = SLACK_TOKENS + SLACK_SHARE * marked
    if rule.id == "anthropic":
        is_automatic = cached > (marked + slack if markers else 0)
        return ("automatic", _ttl(tokens)) if is_automatic else (None, None)
    if rule.id != "openai_breakpoints" or tokens.cache_write is None:
        return None, _ttl(tokens)
    is_explicit = (
        cached <= marked + slack < ends[-1] if markers else not cached and ends[-1] > rule.minimum + slack
    )
    return ("explicit" if is_explicit else None), _ttl(tokens)


def _ttl(tokens: Tokens) -> int | None:
    """The lifetime that was paid for, where it is not the default."""
    if tokens.cache_write_1h and not tokens.cache_write_5m:
        return HOUR_S
    return HALF_DAY_S if tokens.cache_write_12h else None
