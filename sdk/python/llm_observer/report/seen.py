"""Was this event counted before? Files overlap, and a delivery may come twice."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import NamedTuple

__all__ = ["Seen"]

_MILLIS = 40
"""Bits of a UUIDv7's milliseconds that are kept: 34 years."""
_RANDOM = 24
"""Bits of its random part: two events of one millisecond look alike in one of 17 million cases."""
_CHUNK = 1 << 13


class _Chunk(NamedTuple):
    first: int
    last: int
    keys: array[int]


class Seen:
    """Event ids, eight bytes each. Ids grow with time, so a look-up searches only the chunks of its time."""

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._chunks: list[_Chunk] = []

    def add(self, event_id: str) -> bool:
        """Keep *event_id*; True if it is new."""
        key = _key(event_id)
        if key in self._new or any(_is_in(chunk, key) for chunk in self._chunks):
            return False
        self._new.add(key)
        if len(self._new) >= _CHUNK:
            keys = array("Q", sorted(self._new))
            self._chunks.append(_Chunk(keys[0], keys[-1], keys))
            self._new = set()
        return True


def _key(event_id: str) -> int:
    """Eight bytes of a UUIDv7: its time, then the end of its random part."""
    value = int(event_id.replace("-", ""), 16)
    return (value >> 80 & (1 << _MILLIS) - 1) << _RANDOM | value & (1 << _RANDOM) - 1


def _is_in(chunk: _Chunk, key: int) -> bool:
    if not chunk.first <= key <= chunk.last:
        return False
    at = bisect_left(chunk.keys, key)
    return at < len(chunk.keys) and chunk.keys[at] == key
