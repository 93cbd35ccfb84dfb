"""Does the prefix index find in real traces what plain sums find, in how much memory and time?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from outcome import Chapter, Row, table
from trace_files import Trace, read_coding, read_mooncake
from traces import (
    CAPACITIES,
    REFERENCE_LRU_BLOCKS,
    REFERENCE_LRU_TOKENS,
    REFERENCE_TTL,
    TTLS_S,
    Footprint,
    agreement,
    footprint,
    reuse,
)

__all__ = ["coding_traces", "mooncake_traces", "trace_chapter"]

CLOSE = 0.0001
ROUNDING = 0.00005
"""The references have four digits."""
_HOW = """Recorded block hashes of real prompts, replayed through `PrefixIndex`. A block counts as read
if it and all before it were used at most a lifetime ago; a use refreshes it; what a request writes is
there from its start. The references were computed elsewhere, from the same files."""
MAX_US = 10.0
MAX_BYTES = 0.25


class _Ratio(NamedTuple):
    """A token hit ratio beside the one that is published with the traces."""

    trace: str
    limit: str
    measured: float
    reference: float


def mooncake_traces(folder: Path) -> list[Trace]:
    """Mooncake's traces in *folder*."""
    return [read_mooncake(path) for path in sorted(folder.glob("mooncake/*.jsonl"))]


def coding_traces(folder: Path, limit: int | None = None) -> list[Trace]:
    """The coding agents' traces in *folder*, the first *limit* of them."""
    return [read_coding(path) for path in sorted(folder.glob("claude-code/*.json"))[:limit]]


def trace_chapter(mooncake: Sequence[Trace], coding: Sequence[Trace], *, is_quick: bool) -> Chapter:
    """Hit ratios, agreement with the plain sums, memory and time. Quick: no capacities, one lifetime."""
    served = [*_lifetimes("mooncake", mooncake), *([] if is_quick else _capacities(mooncake))]
    coded = [] if is_quick else list(_lifetimes("claude-code", coding))
    capacities = (None,) if is_quick else (None, *CAPACITIES)
    sizes = {most: footprint(mooncake[0], most) for most in capacities}
    rows = [
        _ratio_row("Mooncake: token hit ratios, all lifetimes and LRU sizes", served, CLOSE),
        _agreement_row([*mooncake, *coding], TTLS_S[:1] if is_quick else TTLS_S),
        *([_ratio_row("22 coding-agent traces: token hit ratios", coded, ROUNDING)] if coded else []),
        *_cost_rows(sizes[None]),
    ]
    return Chapter("Prefixes of real traces", rows, [*_ratio_lines([*served, *coded]), *_size_lines(sizes)])


def _lifetimes(name: str, traces: Sequence[Trace]) -> Iterator[_Ratio]:
    for ttl_s, reference in zip(TTLS_S, REFERENCE_TTL[name], strict=True):
        limit = "no expiry" if ttl_s is None else f"{ttl_s / 60:.0f} min"
        yield _Ratio(name, limit, reuse(traces, ttl_s=ttl_s).token_ratio, reference)


def _capacities(traces: Sequence[Trace]) -> Iterator[_Ratio]:
    for capacity, tokens, blocks in zip(CAPACITIES, REFERENCE_LRU_TOKENS, REFERENCE_LRU_BLOCKS, strict=True):
        found = reuse(traces, max_keys=capacity)
        yield _Ratio("mooncake", f"LRU of {capacity:,} blocks, of tokens", found.token_ratio, tokens)
        yield _Ratio("mooncake", f"LRU of {capacity:,} blocks, of blocks", found.block_ratio, blocks)


def _ratio_row(check: str, ratios: Sequence[_Ratio], close: float) -> Row:
    worst = max(abs(one.measured - one.reference) for one in ratios)
    reach = "the traces' own four digits" if close == ROUNDING else f"± {close}"
    said = f"{len(ratios)} ratios, off by at most {worst:.5f}"
    return Row(check, said, reach, round(worst, 6) <= close)


def _agreement_row(traces: Sequence[Trace], ttls_s: Sequence[float | None]) -> Row:
    found = [agreement(traces, ttl_s) for ttl_s in ttls_s]
    compared, differing = (sum(column) for column in zip(*found, strict=True))
    said = f"{compared:,} compared, {differing} differ"
    return Row("blocks found for each request, against plain sums (all traces)", said, "exact", not differing)


def _cost_rows(whole: Footprint) -> Iterator[Row]:
    speed, size = whole.us_per_request, whole.bytes_per_token
    yield Row("matching, Mooncake", f"{speed:.1f} µs per request", f"<= {MAX_US:.0f} µs", speed <= MAX_US)
    said = f"{size:.3f} bytes per live prompt token"
    yield Row("state of the prefix index, Mooncake", said, f"<= {MAX_BYTES}", size <= MAX_BYTES)


def _ratio_lines(ratios: Sequence[_Ratio]) -> list[str]:
    cells = [(one.trace, one.limit, f"{one.measured:.4f}", f"{one.reference:.4f}") for one in ratios]
    return [
        _HOW,
        *table(("trace", "limit", "measured:", "reference:"), cells),
    ]


def _size_lines(sizes: dict[int | None, Footprint]) -> list[str]:
    cells = [
        (
            "all" if most is None else f"{most:,}",
            f"{one.bytes_per_token:.3f}",
            f"{one.state_bytes / one.keys:.0f}",
            f"{one.us_per_request:.1f}",
        )
        for most, one in sizes.items()
    ]
    head = ("blocks kept", "bytes per live token:", "bytes per block:", "µs per request:")
    return ["Memory after the whole trace, and processor time of a match and a touch:", *table(head, cells)]
