"""Where does a request's prompt cache stop, where is it looked up, and what would be written?"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from llm_observer.cache.prompt import Marker, PieceKind, Prompt
from llm_observer.cache.rules import Rule

__all__ = ["ANSWER", "Split", "lookups", "split", "writes"]

RUNS: frozenset[PieceKind] = frozenset({"tool_use", "tool_result"})
NOT_MARKABLE: frozenset[PieceKind] = frozenset({"thinking", "schema"})
"""Pieces that can't carry Anthropic's `cache_control`: thinking blocks, and what is no block."""
ANSWER: frozenset[PieceKind] = frozenset({"assistant", "thinking", "tool_use"})
INSTRUCTIONS: frozenset[PieceKind] = frozenset({"system", "developer"})
HEAD: frozenset[PieceKind] = INSTRUCTIONS | {"tool", "schema"}


class Split(NamedTuple):
    """Tokens that a request pays for, by lifetime: of the default lifetime, and of a longer one."""

    short_tokens: int
    long_tokens: int


def writes(prompt: Prompt, rule: Rule) -> tuple[Marker, ...]:
    """Breakpoints that the request really has, ascending, each with its lifetime in seconds.

    Empty where the provider has none, where the request opts out, and where the provider refuses the request.
    """
    if not prompt.keys:
        return ()
    if rule.id == "anthropic":
        return _anthropic(prompt, rule)
    if rule.id == "openai_breakpoints":
        return _openai(prompt, rule)
    return (_marker(prompt, rule, len(prompt.keys) - 1),) if rule.id == "deepseek_units" else ()


def lookups(prompt: Prompt, rule: Rule, *, everywhere: bool = False) -> Iterator[Marker]:
    """Places at which an earlier entry would be found, each with the lifetime of the breakpoint that looks.

    everywhere: without any limit on how far back a breakpoint looks.
    """
    if rule.id == "openai_breakpoints":
        yield from (_marker(prompt, rule, at) for at in _openai_places(prompt, rule, everywhere=everywhere))
        return
    for marker in reversed(writes(prompt, rule)):
        limit = None if everywhere else rule.look_back
        for at in _window(prompt.kinds, marker.position, limit, merges=rule.merges_runs):
            yield Marker(at, marker.ttl_s)


def split(prompt: Prompt, rule: Rule, read_position: int, read_tokens: int) -> Split:
    """What the request would write after a read of *read_tokens* that ends with the piece at *read_position*.

    Anthropic's rule for mixed lifetimes: A is the highest hit, B the highest 1-hour breakpoint after A, C the
    last breakpoint; B - A is written for an hour, C - B for five minutes (guide, "Mixing different TTLs").
    """
    after = [marker for marker in writes(prompt, rule) if marker.position > read_position]
    after = [marker for marker in after if prompt.ends[marker.position] >= rule.minimum]
    if not after:
        return Split(0, 0)
    long = [marker for marker in after if (marker.ttl_s or 0) > rule.ttl_s]
    long_end = max(read_tokens, prompt.ends[long[-1].position]) if long else read_tokens
    end = max(long_end, prompt.ends[after[-1].position])
    return Split(end - long_end, long_end - read_tokens)


def _marker(prompt: Prompt, rule: Rule, position: int) -> Marker:
    return Marker(position, int(rule.live_s(prompt.ttl_s)))


def _explicit(prompt: Prompt, rule: Rule, without: Collection[PieceKind] = ()) -> tuple[Marker, ...]:
    places = {
        marker.position: Marker(marker.position, int(rule.live_s(marker.ttl_s)))
        for marker in prompt.markers
        if 0 <= marker.position < len(prompt.keys) and prompt.kinds[marker.position] not in without
    }
    return tuple(places[at] for at in sorted(places))


def _anthropic(prompt: Prompt, rule: Rule) -> tuple[Marker, ...]:
    explicit = _explicit(prompt, rule, NOT_MARKABLE)
    automatic = _automatic(prompt, rule) if prompt.mode == "automatic" else None
    if automatic is None or automatic in explicit:
        return explicit if len(explicit) <= rule.max_markers else ()  # a fifth breakpoint is an error 400
    if len(explicit) >= rule.max_markers or automatic.position in {marker.position for marker in explicit}:
        return ()  # no slot left, or two lifetimes on one block: an error 400
    return tuple(sorted((*explicit, automatic)))


def _automatic(prompt: Prompt, rule: Rule) -> Marker | None:
    """Top-level `cache_control`: one breakpoint on the last block that can carry it."""
    for at in range(len(prompt.kinds) - 1, -1, -1):
        if prompt.kinds[at] not in NOT_MARKABLE:
            return _marker(prompt, rule, at)
    return None


def _window(kinds: Sequence[PieceKind], position: int, limit: int | None, *, merges: bool) -> Iterator[int]:
    """Pieces from *position* backward that stand on its first *limit* positions, itself the first."""
    used = 0
    for at in range(position, -1, -1):
        goes_on = at < position and merges and kinds[at] in RUNS and kinds[at] == kinds[at + 1]
        used += not goes_on
        if limit is not None and used > limit:
            return
        yield at


def _openai(prompt: Prompt, rule: Rule) -> tuple[Marker, ...]:
    """Up to four writes; the implicit breakpoint takes one of them."""
    explicit = [marker.position for marker in _explicit(prompt, rule)]
    implicit = None if prompt.mode == "explicit" else next(_message_ends(prompt), None)
    if implicit is None:
        return tuple(_marker(prompt, rule, at) for at in explicit[-rule.max_markers :])
    places = {implicit, *explicit[-(rule.max_markers - 1) :]}
    return tuple(_marker(prompt, rule, at) for at in sorted(places))


def _openai_places(prompt: Prompt, rule: Rule, *, everywhere: bool) -> list[int]:
    """The look-up set, latest first."""
    explicit = [marker.position for marker in _explicit(prompt, rule)]
    if not everywhere:
        explicit = explicit[: rule.first_markers] + explicit[-rule.latest_markers :]
    if prompt.mode == "explicit":
        return sorted(set(explicit), reverse=True)
    ends = islice(_message_ends(prompt), None if everywhere else 1 + rule.message_ends)
    head = _head_end(prompt.kinds)
    return sorted({*explicit, *ends, *([] if head is None else [head])}, reverse=True)


def _message_ends(prompt: Prompt) -> Iterator[int]:
    """Ends of eligible messages, latest first: user messages, runs of tool results, first developer block."""
    for at in range(len(prompt.kinds) - 1, -1, -1):
        if _ends_message(prompt, at):
            yield at
    head = _head_end(prompt.kinds)
    if head is not None:
        yield head


def _ends_message(prompt: Prompt, at: int) -> bool:
    kind, is_last = prompt.kinds[at], at == len(prompt.kinds) - 1
    if kind == "user":
        return is_last or prompt.messages[at + 1] != prompt.messages[at]
    return kind == "tool_result" and (is_last or prompt.kinds[at + 1] != kind)


def _head_end(kinds: Sequence[PieceKind]) -> int | None:
    """End of the initial block of developer or system messages; tools and schema stand before it."""
    end = None
    for at, kind in enumerate(kinds):
        if kind not in HEAD:
            break
        end = at if kind in INSTRUCTIONS else end
    return end
