"""Do recorded cache reads agree with what an earlier call of the same recording left to be read?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from outcome import Chapter, Row, percent, table

from llm_observer.cache.tokens import prompt_total
from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse
from llm_observer.config import load
from llm_observer.offline import events_of
from llm_observer.recordings import Recorded, read_files

__all__ = ["Pair", "pair_chapter", "pairs_of"]

STEP = 128
"""Tokens: the steps in which most caches count."""
ROUTERS = frozenset({"openrouter", "vercel", "huggingface"})
_HOW = """Real calls that read from the cache, where a call of the same recording left something to be
read. Predicted is `reusable_tokens`, which is told before the call's own cache read is looked at. Equal
to the token: {exact} of {pairs} ({share}). Another {unread} calls read nothing though an earlier one
left something: the verdict `unexplained`, as caches live on single machines, and recordings of one file
may be days apart.

Those beyond the reach:"""


class Pair(NamedTuple):
    """A call that read from the cache, after one of the same file that its prompt goes on from."""

    file: str
    index: int
    provider: str
    model: str
    is_explicit: bool
    total: int | None
    reusable: int
    actual: int
    is_summed: bool

    @property
    def is_close(self) -> bool:
        """Exact where the app sets breakpoints, else within a step."""
        off = abs(self.actual - self.reusable)
        return off == 0 if self.is_explicit else off <= STEP

    @property
    def reason(self) -> str:
        """Why the two differ, as far as the recording tells."""
        if self.total is not None and self.actual > self.total:
            return "the provider counts more tokens read than the prompt has"
        if self.is_summed:
            return (
                "hosted tools ran: the sum over their passes, of which each reads what the one before wrote"
            )
        if self.actual > self.reusable:
            return "read more than the earlier call left: another one, not in the file, wrote it"
        if self.provider in ROUTERS:
            return "a router: the two calls need not have met the same cache"
        return "read less than was there"


def pairs_of(path: Path) -> tuple[list[Pair], int]:
    """The pairs of the recordings in *path*, and how many calls read nothing though there was something."""
    found, unread = [], 0
    items = (item for item in read_files([str(path)]) if isinstance(item, Recorded))
    for one, event in events_of(items, load({"hash_key": "evaluation-key-0123456789abcdef"})):
        call = event.llm_call
        cache = None if call is None else call.cache
        if call is None or cache is None or not cache.reusable_tokens or cache.actual_tokens is None:
            continue
        if cache.actual_tokens:
            found.append(_pair(path, one, call, cache))
        else:
            unread += 1
    return found, unread


def _pair(path: Path, one: Recorded, call: LLMCall, cache: CacheUse) -> Pair:
    is_written = call.tokens is not None and bool(call.tokens.cache_write)
    return Pair(
        file=path.stem,
        index=one.index,
        provider=call.provider,
        model=call.model_requested or call.model_responded or "",
        is_explicit=bool(cache.breakpoints)
        or cache.rule == "anthropic"
        or (cache.rule == "openai_breakpoints" and is_written),
        total=None if call.tokens is None else call.tokens.input_total,
        reusable=cache.reusable_tokens or 0,
        actual=cache.actual_tokens or 0,
        is_summed=bool(call.other_tools) and prompt_total(call) is None,
    )


def pair_chapter(folder: Path, limit: int | None = None) -> Chapter:
    """The pairs of all recordings in *folder*."""
    found, unread = [], 0
    for path in sorted((folder / "open").glob("*.jsonl"))[:limit]:
        pairs, missed = pairs_of(path)
        found += pairs
        unread += missed
    explicit = [pair for pair in found if pair.is_explicit]
    others = [pair for pair in found if not pair.is_explicit]
    rows = [
        _row("recorded pairs with explicit breakpoints", explicit, "exact"),
        _row("recorded pairs, other caches", others, f"within {STEP} tokens"),
    ]
    return Chapter("Recorded pairs of calls", rows, [*_lines(found, unread)])


def _row(check: str, pairs: Sequence[Pair], reach: str) -> Row:
    close = [pair for pair in pairs if pair.is_close]
    unexplained = [pair for pair in pairs if not pair.is_close and pair.reason.startswith("read less")]
    said = f"{len(close)} of {len(pairs)}; {len(pairs) - len(close) - len(unexplained)} with a reason below"
    return Row(check, said, reach, not unexplained if pairs else None)


def _lines(pairs: Sequence[Pair], unread: int) -> Iterator[str]:
    exact = sum(pair.actual == pair.reusable for pair in pairs)
    share = percent(exact / max(len(pairs), 1), 0)
    yield _HOW.format(exact=exact, pairs=len(pairs), share=share, unread=unread)
    head = ("file", "record:", "provider, model", "predicted:", "read:", "why")
    yield from table(
        head,
        [
            (
                pair.file,
                pair.index,
                f"{pair.provider}, `{pair.model}`",
                pair.reusable,
                pair.actual,
                pair.reason,
            )
            for pair in pairs
            if not pair.is_close
        ],
    )
