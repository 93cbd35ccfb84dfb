"""Where did a read end, of which the provider tells only the tokens? It can end at a breakpoint alone."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from llm_observer.cache.breakpoints import lookups, writes
from llm_observer.cache.entries import Entries, Entry
from llm_observer.cache.prompt import PieceKind, Prompt
from llm_observer.cache.rules import Rule

__all__ = ["Use", "is_near", "read_up_to", "sole_place"]

SLACK_TOKENS = 64
SLACK_SHARE = 0.02
"""How far our count of a prefix may be from the provider's to be taken for the same place."""
_ASKED: frozenset[PieceKind] = frozenset({"user", "tool_result"})


class Use(NamedTuple):
    """Who wrote, and what the provider said of it; None where it said nothing."""

    tag: int
    read: int | None
    written: int | None
    long: int | None


def is_near(ours: int, counted: int) -> bool:
    """Whether the two may be counts of one place."""
    return abs(ours - counted) <= SLACK_TOKENS + SLACK_SHARE * counted


def read_up_to(prompt: Prompt, position: int, tokens: int, read: int | None) -> int:
    """The last piece that was read: *position*, unless the provider's count is far from its *tokens*."""
    if read is None or is_near(tokens, read):
        return position
    return bisect_right(prompt.ends, read) - 1


def sole_place(prompt: Prompt, rule: Rule, entries: Entries, use: Use, known: int) -> int | None:
    """The only place at which a read of so many tokens can have ended, None if there are several or none.

    However far the count is from ours: an image, or the hidden text of a tool, can be of any size. known:
    leading pieces that earlier prompts had.
    """
    read = 0 if use.read is None else use.read
    looked = {at: entries.ending_at(prompt.keys[at], rule) for at in _places(prompt, rule, use)}
    sizes = {at: entry.tokens for at, found in looked.items() for entry in found if entry.is_exact}
    if read in sizes.values():
        return next(at for at, tokens in sizes.items() if tokens == read)
    ours = [at for at in looked.keys() - sizes if _is_open(looked[at], prompt)]
    is_new = bool(ours) and any(entry.is_new for entry in looked[max(ours)])
    others = [
        at
        for at in looked.keys() - sizes - set(ours)
        if looked[at] or ((at >= known or not is_new) and _may_be_kept(prompt, rule, at))
    ]
    at = _likeliest(prompt, read, ours) if ours and not others else None
    if not ours and len(others) == 1:
        at = others[0]
    fits = at is not None and all((tokens < read) == (place < at) for place, tokens in sizes.items())
    return at if fits else None


def _places(prompt: Prompt, rule: Rule, use: Use) -> set[int]:
    """The places that were looked at, but for the last one if it was written: it was not read then."""
    last = writes(prompt, rule)[-1:] if use.written else ()
    return {place.position for place in lookups(prompt, rule)} - {marker.position for marker in last}


def _is_open(found: Sequence[Entry], prompt: Prompt) -> bool:
    """Whether one of *found* is live. Whether it is long enough to be kept is told by its being read."""
    return any(entry.stands_open(prompt.started_s, ("minimum",)) for entry in found)


def _may_be_kept(prompt: Prompt, rule: Rule, at: int) -> bool:
    """Whether prompts like this one, of other processes, have a breakpoint at *at*."""
    if at in {marker.position for marker in writes(prompt, rule)}:
        return True
    is_last = at + 1 == len(prompt.keys) or prompt.messages[at + 1] != prompt.messages[at]
    return is_last and prompt.kinds[at] in _ASKED


def _likeliest(prompt: Prompt, read: int, ours: Sequence[int]) -> int | None:
    """The highest of our own entries, as a provider reads that; None if the count is nearer to another."""
    top = max(ours)
    nearest = min(ours, key=lambda at: abs(prompt.ends[at] - read))
    return top if nearest == top else None
