"""What changed between two prompts, piece by piece, and which pieces are still the same?"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple

from llm_observer.cache.changes import (
    Change,
    is_formatting,
    is_kin,
    is_noise,
    noise,
    shared_units,
    tool_changes,
    tools_end,
)
from llm_observer.cache.facts import LONG_TEXT, Facts, kinship

__all__ = ["Alignment", "BeginsWith", "Change", "align", "noise", "shared_units", "similarity", "unread"]

HEADS = frozenset({"system", "developer", "schema"})
EDITS = frozenset(
    {
        "first_message_edited",
        "history_edited",
        "compaction",
        "history_truncated",
        "tool_result_trimmed",
        "thinking_dropped",
        "message_lengthened",
    }
)
"""Changes of a conversation's history."""
RUN_BYTES = 256
"""Two prompts meet again after a change where so much of them is equal: a lone "yes" proves nothing."""
RUN_PIECES = 3
END_BYTES = 100
"""The same where the old prompt ends with it: what it ended with is what its successor goes on from."""
SAME_MESSAGE = 0.6
"""The same for a message: two conversations may well begin alike."""
SAME_TOOLS = 0.5
"""Share of the shorter list of tools that must be left for it to count as the same one, changed."""
COMPACTED = 2
"""Pieces that go for each new one, at least, where a history is summed up."""
MAX_SHUFFLED = 64


BeginsWith = Callable[[int, Facts], bool]


class Alignment(NamedTuple):
    """to_old: for each piece of the new prompt, the old piece that it stands for, or -1. Changes in order."""

    to_old: list[int]
    changes: list[Change]


def similarity(old: Sequence[Facts], new: Sequence[Facts]) -> float:
    """Share of the longer prompt that both have from the start, from 0 to 1 by bytes of pieces.

    Exactly 1 if they differ in nothing but formatting (white space, Unicode spelling, order of keys, a
    string in place of one text block, moved markers); it grows with every piece that both begin with.
    """
    longest = max(_size(old), _size(new))
    if not longest:
        return 1.0
    same_old = same_new = 0
    for before, after in zip(old, new, strict=False):
        if not is_formatting(before, after):
            break
        same_old, same_new = same_old + before.size, same_new + after.size
    if len(old) == len(new) and same_old == _size(old) and same_new == _size(new):
        return 1.0
    return min(max(same_old, same_new) / longest, 1 - 2**-40)


def _size(pieces: Sequence[Facts]) -> int:
    return sum(piece.size for piece in pieces)


def unread(_piece: int, _old: Facts) -> bool:
    """For prompts of which only the facts are there: what the facts say is so."""
    return True


def align(
    old: Sequence[Facts], new: Sequence[Facts], start: int = 0, begins_with: BeginsWith = unread
) -> Alignment:
    """How *new* came out of *old*; their first *start* pieces are known to be the same.

    begins_with: whether the text of a new piece is that of an old one, and more.
    """
    walk = _Walk(old, new, start, begins_with)
    walk.go()
    return _unless_another(Alignment(walk.to_old, walk.changes), len(old))


def _unless_another(alignment: Alignment, length: int) -> Alignment:
    """Without what follows an edited message, if the old prompt's end is not in the new one.

    Then the two are conversations of their own, and what they have in common there is chance.
    """
    if max(alignment.to_old, default=-1) >= length - 1:
        return alignment
    edit = next((place for place, change in enumerate(alignment.changes) if change.kind in EDITS), None)
    if edit is None:
        return alignment
    start = alignment.changes[edit].piece
    to_old = [*alignment.to_old[:start], *([-1] * (len(alignment.to_old) - start))]
    return Alignment(to_old, alignment.changes[:edit])


