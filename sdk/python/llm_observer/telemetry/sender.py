"""How is one batch delivered? In a few attempts, with pauses, inside a budget and before a deadline."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from llm_observer import log
from llm_observer.errors import ConfigError
from llm_observer.event import rfc3339
from llm_observer.telemetry.answers import Outcome, outcome_of
from llm_observer.telemetry.batch import batch_body
from llm_observer.telemetry.circuit import RetryBudget
from llm_observer.telemetry.client import UnreachableError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from llm_observer.telemetry.circuit import Circuit
    from llm_observer.telemetry.client import Client
    from llm_observer.telemetry.spool import Entry

__all__ = ["Outcome", "Sender"]

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 10.0


class _Clocks(NamedTuple):
    """Time for deadlines, and time for people."""

    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns


class Sender:
    """Sends batches with *client*; for one thread. Raises ConfigError where tenacity is not installed.

    circuit: is told of each attempt, and ends the attempts when it opens. counts: gets `attempts`,
    `retries`, `failed_attempts`. sleep: waits some seconds; by default it ends early with `stop_by`.
    """

    def __init__(
        self,
        client: Client,
        circuit: Circuit,
        *,
        counts: Counter[str],
        max_attempts: int,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._tenacity = _tenacity()
        self._jitter = self._tenacity.wait_random_exponential(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._client = client
        self._circuit = circuit
        self._counts = counts
        self._max_attempts = max_attempts
        self._budget = RetryBudget()
        self._clocks = _Clocks()
        self._stopping = threading.Event()
        self._sleep = self._stopping.wait if sleep is None else sleep
        self._last = math.inf
        self._deadline = math.inf

    def send(self, entries: Sequence[Entry], *, idempotency_key: str, deadline: float) -> Outcome:
        """Deliver *entries* as one batch before *deadline* (of the monotonic clock)."""
        self._deadline = deadline
        self._budget.earn()
        body = batch_body(entries, sent_at=rfc3339(self._clocks.wall_ns()))
        event_ids = frozenset(entry.event_id for entry in entries)
        outcome: Outcome = self._attempts()(self._attempt, body, idempotency_key, event_ids)
        if outcome.kind == "retry" and outcome.retry_after_s is not None:
            self._circuit.hold(outcome.retry_after_s)
        return outcome

    def stop_by(self, at: float) -> None:
        """Let nothing last beyond *at*, and wait between attempts no more. Any thread may call this."""
        self._last = min(self._last, at)
        self._client.stop_by(at)
        self._stopping.set()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _attempts(self) -> Any:
        return self._tenacity.Retrying(
            retry=self._tenacity.retry_if_result(lambda outcome: outcome.kind == "retry"),
            wait=self._pause_s,
            stop=self._is_enough,
            sleep=self._pause,
            retry_error_callback=lambda state: state.outcome.result(),
        )

    def _attempt(self, body: bytes, idempotency_key: str, event_ids: frozenset[str]) -> Outcome:
        self._counts["attempts"] += 1
        began = self._clocks.monotonic()
        try:
            answer = self._client.post(body, idempotency_key=idempotency_key, deadline=self._deadline)
        except UnreachableError as exc:
            outcome = Outcome("retry", None, None, {}, str(exc))
        else:
            outcome = outcome_of(answer, event_ids, now_s=self._clocks.wall_ns() / 1e9)
        log.debug(
            "delivery",
            outcome=outcome.kind,
            status=outcome.status,
            detail=outcome.detail,
            took_ms=round((self._clocks.monotonic() - began) * 1000),
            events=len(event_ids),
            batch=idempotency_key,
        )
        self._note(outcome)
        return outcome

    def _note(self, outcome: Outcome) -> None:
        if outcome.kind in {"retry", "failed"}:
            self._counts["failed_attempts"] += 1
            self._circuit.failed()
        elif outcome.kind in {"delivered", "partly"} and self._circuit.succeeded():
            log.once("delivery works", "events are taken by the endpoint again")

    def _pause_s(self, state: Any) -> float:
        """Full jitter, after what the receiver asked for."""
        jitter: float = self._jitter(state)
        asked = state.outcome.result().retry_after_s
        return jitter if asked is None else asked + jitter

    def _is_enough(self, state: Any) -> bool:
        """No further attempt: they are used up, the circuit is open, all ends, time or budget is short."""
        left = min(self._deadline, self._last) - self._clocks.monotonic()
        return (
            state.attempt_number >= self._max_attempts
            or self._circuit.state != "closed"
            or self._stopping.is_set()
            or state.upcoming_sleep >= left
            or not self._budget.spend()
        )

    def _pause(self, seconds: float) -> None:
        self._counts["retries"] += 1
        self._sleep(seconds)


def _tenacity() -> Any:
    try:
        import tenacity
    except ImportError as exc:
        raise ConfigError("sending events needs: pip install 'llm-observer[http]'") from exc
    return tenacity
