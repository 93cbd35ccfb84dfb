"""The bytes kept of one exchange: references to what exists, within two bounds."""

from collections import deque
from typing import Any

from llm_observer.capture.budget import Budget
from llm_observer.wire import BodyState

__all__ = ["KeptBody"]

_LEASE = 64 * 1024
_EDGE = 64 * 1024
"""Kept of each end of a body that is too large: ids and input usage come first, totals last."""


class KeptBody:
    """Request and answer of one exchange.

    budget: shared by all exchanges; limit: bytes of this one. Past a bound the request is dropped, and
    of the answer the middle is dropped, and the state says `truncated`.
    """

    def __init__(self, budget: Budget, limit: int) -> None:
        self._budget = budget
        self._limit = limit
        self._taken = 0
        self._room = 0
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self.request_body: bytes | None = None
        self.request_state: BodyState = "empty"
        self.state: BodyState = "empty"

    def request(self, request: Any) -> None:
        """Keep what was sent. An upload or a streamed body is not in memory, and is never read."""
        if request is None:
            return
        try:
            body = request.content
        except RuntimeError:  # RequestNotRead, of either transport
            self.request_state = "not_kept"
            return
        if not body:
            return
        if self._take(len(body)):
            self.request_body, self.request_state = body, "kept"
        else:
            self.request_body, self.request_state = body[: _EDGE // 16], "truncated"

    def whole(self, body: bytes) -> None:
        """Keep an answer that is in memory already."""
        if not body:
            return
        if self._take(len(body)):
            self._tail.append(body)
            self.state = "kept"
        else:
            self._head, self.state = [body[:_EDGE]], "truncated"
            self._tail.append(body[-_EDGE:])

    def add(self, chunk: bytes) -> None:
        """Keep one more chunk of a stream."""
        self._tail.append(chunk)
        self._room -= len(chunk)
        if self._room < 0:
            self._make_room()

    def parts(self) -> list[bytes]:
        """The chunks kept, in order."""
        return [*self._head, *self._tail]

    def release(self) -> None:
        """Give the bytes back: nobody needs them any more."""
        self._budget.give_back(self._taken)
        self._taken = 0

    def _make_room(self) -> None:
        while self._room < 0 and self._take(_LEASE):
            self._room += _LEASE
        while self._room < 0:
            self._drop_middle()

    def _drop_middle(self) -> None:
        chunk = self._tail.popleft()
        if self.state != "truncated":
            self.state = "truncated"
            self._head.append(chunk[:_EDGE])
            self._room += len(chunk) - len(self._head[0])
        elif len(chunk) > _EDGE:
            self._tail.appendleft(chunk[-_EDGE:])
            self._room += len(chunk) - _EDGE
        elif self._tail:
            self._room += len(chunk)
        else:
            self._tail.append(chunk)
            self._room = 0

    def _take(self, size: int) -> bool:
        if self._taken + size > self._limit or not self._budget.take(size):
            return False
        self._taken += size
        return True
