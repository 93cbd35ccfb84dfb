"""How much of real traces does the prefix index find again, at what size and speed? Plain sums check it.

python scripts/evaluation/traces.py FOLDER

FOLDER holds `mooncake/*.jsonl` (kvcache-ai/Mooncake, FAST25-release/traces) and `claude-code/*.json`
(callanjfox/kv-cache-tester, traces/). A block of tokens counts as read if it and all before it were used at
most a lifetime ago; a use refreshes it; what a request writes is there from its start.
Exit code: 0 the index agrees with the plain sums on every request, 1 it does not.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from trace_files import Request, Trace, read_coding, read_mooncake

from llm_observer.cache.index import PrefixIndex

FIVE_MINUTES_S = 300.0
HOUR_S = 3600.0
TTLS_S = (None, HOUR_S, 1800.0, 600.0, FIVE_MINUTES_S)
CAPACITIES = (1_000, 10_000, 30_000, 50_000, 100_000)
_KEY_MASK = 2**64 - 1
_ROUNDS = 7
_STRETCH = 100
"""Requests timed at once: what other programs take of the machine then hits few of the rounds."""


class Reuse(NamedTuple):
    """What was found again, of all that was sent."""

    read_tokens: int
    tokens: int
    read_blocks: int
    blocks: int

    @property
    def token_ratio(self) -> float:
        """Of the tokens, 0 to 1."""
        return self.read_tokens / self.tokens

    @property
    def block_ratio(self) -> float:
        """Of the blocks, 0 to 1."""
        return self.read_blocks / self.blocks


class Footprint(NamedTuple):
    """What the index costs over a whole trace. live_tokens: of the prompts that it still knows."""

    keys: int
    live_tokens: int
    state_bytes: int
    us_per_request: float

    @property
    def bytes_per_token(self) -> float:
        """Of all its memory, for each prompt token that it knows."""
        return self.state_bytes / self.live_tokens


class Agreement(NamedTuple):
    """Requests compared with the plain sums, and those that differ."""

    requests: int
    differing: int


class Rates(NamedTuple):
    """Prices of a token relative to plain input (Anthropic, pricing page, 2026-11)."""

    write_5m: float = 1.25
    write_1h: float = 2.0
    read: float = 0.1


class TtlCost(NamedTuple):
    """A trace under one lifetime. cost: in plain input tokens."""

    ttl_s: float
    read: int
    written: int
    cost: float


class TtlCosts(NamedTuple):
    """A trace under each lifetime for sale. uncached: its input tokens, which is the cost with no cache."""

    name: str
    uncached: int
    five_minutes: TtlCost
    hour: TtlCost

    @property
    def best(self) -> TtlCost:
        """The cheaper one; five minutes if they are equal."""
        return min(self.five_minutes, self.hour, key=lambda each: each.cost)


def keys_of(blocks: Iterable[int]) -> list[int]:
    """The chained keys of *blocks*: two prompts have one in common only if they are the same up to there."""
    key = 0
    keys = []
    for block in blocks:
        key = hash((key, block)) & _KEY_MASK
        keys.append(key)
    return keys


def blocks_read(trace: Trace, *, ttl_s: float | None = None, max_keys: int | None = None) -> list[int]:
    """Blocks that the index finds again, request by request."""
    index = PrefixIndex(max_keys=max_keys)
    read = []
    for request in trace.requests:
        keys = keys_of(request.blocks)
        read.append(index.match(keys, request.started_s, ttl_s))
        index.touch(keys, request.started_s)
    return read


class _Node:
    """A block in the tree of all prompts, for the plain sums."""

    __slots__ = ("next", "used_s")

    def __init__(self) -> None:
        self.next: dict[int, _Node] = {}
        self.used_s: float | None = None


def blocks_read_plainly(trace: Trace, ttl_s: float | None = None) -> list[int]:
    """The same without the index or its keys: a tree of blocks, each with its last use."""
    root = _Node()
    return [_walk(root, request, ttl_s) for request in trace.requests]


def _walk(node: _Node, request: Request, ttl_s: float | None) -> int:
    read = 0
    for place, block in enumerate(request.blocks):
        node = node.next.setdefault(block, _Node())
        is_live = node.used_s is not None and (ttl_s is None or request.started_s - node.used_s <= ttl_s)
        if is_live and read == place:
            read += 1
        node.used_s = request.started_s
    return read


def tokens_read(trace: Trace, read: Sequence[int]) -> int:
    """Tokens of the blocks *read*; the last block of a prompt may not be full."""
    pairs = zip(read, trace.requests, strict=True)
    return sum(min(count * trace.block_tokens, request.tokens) for count, request in pairs)


def reuse(traces: Iterable[Trace], *, ttl_s: float | None = None, max_keys: int | None = None) -> Reuse:
    """What the index finds again in *traces*, which share nothing with one another."""
    parts = [_reuse_of(trace, blocks_read(trace, ttl_s=ttl_s, max_keys=max_keys)) for trace in traces]
    return Reuse(*(sum(column) for column in zip(*parts, strict=True)))


def _reuse_of(trace: Trace, read: Sequence[int]) -> Reuse:
    return Reuse(
        tokens_read(trace, read),
        sum(request.tokens for request in trace.requests),
        sum(read),
        sum(len(request.blocks) for request in trace.requests),
    )


def agreement(traces: Iterable[Trace], ttl_s: float | None = None) -> Agreement:
    """How the index and the plain sums compare on each request."""
    same = []
    for trace in traces:
        pairs = zip(blocks_read(trace, ttl_s=ttl_s), blocks_read_plainly(trace, ttl_s), strict=True)
        same += [ours == plain for ours, plain in pairs]
    return Agreement(len(same), same.count(False))


def footprint(trace: Trace, max_keys: int | None = None) -> Footprint:
    """Size after the whole trace, and processor time of a match and a touch, stretches at their best."""
    prompts = [(request.started_s, keys_of(request.blocks)) for request in trace.requests]
    indexes = [PrefixIndex(max_keys=max_keys) for _ in range(_ROUNDS)]
    rounds = [list(_timed(prompts, index)) for index in indexes]
    seconds = sum(min(stretch) for stretch in zip(*rounds, strict=True))
    index = indexes[0]
    live = sum(size for key, size in _key_tokens(trace).items() if index.last_use(key) is not None)
    return Footprint(len(index), live, index.nbytes, seconds / len(prompts) * 1e6)


def _timed(prompts: Sequence[tuple[float, list[int]]], index: PrefixIndex) -> Iterator[float]:
    for start in range(0, len(prompts), _STRETCH):
        started = time.thread_time()
        for now, keys in prompts[start : start + _STRETCH]:
            index.match(keys, now)
            index.touch(keys, now)
        yield time.thread_time() - started


def _key_tokens(trace: Trace) -> dict[int, int]:
    """The tokens of each block of the trace by its key."""
    sizes = {}
    for request in trace.requests:
        for place, key in enumerate(keys_of(request.blocks)):
            sizes[key] = min(trace.block_tokens, request.tokens - place * trace.block_tokens)
    return sizes


def ttl_costs(trace: Trace, rates: Rates = Rates()) -> TtlCosts:  # noqa: B008 - immutable
    """The cost under each lifetime, by the plain sums: each request writes all that it does not read."""
    short = _ttl_cost(trace, FIVE_MINUTES_S, rates.write_5m, rates.read)
    long = _ttl_cost(trace, HOUR_S, rates.write_1h, rates.read)
    return TtlCosts(trace.name, short.read + short.written, short, long)


def _ttl_cost(trace: Trace, ttl_s: float, write_rate: float, read_rate: float) -> TtlCost:
    read = tokens_read(trace, blocks_read_plainly(trace, ttl_s))
    written = sum(request.tokens for request in trace.requests) - read
    return TtlCost(ttl_s, read, written, written * write_rate + read * read_rate)


REFERENCE_TTL = {
    "mooncake": (0.3736, 0.3736, 0.3706, 0.3501, 0.2934),
    "claude-code": (0.9520, 0.9508, 0.9484, 0.9325, 0.9179),
}
"""Token ratios of Mooncake's conversation trace and of 22 sessions, taken elsewhere, in order of TTLS_S."""
REFERENCE_LRU_TOKENS = (0.0454, 0.2153, 0.3321, 0.3615, 0.3708)
REFERENCE_LRU_BLOCKS = (0.0445, 0.2112, 0.3257, 0.3546, 0.3637)
"""Ratios of Mooncake's conversation trace, in order of CAPACITIES."""


