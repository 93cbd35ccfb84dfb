"""The bytes kept of one exchange: references to what exists, within two bounds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_observer.capture.budget import Budget
    from llm_observer.wire import BodyState

__all__ = ["KeptBody"]

_LEASE = 64 * 1024
_EDGE = 64 * 1024
"""Kept of each end of an answer that is too large: ids and input usage come first, totals last."""
_REQUEST_EDGE = 4 * 1024
"""Kept of a request that is too large: enough for a model that stands first."""
_RESULT, _RESULT_EDGE = b'"custom_id"', 512
"""Each line of a file of batch results has one, before any text: all of its lines are billed."""


class KeptBody:
    """Request and answer of one exchange.

    budget: shared by all exchanges; limit: bytes of this one. Past a bound the request is dropped, and
    of the answer the middle is dropped, and the state says `truncated`. A file of batch results that is in
    memory anyway has no bound but the budget.
    """

    request_body: bytes | None = None
    request_state: BodyState = "kept"
    state: BodyState = "kept"
    _whole: bytes | None = None
    _head: bytes = b""
    _tail: deque[bytes] | None = None
    _taken = 0
    _room = 0

    def __init__(self, budget: Budget, limit: int) -> None:
        self._budget = budget
        self._limit = limit

    def hold(self, sent: bytes | None, body: bytes | None) -> None:
        """Keep references to the request as *sent* (None: it is not in memory) and to the answer, if read."""
        size = (len(sent) if sent else 0) + (len(body) if body else 0)
        if self._take(size, self._limit):
            self.request_body, self._whole = sent, body
        else:
            self._hold_parts(sent or b"", body or b"")

    def _hold_parts(self, sent: bytes, body: bytes) -> None:
        """Answer first: it has the usage. What does not fit keeps its ends only."""
        limit = None if _are_results(body) else self._limit
        if self._take(len(body), limit):
            self._whole = body
        else:
            self._head, self._whole, self.state = body[:_EDGE], body[-_EDGE:], "truncated"
        if self._take(len(sent), self._limit):
            self.request_body = sent
        else:
            self.request_body, self.request_state = sent[:_REQUEST_EDGE], "truncated"

    def add(self, chunk: bytes) -> None:
        """Keep one more chunk of a stream."""
        if self._tail is None:
            self._tail = deque()
        self._tail.append(chunk)
        self._room -= len(chunk)
        if self._room < 0:
            self._make_room(self._tail)

    def starts_with(self, chunk: bytes) -> bool:
        """Whether the first bytes kept are those of *chunk*."""
        first = next(filter(None, self.parts()), b"")
        return bool(first) and first[: len(chunk)] == chunk[: len(first)]

    def parts(self) -> list[bytes]:
        """The chunks kept, in order; where something is missing, a line ends: two halves are no result."""
        gap = (b"\n",) if self.state == "truncated" else ()
        return [self._head, *gap, self._whole or b"", *(self._tail or ())]

    def release(self) -> None:
        """Give the bytes back: nobody needs them any more. Takes no lock."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)

    def _make_room(self, tail: deque[bytes]) -> None:
        while self._room < 0 and self._take(_LEASE, self._limit):
            self._room += _LEASE
        if self._room < 0:
            self._drop_middle(tail)

    def _drop_middle(self, tail: deque[bytes]) -> None:
        if self.state == "kept":
            self.state = "truncated"
            self._head = b"".join(tail)[:_EDGE]
        newest = tail[-1]
        while self._room < 0 and len(tail) > 1:
            self._room += len(tail.popleft())
        if self._room < 0:  # one chunk larger than all that may be kept
            tail[-1] = newest[-_EDGE:]
            self._room = 0

    def _take(self, size: int, limit: int | None) -> bool:
        if (limit is not None and self._taken + size > limit) or not self._budget.take(size):
            return False
        self._taken += size
        return True


def _are_results(body: bytes) -> bool:
    return body.startswith(b"{") and _RESULT in body[:_RESULT_EDGE]