class _Walk:
    """Both prompts from *start* on, side by side; `i` is in the new one, `j` in the old one."""

    def __init__(
        self, old: Sequence[Facts], new: Sequence[Facts], start: int, begins_with: BeginsWith
    ) -> None:
        self.old, self.new, self.begins_with = old, new, begins_with
        self.i = self.j = start
        self.to_old = [*range(start), *([-1] * (len(new) - start))]
        self.changes: list[Change] = []
        self._places: dict[int, list[int]] | None = None

    def go(self) -> None:
        while self.i < len(self.new) and self.j < len(self.old):
            before, after = self.old[self.j], self.new[self.i]
            if before == after:
                self._pair()
            elif after.kind == "tool" or before.kind == "tool":
                if not self._tools():
                    return
            elif found := noise(before, after, self.i, self.j):
                self.changes += found
                self._pair()
            elif (
                before.bag == after.bag
                and before.size == after.size >= LONG_TEXT
                and before.kind == after.kind
            ):
                self._add("few_shot_order", shared_units(before, after))
                self._pair()
            elif not (self._shuffled() or self._edited()):
                return

    def _pair(self) -> None:
        self.to_old[self.i] = self.j
        self.i, self.j = self.i + 1, self.j + 1

    def _add(self, kind: str, unit: int | None = None) -> None:
        self.changes.append(Change(kind, min(self.i, len(self.new) - 1), self.j, unit=unit))

    def _tools(self) -> bool:
        """Compare the rest of both tool lists, as sets and as lists; False if they are another agent's."""
        old_end, new_end = tools_end(self.old, self.j), tools_end(self.new, self.i)
        if not self._is_same_agent(old_end, new_end):
            return False
        self.changes += tool_changes(self.old, self.new, (self.j, old_end), (self.i, new_end))
        for place in range(self.i, new_end):
            same_place = self.j + place - self.i
            is_last = place == new_end - 1
            self.to_old[place] = (old_end - 1 if is_last else min(same_place, old_end - 1)) if old_end else -1
        self.i, self.j = new_end, old_end
        return True

    def _is_same_agent(self, old_end: int, new_end: int) -> bool:
        """Most of the tools are there; where one prompt has none at all, the text behind them is."""
        old_names = {piece.name for piece in self.old[:old_end]}
        new_names = {piece.name for piece in self.new[:new_end]}
        if old_names and new_names:
            return len(old_names & new_names) >= SAME_TOOLS * min(len(old_names), len(new_names))
        if old_end == len(self.old) or new_end == len(self.new):
            return False
        before, after = self.old[old_end], self.new[new_end]
        return is_noise(before, after) or (before.kind == after.kind and is_kin(before, after))

    def _shuffled(self) -> bool:
        """The next messages are the old ones in another order."""
        count: Counter[int] = Counter()
        for step in range(min(MAX_SHUFFLED, len(self.new) - self.i, len(self.old) - self.j)):
            count[self.new[self.i + step].content] += 1
            count[self.old[self.j + step].content] -= 1
            if step and not any(count.values()):
                self._add("few_shot_order")
                for _ in range(step + 1):
                    self._pair()
                return True
        return False

    def _edited(self) -> bool:
        """Something was put in, taken out or rewritten; False if nothing is the same after it."""
        meeting = self._meeting()
        if meeting is None:
            return self._last_edited()
        put_in, taken_out = meeting
        before, after = self.old[self.j], self.new[self.i]
        if self._is_other_agent(put_in, taken_out):
            return False
        unit = shared_units(before, after) if put_in and taken_out else 0
        self._add(self._kind_of(put_in, taken_out), unit)
        if put_in == taken_out:
            for _ in range(put_in):
                self._pair()
        else:
            self.i, self.j = self.i + put_in, self.j + taken_out
        return True

    def _is_other_agent(self, put_in: int, taken_out: int) -> bool:
        """Another head, behind which nothing but the user's words are the same: a title, a second opinion."""
        before, after = self.old[self.j], self.new[self.i]
        if before.kind not in HEADS or after.kind not in HEADS or is_kin(before, after):
            return False
        pairs = zip(self.new[self.i + put_in :], self.old[self.j + taken_out :], strict=False)
        run = takewhile(lambda pair: is_noise(*pair), pairs)
        return all(mine.kind == "user" for mine, _ in run)

    def _last_edited(self) -> bool:
        """Nothing meets again: a system text edited, a message that grew; else another conversation."""
        before, after = self.old[self.j], self.new[self.i]
        unit = shared_units(before, after)
        kind = self._kind_of_last(before, after, unit)
        if kind is None:
            return False
        self._add(kind, unit)
        self._pair()
        return True

    def _kind_of_last(self, before: Facts, after: Facts, unit: int) -> str | None:
        """What was done to a text behind which nothing is the same; None where it is just another text."""
        if before.kind != after.kind:
            return None
        is_same = is_kin(before, after)
        if before.kind in HEADS:
            return "system_changed" if is_same else None
        is_last = self.j == len(self.old) - 1
        is_longer = after.size > before.size and unit and len(before.units) <= unit * 2 + 2
        if is_last and is_longer and self.begins_with(self.i, before):
            return "message_lengthened"
        if self.i == len(self.new) - 1:
            return None
        if before.kind == "tool_result" and before.name and before.name == after.name:
            return "tool_result_trimmed" if after.size < before.size else "history_edited"
        return self._kind_of(1, 1) if kinship(before, after) >= SAME_MESSAGE else None

    def _kind_of(self, put_in: int, taken_out: int) -> str:
        before, after = self.old[self.j], self.new[self.i]
        if (before if taken_out else after).kind in HEADS:
            return "system_changed"
        is_first = all(piece.kind in HEADS or piece.kind == "tool" for piece in self.old[: self.j])
        if put_in == taken_out == 1:
            if after.kind == before.kind == "tool_result" and after.size < before.size:
                return "tool_result_trimmed"
            return "first_message_edited" if is_first else "history_edited"
        return self._kind_of_cut(put_in, taken_out) if taken_out else "history_edited"

    def _kind_of_cut(self, put_in: int, taken_out: int) -> str:
        if put_in:
            return "compaction" if taken_out >= COMPACTED * put_in else "history_edited"
        if all(piece.kind == "thinking" for piece in self.old[self.j : self.j + taken_out]):
            return "thinking_dropped"
        return "history_truncated" if self._is_near_start() else "history_edited"

    def _is_near_start(self) -> bool:
        """At most one message stands between the head of the prompt and here."""
        return sum(piece.kind not in HEADS and piece.kind != "tool" for piece in self.old[: self.j]) <= 1

    def _meeting(self) -> tuple[int, int] | None:
        """How many pieces to leave out in the new and the old prompt until they agree again."""
        if self._places is None:
            self._places = _places(self.old)
        for put_in in range(len(self.new) - self.i):
            piece = self.new[self.i + put_in]
            for place in self._places.get(piece.stable, ()):
                taken_out = place - self.j
                if taken_out >= 0 and (put_in or taken_out) and self._is_run(self.i + put_in, place):
                    return put_in, taken_out
        return None

    def _is_run(self, i: int, j: int) -> bool:
        size = step = 0
        for step, (mine, theirs) in enumerate(zip(self.new[i:], self.old[j:], strict=False), 1):
            if not is_noise(theirs, mine):
                return False
            size += mine.size if mine.content == theirs.content else 0
            if size >= RUN_BYTES or step >= RUN_PIECES:
                return True
        return size >= END_BYTES and j + step == len(self.old)


def _places(pieces: Sequence[Facts]) -> dict[int, list[int]]:
    places: dict[int, list[int]] = {}
    for place, piece in enumerate(pieces):
        places.setdefault(piece.stable, []).append(place)
    return places
