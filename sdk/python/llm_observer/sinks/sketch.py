"""How are percentiles kept in little room? Buckets whose bounds grow by a factor, as in DDSketch.

A quantile is at most 1 % off (Masson, Rim, Lee: DDSketch, VLDB 2019). The buckets are the same in every
sketch, so merging two gives what one sketch of all values would have given.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from itertools import accumulate

__all__ = ["ACCURACY", "HIGHEST", "LOWEST", "Sketch"]

ACCURACY = 0.01
LOWEST = 1e-6
"""What is not above counts as zero."""
HIGHEST = 1e12
"""What is above counts as this much."""

_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GROWTH = math.log(_GROWTH)


class Sketch:
    """Counts of values by bucket; at most about 2,100 buckets, and only the span that was seen."""

    __slots__ = ("_counts", "_first", "_least", "_most", "_zeros", "count")

    def __init__(self) -> None:
        self.count = 0
        self._zeros = 0
        self._first = 0
        """Bucket that `_counts` starts with."""
        self._counts: array[int] = array("Q")
        self._least = math.inf
        self._most = -math.inf

    def add(self, value: float) -> None:
        """Count *value*; negative ones count as zero."""
        self.count += 1
        value = min(value, HIGHEST)
        self._least = min(self._least, value)
        self._most = max(self._most, value)
        if value > LOWEST:
            bucket = math.ceil(math.log(value) / _LOG_GROWTH)
            if not 0 <= bucket - self._first < len(self._counts):
                self._cover(bucket, bucket)
            self._counts[bucket - self._first] += 1
        else:
            self._zeros += 1

    def _cover(self, first: int, last: int) -> None:
        """Make room for the buckets from *first* to *last*."""
        if not self._counts:
            self._first = first
        if first < self._first:
            self._counts = array("Q", bytes(8 * (self._first - first))) + self._counts
            self._first = first
        missing = last - self._first + 1 - len(self._counts)
        if missing > 0:
            self._counts.frombytes(bytes(8 * missing))

    def merge(self, other: Sketch) -> None:
        """Count all values of *other* too."""
        self.count += other.count
        self._zeros += other._zeros
        self._least = min(self._least, other._least)
        self._most = max(self._most, other._most)
        if not other._counts:
            return
        self._cover(other._first, other._first + len(other._counts) - 1)
        start = other._first - self._first
        for index, count in enumerate(other._counts, start):
            self._counts[index] += count

    def quantiles(self, *shares: float) -> tuple[float | None, ...]:
        """The value that a share (0 to 1) of all values does not exceed: p90 of two is the larger one."""
        if not self.count:
            return (None,) * len(shares)
        sums = list(accumulate(self._counts, initial=self._zeros))
        ranks = (max(math.ceil(share * self.count), 1) for share in shares)
        return tuple(self._at(bisect_left(sums, rank)) for rank in ranks)

    def quantile(self, share: float) -> float | None:
        """One of `quantiles`."""
        return self.quantiles(share)[0]

    def _at(self, place: int) -> float:
        """The middle of a bucket, or zero for the place before the first; never outside of what was seen."""
        bucket = self._first + place - 1
        middle = 2 * _GROWTH**bucket / (1 + _GROWTH) if place else 0.0
        return min(max(middle, self._least), self._most)
