"""What is a difference between two pieces, or two lists of tools? A kind, and a place in both prompts."""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from llm_observer.cache.facts import Facts, KeptSpan, changed_spans, kinship

__all__ = [
    "Change",
    "is_formatting",
    "is_kin",
    "is_noise",
    "noise",
    "shared_units",
    "tool_changes",
    "tools_end",
]

FORMS = ("whitespace", "unicode", "key_order")
"""Which noise it is, by the first of the forms spaced, unified and ordered that is equal."""
SAME_TEXT = 0.3
"""Share of a system text that must be left for it to count as the same one, edited."""


class Change(NamedTuple):
    """One difference. piece: index in the new prompt; old: in the old one.

    span: the volatile span, of the new piece. unit: how many units of its text are equal before it.
    path: wire name of a setting, where it is one; *piece* is then the first one that it is in the key of.
    """

    kind: str
    piece: int
    old: int
    span: KeptSpan | None = None
    unit: int | None = None
    path: str | None = None


def shared_units(old: Facts, new: Facts) -> int:
    """How many units two texts have in common from their start."""
    mine, theirs = new.units, old.units
    count = 0
    for place in range(0, min(len(mine), len(theirs)), 2):
        if mine[place : place + 2] != theirs[place : place + 2]:
            break
        count += 1
    return count


def is_kin(old: Facts, new: Facts) -> bool:
    """Whether a text is another one, edited."""
    return shared_units(old, new) * 2 >= SAME_TEXT * len(old.units) or kinship(old, new) >= SAME_TEXT


def is_formatting(old: Facts, new: Facts) -> bool:
    """Whether two pieces differ in formatting at most: white space, Unicode spelling, order of keys."""
    return old.forms[-1] == new.forms[-1]


def is_noise(old: Facts, new: Facts) -> bool:
    """Whether two pieces are the same but for formatting, or for what looks as if it changes by itself.

    Either will do: in another layout a value may not look so any more, as in `[1.234567,8.901234]`.
    """
    return old.stable == new.stable or is_formatting(old, new)


def noise(old: Facts, new: Facts, piece: int, old_piece: int) -> list[Change]:
    """The changes between two pieces that are the same but for noise; none, where they are not.

    Nor where the same values stand in other places: that is another text.
    """
    if not is_noise(old, new):
        return []
    masked, *forms = (a == b for a, b in zip(old.forms, new.forms, strict=True))
    form = next(compress(FORMS, forms), None)
    if form is not None:
        return [Change(form, piece, old_piece, unit=shared_units(old, new))]
    spans = changed_spans(old.spans, new.spans, is_in_place=masked)
    return [Change(span.kind, piece, old_piece, span=span) for span in spans]


def tools_end(pieces: Sequence[Facts], start: int) -> int:
    """Where the tools end that begin at *start*."""
    while start < len(pieces) and pieces[start].kind == "tool":
        start += 1
    return start


def tool_changes(
    old: Sequence[Facts], new: Sequence[Facts], olds: tuple[int, int], news: tuple[int, int]
) -> list[Change]:
    """The changes between two lists of tools, that stand at *olds* and *news* (start and end)."""
    before = {old[place].name: place for place in range(*olds)}
    after = {new[place].name: place for place in range(*news)}
    last = max(news[1] - 1, 0)
    changes = [
        Change("tool_removed", min(place, last), place) for name, place in before.items() if name not in after
    ]
    common_before = [name for name in before if name in after]
    common_after = [name for name in after if name in before]
    moved = next((b for a, b in zip(common_before, common_after, strict=True) if a != b), None)
    if moved is not None:
        changes.append(Change("tool_order", after[moved], before[moved]))
    for name, place in after.items():
        changes += _tool_change(old, new, before.get(name), place, olds[0])
    return sorted(changes, key=lambda change: change.piece)


def _tool_change(
    old: Sequence[Facts], new: Sequence[Facts], before: int | None, place: int, start: int
) -> Iterator[Change]:
    if before is None:
        yield Change("tool_added", place, start)
    elif old[before] != new[place]:
        edited = Change("tool_edited", place, before, unit=shared_units(old[before], new[place]))
        yield from noise(old[before], new[place], place, before) or (edited,)
