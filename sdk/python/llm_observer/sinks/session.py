"""What did the calls so far cost, and could they save? Totals, breakdowns, the newest events, in memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import msgspec

from llm_observer.event import Event
from llm_observer.money import decimal_text, dollars
from llm_observer.sinks.breakdowns import Breakdown, Snapshot, State
from llm_observer.sinks.cache_sums import CacheTotals
from llm_observer.sinks.session_rows import MAX_ROWS, unpacked
from llm_observer.sinks.totals import Totals

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Session", "SessionSink"]

MAX_CALLS = 1000

_sessions: WeakSet[Session] = WeakSet()


class Session:
    """Totals of the calls that were added, and the newest of them. Any thread may read.

    settle: called before every read, waits for calls that have ended. render: what `summary()` returns.
    show: the HTML that a notebook shows. max_calls: how many events are kept whole, the newest ones.
    max_rows: how many calls are kept as rows of plain values.
    """

    def __init__(
        self,
        *,
        settle: Callable[[], object] | None = None,
        render: Callable[[Session], str] | None = None,
        show: Callable[[Session], str] | None = None,
        max_calls: int = MAX_CALLS,
        max_rows: int = MAX_ROWS,
    ) -> None:
        self._settle = settle
        self._render = render
        self._show = show
        self._max_calls = max_calls
        self._lock = threading.RLock()
        self._state = State(max_calls, max_rows)
        _sessions.add(self)

    def add(self, event: Event) -> None:
        """Count *event*, if it is a call."""
        if event.llm_call is None:
            return
        with self._lock:
            self._state.add(event, event.llm_call)

    def reset(self) -> None:
        """Forget all calls so far."""
        self._settled()
        self.restart()

    def restart(self) -> None:
        """Forget all calls without waiting for those that are not counted yet, as a forked child must."""
        with self._lock:
            self._state = State(self._max_calls, self._state.rows.most)

    def keep_rows(self, most: int) -> None:
        """Keep the newest *most* calls as rows from now on."""
        with self._lock:
            self._state.rows.keep(most)

    def _settled(self) -> State:
        """The state, with every call that has ended. Without the lock, which the worker needs for that."""
        if self._settle is not None:
            self._settle()
        return self._state

    @property
    def calls(self) -> int:
        """How many calls."""
        return self._settled().all.calls

    @property
    def rows(self) -> int:
        """How many of the newest calls `to_dicts()` has."""
        return len(self._settled().rows)

    @property
    def latest(self) -> tuple[Event, ...]:
        """The newest events, oldest first."""
        state = self._settled()
        with self._lock:
            return tuple(state.latest)

    @property
    def totals(self) -> Totals:
        """Sums of all calls."""
        state = self._settled()
        with self._lock:
            return state.all.totals()

    @property
    def cache(self) -> CacheTotals:
        """What the prompt cache saved and missed in all calls, and what to fix, the dearest first."""
        state = self._settled()
        with self._lock:
            return state.cache.totals()

    @property
    def by_model(self) -> dict[str, Totals]:
        """By the model that answered, or that was asked for where none did."""
        return self._read(self._settled().model_names)

    @property
    def by_provider(self) -> dict[str, Totals]:
        """By provider."""
        return self._read(self._settled().providers)

    @property
    def by_site(self) -> dict[str, Totals]:
        """By the app's own line: `file:line function`."""
        return self._read(self._settled().sites)

    def by_attribute(self, name: str) -> dict[str, Totals]:
        """By the value that `observe()` gave to *name*, as text; empty if no call has it."""
        breakdown = self._settled().attributes.get(name)
        return {} if breakdown is None else self._read(breakdown)

    def _read(self, breakdown: Breakdown[str]) -> dict[str, Totals]:
        with self._lock:
            return breakdown.totals()

    def snapshot(self) -> Snapshot:
        """Everything at one moment."""
        state = self._settled()
        with self._lock:
            return state.snapshot()

    def to_dict(self) -> dict[str, Any]:
        """Totals and breakdowns as JSON values: money is a decimal string, a model is `provider/model`."""
        taken = self.snapshot()._asdict()
        models, gaps = taken["by_model"].items(), taken["gaps"].items()
        return {
            **{name: _plain(value) for name, value in taken.items()},
            "by_model": {"/".join(key): _plain(totals) for key, totals in models},
            "gaps": [{**gap._asdict(), "calls": calls} for gap, calls in gaps],
        }

    def to_dicts(self) -> list[dict[str, Any]]:
        """A row of JSON values for each call, oldest first: the newest `session_rows` (10,000) calls.

        Unknown is None, money a decimal string. Tokens and money that another call has already are not in it
        again, so that rows sum up to the totals. docs/notebooks.md has the columns.
        """
        state = self._settled()
        with self._lock:
            packed = state.rows.packed()
        return unpacked(packed)

    def to_arrow(self) -> pa.Table:
        """`to_dicts()` as an Arrow table: money as exact decimals, attributes as `attributes.name`.

        Raises ConfigError if pyarrow is not installed.
        """
        from llm_observer.sinks.session_frames import arrow_table

        return arrow_table(self.to_dicts())

    def to_pandas(self) -> pd.DataFrame:
        """`to_dicts()` as a data frame: money as floats, attributes as `attributes.name`.

        Raises ConfigError if pandas is not installed.
        """
        from llm_observer.sinks.session_frames import data_frame

        return data_frame(self.to_dicts())

    def summary(self) -> str:
        """The totals as text, for people."""
        return repr(self) if self._render is None else self._render(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: figures only, no text of any prompt."""
        return f"<pre>{escape(repr(self))}</pre>" if self._show is None else self._show(self)

    def __repr__(self) -> str:
        totals = self.totals
        cost, unpriced = dollars(totals.cost_usd), totals.unpriced_calls
        return f"<Session calls={totals.calls} cost={cost} unpriced={unpriced} errors={totals.errors}>"


class SessionSink:
    """Puts every event into *session*."""

    name = "session"

    def __init__(self, session: Session) -> None:
        self._session = session

    def write(self, events: Sequence[Event]) -> None:
        """Add *events*."""
        for event in events:
            self._session.add(event)

    def close(self) -> None:
        """Nothing: the session stays readable."""


def _plain(value: object) -> Any:
    """*value* as JSON values; msgspec writes a small Decimal with an exponent."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _after_fork() -> None:
    """A lock may be held by a thread that the child does not have."""
    for session in tuple(_sessions):
        session._lock = threading.RLock()  # noqa: SLF001 - the class's own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
