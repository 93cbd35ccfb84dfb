"""What would a provider's prompt cache have read and written? Three small oracles, straight from the docs.

Sources: Anthropic https://platform.claude.com/docs/en/build-with-claude/prompt-caching (2026-11), OpenAI
https://developers.openai.com/api/docs/guides/prompt-caching (2026-09-20). Nothing here is shared with the
package that is judged.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from models import MODELS, Model, Reading
from rendering import Block, render, tokens_of

__all__ = ["STEP", "Call", "simulate"]


STEP = 128
"""Tokens: what OpenAI reads before GPT-5.6 is a multiple of it."""
_ELIGIBLE = {"user", "tool_result"}
_INITIAL = {"system", "developer"}


class Call(NamedTuple):
    """A request as its provider sees it. Times in seconds."""

    wire: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    started: float
    first_byte: float


class _Entry(NamedTuple):
    ready: float
    expires: float


class _Cache(Protocol):
    def serve(self, call: Call, model: Model) -> Reading: ...


def simulate(calls: Sequence[Call], *, has_minimum: bool = True) -> list[Reading]:
    """What each call reads; *calls* are in order of time and share their account and nothing else."""
    caches: dict[str, _Cache] = {"anthropic": _Anthropic(), "old": _Intervals(), "new": _Boundaries()}
    readings = []
    for call in calls:
        model = MODELS[call.body["model"]]
        model = model if has_minimum else model._replace(minimum=0)
        readings.append(caches[model.family].serve(call, model))
    return readings


class _Prefixes(NamedTuple):
    """Of each block: a key of all up to its end, and the tokens up to its end."""

    keys: Sequence[int]
    ends: Sequence[int]


def _prefixes(blocks: Sequence[Block], scope: object, of_messages: object = None) -> _Prefixes:
    keys, ends, key, end = [], [], hash(scope), 0
    for block in blocks:
        key = hash((key, block.kind, block.text, of_messages if block.message >= 0 else None))
        end += 1 + len(tokens_of(block.text))
        keys.append(key)
        ends.append(end)
    return _Prefixes(keys, ends)


class _Entries:
    """What was written: each prefix is there from the writer's first byte on, until its lifetime is over."""

    def __init__(self) -> None:
        self._entries: dict[object, _Entry] = {}

    def has(self, key: object, at: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.ready <= at <= entry.expires

    def write(self, key: object, call: Call, lifetime: float) -> None:
        """Reading refreshes too: the lifetime is counted from the start of the request."""
        before = self._entries.get(key)
        is_alive = before is not None and before.expires >= call.started
        ready = min(before.ready, call.first_byte) if before is not None and is_alive else call.first_byte
        self._entries[key] = _Entry(ready, call.started + lifetime)


class _Anthropic:
    """Breakpoints, explicit or one on the last block; 20 positions back; 5 minutes or 1 hour."""

    LOOK_BACK = 20
    MOST = 4
    LIFETIMES: Mapping[str, float] = {"5m": 300, "1h": 3600}
    OF_MESSAGES = ("tool_choice", "thinking", "output_config")

    def __init__(self) -> None:
        self._entries = _Entries()

    def serve(self, call: Call, model: Model) -> Reading:
        blocks = render(call.wire, call.body)
        scope = (call.body["model"], call.headers.get("anthropic-beta"), call.body.get("speed"))
        of_messages = json.dumps([call.body.get(name) for name in self.OF_MESSAGES])
        prefixes = _prefixes(blocks, scope, of_messages)
        total = prefixes.ends[-1]
        markers = self._markers(call.body, blocks)
        if len(markers) > self.MOST:
            return Reading(total, is_refused=True)
        usable = [(place, ttl) for place, ttl in markers if prefixes.ends[place] >= model.minimum]
        found = [hit for place, ttl in usable for hit in self._look_back(place, ttl, blocks, prefixes, call)]
        found = [(place, ttl) for place, ttl in found if prefixes.ends[place] >= model.minimum]
        for place, ttl in [*found, *usable]:
            self._entries.write((prefixes.keys[place], ttl), call, self.LIFETIMES[ttl])
        return self._reading(prefixes.ends, found, usable)

    def _markers(self, body: Mapping[str, Any], blocks: Sequence[Block]) -> list[tuple[int, str]]:
        found = [(place, block.marker) for place, block in enumerate(blocks) if block.marker]
        if body.get("cache_control"):
            found.append((len(blocks) - 1, body["cache_control"]))
        return [(place, marker.get("ttl", "5m")) for place, marker in found]

    def _look_back(
        self, place: int, ttl: str, blocks: Sequence[Block], prefixes: _Prefixes, call: Call
    ) -> Iterator[tuple[int, str]]:
        """The first entry from *place* backward; a run of tool uses or results is one position."""
        positions = 1
        for at in range(place, -1, -1):
            if at < place and not (blocks[at].kind == blocks[at + 1].kind in {"tool_use", "tool_result"}):
                positions += 1
            if positions > self.LOOK_BACK:
                return
            if self._entries.has((prefixes.keys[at], ttl), call.started):
                yield at, ttl
                return

    def _reading(
        self, ends: Sequence[int], found: Sequence[tuple[int, str]], usable: Sequence[tuple[int, str]]
    ) -> Reading:
        """A: highest hit; B: highest 1 h breakpoint behind it; C: the last breakpoint."""
        a = max((ends[place] for place, _ in found), default=0)
        b = max((ends[place] for place, ttl in usable if ttl == "1h"), default=0)
        c = max((ends[place] for place, _ in usable), default=0)
        return Reading(ends[-1], a, max(0, c - max(a, b)), max(0, b - a))


def _openai_scope(body: Mapping[str, Any]) -> str:
    """What stands in the cache key besides the prompt."""
    names = ("model", "prompt_cache_key", "reasoning_effort", "reasoning", "verbosity", "service_tier")
    rest = {name: body.get(name) for name in (*names, "parallel_tool_calls")}
    return json.dumps([rest, (body.get("text") or {}).get("verbosity")])


class _Sent(NamedTuple):
    scope: str
    blocks: Sequence[Block]
    ready: float


class _Intervals:
    """Before GPT-5.6: the longest common prefix in tokens, in steps of 128, from 1,024 on."""

    LIFETIMES: Mapping[str | None, float] = {"in_memory": 3600, "24h": 86_400, None: 86_400}

    def __init__(self) -> None:
        self._sent: list[_Sent] = []
        self._expires: list[float] = []

    def serve(self, call: Call, model: Model) -> Reading:
        blocks = render(call.wire, call.body)
        now = _Sent(_openai_scope(call.body), blocks, call.first_byte)
        lifetime = self.LIFETIMES[call.body.get("prompt_cache_retention")]
        best, used = 0, None
        for place, before in enumerate(self._sent):
            is_there = before.scope == now.scope and before.ready <= call.started <= self._expires[place]
            if is_there and (common := _common_tokens(before.blocks, blocks)) > best:
                best, used = common, place
        if used is not None:
            self._expires[used] = call.started + lifetime
        self._sent.append(now)
        self._expires.append(call.started + lifetime)
        read = best - best % STEP
        total = sum(1 + len(tokens_of(block.text)) for block in blocks)
        return Reading(total, read if read >= model.minimum else 0)


def _common_tokens(before: Sequence[Block], now: Sequence[Block]) -> int:
    common = 0
    for old, new in itertools.zip_longest(before, now):
        if old is None or new is None or old.kind != new.kind:
            return common
        if old.text != new.text:
            pairs = zip(tokens_of(old.text), tokens_of(new.text), strict=False)
            return common + 1 + sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        common += 1 + len(tokens_of(new.text))
    return common


class _Boundaries:
    """From GPT-5.6: the ends of eligible messages, written one a call; explicit breakpoints besides."""

    LIFETIMES: Mapping[str | None, float] = {None: 1800, "30m": 1800, "12h": 43_200}
    EARLIER = 20
    WRITES = 4

    def __init__(self) -> None:
        self._entries = _Entries()

    def serve(self, call: Call, model: Model) -> Reading:
        blocks = render(call.wire, call.body)
        options = call.body.get("prompt_cache_options") or {}
        prefixes = _prefixes(blocks, _openai_scope(call.body))
        implicit = [] if options.get("mode") == "explicit" else list(_eligible(blocks))
        explicit = [place for place, block in enumerate(blocks) if block.marker]
        looked_up = {*implicit[-1 - self.EARLIER :], *implicit[:1], *explicit[:2], *explicit[-50:]}
        written = [*explicit[len(implicit[-1:]) - self.WRITES :], *implicit[-1:]]
        large = [place for place in looked_up if prefixes.ends[place] >= model.minimum]
        hits = [place for place in large if self._entries.has(prefixes.keys[place], call.started)]
        read = max((prefixes.ends[place] for place in hits), default=0)
        kept = [place for place in written if prefixes.ends[place] >= model.minimum]
        reused = [place for place in hits if prefixes.ends[place] == read]
        for place in {*reused, *kept}:
            self._entries.write(prefixes.keys[place], call, self.LIFETIMES[options.get("ttl")])
        end = max((prefixes.ends[place] for place in kept), default=0)
        return Reading(prefixes.ends[-1], read, max(0, end - read))


def _eligible(blocks: Sequence[Block]) -> Iterator[int]:
    """The places of the ends: the initial developer block, user messages, runs of tool results."""
    is_initial = True
    for place, (block, after) in enumerate(itertools.zip_longest(blocks, blocks[1:])):
        if block.message < 0:
            continue
        is_initial = is_initial and block.kind in _INITIAL
        if is_initial and (after is None or after.kind not in _INITIAL):
            yield place
        is_run = block.kind == "tool_result" and after is not None and after.kind == "tool_result"
        is_end = after is None or after.message != block.message
        if block.kind in _ELIGIBLE and is_end and not is_run:
            yield place
