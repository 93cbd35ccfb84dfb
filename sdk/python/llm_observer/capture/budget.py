"""How many bytes of bodies may be kept at once, by all exchanges together."""

import threading
from collections import deque

__all__ = ["Budget"]


class Budget:
    """A number of bytes to take from and to give back to.

    Giving back takes no lock, so that a finaliser may do it inside any allocation. Taking uses a
    reentrant lock, so that a signal handler which makes a call cannot deadlock with the call it
    interrupted.
    """

    def __init__(self, total: int) -> None:
        self._left = total
        self._returned: deque[int] = deque()
        self._lock = threading.RLock()

    def take(self, size: int) -> bool:
        """Reserve *size* bytes; False if there are not so many left."""
        with self._lock:
            while self._returned:
                self._left += self._returned.popleft()
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Return *size* bytes that were taken."""
        self._returned.append(size)
