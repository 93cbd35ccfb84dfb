"""Does the prefix index find in real traces what plain sums find, in how much memory and time?"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from outcome import Chapter, Row, percent, table
from trace_files import Trace, read_coding, read_mooncake
from traces import (
    CAPACITIES,
    REFERENCE_LRU_BLOCKS,
    REFERENCE_LRU_TOKENS,
    REFERENCE_TTL,
    TTLS_S,
    agreement,
    footprint,
    reuse,
)

__all__ = ["coding_traces", "mooncake_traces", "trace_chapter"]

CLOSE = 0.0001
MAX_US = 10.0
MAX_BYTES = 0.25
_ROUNDING = 0.00005
"""The references have four digits."""
_RATIOS = ("trace", "limit", "measured:", "reference:")
_SIZES = ("blocks kept", "bytes per live token:", "bytes per block:", "µs per request:")


def mooncake_traces(folder: Path) -> list[Trace]:
    """Mooncake's traces in *folder*."""
    return [read_mooncake(path) for path in sorted(folder.glob("mooncake/*.jsonl"))]


def coding_traces(folder: Path, limit: int | None = None) -> list[Trace]:
    """The coding agents' traces in *folder*, the first *limit* of them."""
    return [read_coding(path) for path in sorted(folder.glob("claude-code/*.json"))[:limit]]


def trace_chapter(mooncake: Sequence[Trace], coding: Sequence[Trace], *, is_quick: bool) -> Chapter:
    """Hit ratios, agreement with the plain sums, memory and time."""
    ratios = [*_lifetimes("mooncake", mooncake)]
    ours = [] if is_quick else [*_lifetimes("claude-code", coding)]
    ratios += [] if is_quick else _capacities(mooncake)
    sizes = [(most, footprint(trace, most)) for trace in mooncake for most in (None, *CAPACITIES)]
    whole = sizes[0][1]
    found = [agreement([*mooncake, *coding], ttl_s) for ttl_s in (TTLS_S[:1] if is_quick else TTLS_S)]
    compared, differing = (sum(column) for column in zip(*found, strict=True))
    rows = [
        _ratio_row("Mooncake: token hit ratios, lifetimes and LRU sizes", ratios, CLOSE),
        Row(
            "coding-agent traces: blocks read, request by request, against plain sums",
            f"{differing} of {compared:,} differ (Mooncake's included)",
            "exact",
            differing == 0,
        ),
        *([_ratio_row("coding-agent traces: token hit ratios", ours, _ROUNDING)] if ours else []),
        Row(
            "matching, Mooncake",
            f"{whole.us_per_request:.1f} µs per request",
            f"<= {MAX_US:.0f} µs",
            whole.us_per_request <= MAX_US,
        ),
        Row(
            "state of the prefix index, Mooncake",
            f"{whole.bytes_per_token:.3f} bytes per live prompt token",
            f"<= {MAX_BYTES}",
            whole.bytes_per_token <= MAX_BYTES,
        ),
    ]
    lines = [
        "Recorded block hashes of real prompts, replayed through `PrefixIndex`. A block counts as read if it and",
        "all before it were used at most a lifetime ago; a use refreshes it. References: the traces' own page.",
        *table(_RATIOS, [(name, limit, f"{one:.4f}", f"{two:.4f}") for name, limit, one, two in (*ratios, *ours)]),
        "Memory after the whole trace, and time of a match and a touch (the best of seven rounds):",
        *table(_SIZES, [_size_row(most, found) for most, found in sizes]),
    ]
    return Chapter("Prefixes in real traces", rows, lines)