def lines(mooncake: Sequence[Trace], coding: Sequence[Trace]) -> Iterator[str]:
    """The report, line by line."""
    for name, traces in (("mooncake", mooncake), ("claude-code", coding)):
        for ttl_s, reference in zip(TTLS_S, REFERENCE_TTL[name], strict=True):
            ratio = reuse(traces, ttl_s=ttl_s).token_ratio
            yield f"{name:12} lifetime {ttl_s or 'none':>8}  {ratio:.4f}  reference {reference:.4f}"
    references = zip(CAPACITIES, REFERENCE_LRU_TOKENS, REFERENCE_LRU_BLOCKS, strict=True)
    for capacity, tokens, blocks in references:
        found = reuse(mooncake, max_keys=capacity)
        yield f"mooncake     LRU {capacity:13,}  {found.token_ratio:.4f}  reference {tokens:.4f}  of tokens"
        yield f"mooncake     LRU {capacity:13,}  {found.block_ratio:.4f}  reference {blocks:.4f}  of blocks"
    for trace in mooncake:
        for max_keys in (None, *CAPACITIES):
            yield f"mooncake     LRU {max_keys or 'none':>13}  {_footprint_line(footprint(trace, max_keys))}"
    yield f"claude-code  {_costs_line([ttl_costs(trace) for trace in coding])}"


def _footprint_line(found: Footprint) -> str:
    return (
        f"{found.bytes_per_token:.3f} bytes a token  {found.state_bytes / found.keys:.0f} a key  "
        f"{found.us_per_request:.1f} us a request"
    )


def _costs_line(costs: Sequence[TtlCosts]) -> str:
    uncached = sum(each.uncached for each in costs)
    chosen = [(each.five_minutes, each.hour, each.best) for each in costs]
    shares = (sum(option.cost for option in options) / uncached for options in zip(*chosen, strict=True))
    return "cost to uncached: 5 min {:.4f}, 1 h {:.4f}, the better for each {:.4f}".format(*shares)


def main() -> int:
    """Print the table for the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    mooncake = [read_mooncake(path) for path in sorted(folder.glob("mooncake/*.jsonl"))]
    coding = [read_coding(path) for path in sorted(folder.glob("claude-code/*.json"))]
    if not (mooncake and coding):
        parser.error("the folder lacks mooncake/*.jsonl or claude-code/*.json")
    for line in lines(mooncake, coding):
        print(line)
    found = [agreement([*mooncake, *coding], ttl_s) for ttl_s in TTLS_S]
    compared, differing = (sum(column) for column in zip(*found, strict=True))
    print(f"requests compared with the plain sums: {compared:,}, differing: {differing}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
