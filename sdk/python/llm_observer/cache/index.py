"""How far is a prompt known already? The longest prefix shared with any earlier prompt, in bounded memory."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["PrefixIndex"]

_KEY_BYTES = sys.getsizeof(1 << 63)
"""Of the number that the dictionary holds for each key."""
_REBUILD_SHARE = 8
"""A dictionary keeps the room of keys that have gone, and may so grow to six slots a key. It is built anew,
to three at most, when it is too large and an eighth of its keys has gone."""
_TABLE_BYTES = 64
"""Of a dictionary of at most three slots a key: 60 a key, and a little more for a small one."""
_SMALL_TABLE = 1024


class _Run:
    """Neighbouring keys of a prompt that were last used by the same visit, and its place in order of use."""

    __slots__ = ("head", "keys", "newer", "older", "used")

    def __init__(self, keys: "array[int]", used: float) -> None:
        self.keys = keys
        self.head = 0
        """Keys before it were evicted."""
        self.used = used
        self.older = self.newer = self

    def __len__(self) -> int:
        return len(self.keys) - self.head

    def overlap(self, keys: "array[int]", at: int) -> tuple[int, int]:
        """From where to where its keys are those of *keys* from *at*, the first of which it has."""
        start = self.head
        if self.keys[start] != keys[at]:  # only if somebody's keys are not chained
            start = self.keys.index(keys[at], start)
        count = min(len(self.keys) - start, len(keys) - at)
        mine, theirs = self.keys[start : start + count], keys[at : at + count]
        return start, start + (count if mine == theirs else _first_difference(mine, theirs))

    def unlink(self) -> None:
        """Leave the order of use."""
        self.older.newer, self.newer.older = self.newer, self.older

    def link_before(self, run: "_Run") -> None:
        """Leave the order of use, and stand in it again just before *run*, another one."""
        self.unlink()
        self.older, self.newer = run.older, run
        self.older.newer = run.older = self

    def drop(self, count: int) -> None:
        """Forget the first *count* keys, and their room when it is half of all."""
        self.head += count
        if 2 * self.head > len(self.keys):
            del self.keys[: self.head]
            self.head = 0


class PrefixIndex:
    """Longest known prefix over all earlier prompts, of any conversation.

    A key is a number of at most 64 bits that stands for all of a prompt up to its place. Answers equal those
    of a list of keys in order of use, from which the oldest is evicted; the work for a visit grows with the
    keys that are new and with the forks on the way, not with all that the prompt holds. For one thread.
    """

    def __init__(self, *, max_keys: int | None = None) -> None:
        self._max_keys = max_keys
        self.clear()

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the index holds, keys included."""
        total = sys.getsizeof(self._runs) + _KEY_BYTES * len(self._runs)
        run = self._end.newer
        while run is not self._end:
            total += sys.getsizeof(run) + sys.getsizeof(run.keys) + sys.getsizeof(run.used)
            run = run.newer
        return total

    def clear(self) -> None:
        """Forget everything."""
        self._runs: dict[int, _Run] = {}
        self._removed = 0
        self._end = _Run(array("Q"), 0.0)
        """Its newer neighbour is the oldest run, its older one the newest."""

    def last_use(self, key: int) -> float | None:
        """When *key* was last touched, or None if it is not known."""
        run = self._runs.get(key)
        return None if run is None else run.used

    def match(self, keys: Sequence[int], now: float, ttl_s: float | None = None) -> int:
        """How many leading *keys* are known and were used at most *ttl_s* ago. Changes nothing."""
        packed = array("Q", keys)
        known = 0
        while known < len(packed):
            run = self._runs.get(keys[known])
            if run is None or (ttl_s is not None and now - run.used > ttl_s):
                break
            start, stop = run.overlap(packed, known)
            known += stop - start
        return known

    def touch(self, keys: Sequence[int], now: float) -> None:
        """Add new *keys* and refresh all of them, first to last; then evict the oldest beyond the limit."""
        packed = array("Q", keys)
        done = 0
        last = None
        while done < len(packed):
            run = self._runs.get(keys[done])
            if run is None:
                last = self._new_run(now) if last is None else last
                count = self._enter(keys[done:], last)
                last.keys.extend(packed[done : done + count])
                done += count
            else:
                last = self._cut_out(run, packed, done)
                last.used = now
                last.link_before(self._end)
                done += len(last)
        self._evict()

    def _new_run(self, now: float) -> _Run:
        run = _Run(array("Q"), now)
        run.link_before(self._end)
        return run

    def _enter(self, keys: Sequence[int], run: _Run) -> int:
        """Enter *keys* as those of *run* up to the first that is known; returns how many."""
        runs = self._runs
        before = len(runs)
        for key in keys:
            if key in runs:
                break
            runs[key] = run
        return len(runs) - before

    def _cut_out(self, run: _Run, keys: "array[int]", at: int) -> _Run:
        """A run of just those keys of *run* that *keys* go through from *at*."""
        start, stop = run.overlap(keys, at)
        if stop < len(run.keys):
            start -= run.head
            run, _ = self._split(run, stop)
        return run if start == run.head else self._split(run, start)[1]

    def _split(self, run: _Run, at: int) -> tuple[_Run, _Run]:
        """The runs of what stands before *at* and of the rest. The shorter one is new: its keys move."""
        before, after = run.keys[run.head : at], run.keys[at:]
        if len(before) <= len(after):
            new = left = _Run(before, run.used)
            run.keys, right = after, run
            new.link_before(run)
        else:
            new = right = _Run(after, run.used)
            run.keys, left = before, run
            new.link_before(run.newer)
        run.head = 0
        self._runs.update(dict.fromkeys(new.keys, new))
        return left, right

    def _evict(self) -> None:
        excess = 0 if self._max_keys is None else len(self._runs) - self._max_keys
        while excess > 0:
            run = self._end.newer
            gone = run.keys[run.head : run.head + excess]
            for key in gone:
                del self._runs[key]
            run.drop(len(gone))
            if not run:
                run.unlink()
            excess -= len(gone)
            self._removed += len(gone)
        if self._removed * _REBUILD_SHARE > len(self._runs):
            self._rebuild()

    def _rebuild(self) -> None:
        if sys.getsizeof(self._runs) > _TABLE_BYTES * len(self._runs) + _SMALL_TABLE:
            self._runs = dict(self._runs)
            self._removed = 0


def _first_difference(mine: "array[int]", theirs: "array[int]") -> int:
    """Where two unequal arrays part. If the keys are chained, what is equal once was so all the way."""
    place = bisect_left(range(len(mine)), x=True, key=lambda place: mine[place] != theirs[place])
    if mine[:place] == theirs[:place]:
        return place
    return next(place for place, pair in enumerate(zip(mine, theirs, strict=True)) if pair[0] != pair[1])
