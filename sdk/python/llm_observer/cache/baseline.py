"""Which earlier prompt should a prompt have gone on from? The one that most of it is the same as."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llm_observer.cache.changes import is_kin
from llm_observer.cache.diff import Alignment, BeginsWith, align, unread
from llm_observer.cache.facts import Facts
from llm_observer.cache.memory import Conversation, Memory

__all__ = ["Baseline", "anchors_of", "baseline_of", "head_of", "head_size"]

TAIL_BYTES = 64
"""A last piece shorter than this does not tell one conversation from another."""
SEARCHED = 24
MAX_LINES = 4
SAME_PROMPT = 0.3
"""Share of the shorter prompt that two must have in common for one to be the other's successor."""
_HEADS = frozenset({"tool", "schema", "system", "developer"})
_SEED = 0x5BD1E995


class Baseline(NamedTuple):
    """kept: leading pieces with the very keys of the line's newest prompt. is_successor: it is all there."""

    line: Conversation
    kept: int
    alignment: Alignment
    is_successor: bool


def anchors_of(scope: int, facts: Sequence[Facts]) -> tuple[int, ...]:
    """Keys under which a prompt is found when settings or its beginning changed."""
    found = [_anchor(scope, 1, 0)]
    head = head_size(facts)
    if head:
        found.append(_anchor(scope, 2, facts[head - 1].stable))
    if head < len(facts):
        found.append(_anchor(scope, 3, facts[head].stable))
    found += [_anchor(scope, 4, piece.stable) for piece in facts[-1:] if piece.size >= TAIL_BYTES]
    return tuple(found)


def head_of(scope: int, facts: Sequence[Facts]) -> int:
    """A key of the part of a prompt that stands before its messages."""
    head = head_size(facts)
    return _anchor(scope, 2, facts[head - 1].stable if head else 0)


def head_size(facts: Sequence[Facts]) -> int:
    """How many pieces stand before the messages."""
    return next((place for place, piece in enumerate(facts) if piece.kind not in _HEADS), len(facts))


def _anchor(scope: int, sort: int, value: int) -> int:
    return hash((_SEED, scope, sort, value)) & 0xFFFFFFFFFFFFFFFF


def baseline_of(
    memory: Memory,
    scope: int,
    keys: Sequence[int],
    stable: Sequence[int],
    facts: Sequence[Facts],
    begins_with: BeginsWith = unread,
) -> Baseline | None:
    """The best earlier prompt of any conversation, None if there is none that is the same in any part."""
    depth, owner = memory.deepest(keys)
    if owner is not None and depth == len(owner.facts):
        to_old = [*range(depth), *([-1] * (len(facts) - depth))]
        return Baseline(owner, depth, Alignment(to_old, []), is_successor=True)
    best, best_size = None, 0.0
    lines = list(_lines(memory, scope, stable, facts))
    if owner is not None:
        lines.insert(0, owner)
    for line in list(dict.fromkeys(lines))[:MAX_LINES]:
        kept = depth if line is owner else _common(line.keys, keys)
        alignment = align(line.facts, facts, kept, begins_with)
        same = sum(facts[place].size for place, old in enumerate(alignment.to_old) if old >= 0)
        if same > best_size:
            best, best_size = Baseline(line, kept, alignment, _is_successor(line, alignment, facts)), same
    if best is None or best_size < SAME_PROMPT * min(_size(facts), _size(best.line.facts)):
        return None
    return best


def _is_successor(line: Conversation, alignment: Alignment, facts: Sequence[Facts]) -> bool:
    """The new prompt goes on where the old one ended: its last piece stands for the old one's last.

    Under another system text it may, but it does not take the place of the old one: that may go on as well.
    """
    for change in alignment.changes:
        if change.kind == "system_changed" and not is_kin(line.facts[change.old], facts[change.piece]):
            return False
    last = max(alignment.to_old, default=-1)
    return last >= len(line.facts) - 1


def _lines(
    memory: Memory, scope: int, stable: Sequence[int], facts: Sequence[Facts]
) -> Iterator[Conversation]:
    line = memory.like(stable)
    tails = (
        _anchor(scope, 4, piece.stable) for piece in facts[: -SEARCHED - 1 : -1] if piece.size >= TAIL_BYTES
    )
    places = (*tails, *reversed(anchors_of(scope, facts)))
    for found in (line, *(memory.find(place) for place in places)):
        if found is not None:
            yield found


def _common(old: Sequence[int], new: Sequence[int]) -> int:
    for place, (before, after) in enumerate(zip(old, new, strict=False)):
        if before != after:
            return place
    return min(len(old), len(new))


def _size(facts: Sequence[Facts]) -> int:
    return sum(piece.size for piece in facts)
