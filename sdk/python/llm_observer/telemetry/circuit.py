"""Is it of use to try now? A circuit breaker, and a budget that keeps retries few."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Circuit", "RetryBudget"]

State = Literal["closed", "open", "half_open"]


class Circuit:
    """Opens after some failures in a row; lets one probe pass after a pause that grows; closes on success.

    failures: in a row, that open it. pause_s: the first pause, doubled by each probe that fails, at most
    max_pause_s; up to a quarter of it is left off at random, so that processes do not probe in step.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        pause_s: float = 5.0,
        max_pause_s: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._failures = failures
        self._pause_s = pause_s
        self._max_pause_s = max_pause_s
        self._clock = clock
        self._rng = rng
        self._in_a_row = 0
        self._opened = 0
        self._open_until: float | None = None

    @property
    def state(self) -> State:
        """closed: send. open: do not. half_open: send one batch, and see."""
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    @property
    def wait_s(self) -> float:
        """Seconds until something may be sent; 0 if it may now."""
        return 0.0 if self._open_until is None else max(self._open_until - self._clock(), 0.0)

    def failed(self) -> None:
        """An attempt failed."""
        self._in_a_row += 1
        if self._in_a_row >= self._failures or self._open_until is not None:
            self._open_for(min(self._pause_s * 2.0 ** min(self._opened, 32), self._max_pause_s))
            self._opened += 1

    def _open_for(self, pause_s: float) -> None:
        self.hold((1 - self._rng() / 4) * pause_s)

    def hold(self, seconds: float) -> None:
        """Stay open for *seconds* at least: the receiver asked for it."""
        until = self._clock() + seconds
        self._open_until = until if self._open_until is None else max(self._open_until, until)

    def succeeded(self) -> bool:
        """The receiver took something. True if it had been given up before."""
        was_open, self._open_until = self._open_until is not None, None
        self._in_a_row = self._opened = 0
        return was_open


class RetryBudget:
    """Lets retries be at most a *share* of first attempts over time; a few may come at once.

    Without it, clients that each retry thrice turn an overload into three times the load
    (https://sre.google/sre-book/handling-overload/, "Per-client retry budget": 10 %).
    """

    def __init__(self, *, share: float = 0.1, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._tokens = most

    def earn(self) -> None:
        """A first attempt is made."""
        self._tokens = min(self._tokens + self._share, self._most)

    def spend(self) -> bool:
        """Whether one more retry is within the budget; it is taken off."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
