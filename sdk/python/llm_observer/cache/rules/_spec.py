"""What must be known of a prompt cache to say what a request could have read? One tuple of data."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

__all__ = ["Dated", "Rule", "RuleId", "at_date"]

RuleId = Literal["anthropic", "openai_breakpoints", "openai_increments", "deepseek_units", "prefix"]


class Rule(NamedTuple):
    """One provider's rule for one model at one time.

    minimum: tokens that a prefix must have to be cached at all.
    step: reads are rounded down to a multiple of it; 1 where they end exactly at a boundary.
    ttl_s: lifetime where the request asks for none, from the start of the request that last used the entry.
    ttls_s: lifetimes that a request may ask for, ascending.
    """

    id: RuleId
    source: str
    checked: str
    """ISO date on which *source* was compared; empty where it was not."""
    minimum: int
    step: int
    ttl_s: float
    ttls_s: tuple[int, ...]
    is_opt_in: bool = False
    """Nothing is cached unless the request marks it."""
    max_markers: int = 0
    """Breakpoints that one request can write; 0 where there are none."""
    refreshes: bool = True
    """A read starts the lifetime anew."""
    lives_s: tuple[int, ...] = ()
    """What an entry can be relied on to live for each of `ttls_s`, where that is less than the name says."""
    look_back: int = 0
    """Positions that a breakpoint looks at, itself included (Anthropic)."""
    merges_runs: bool = False
    """A run of tool uses, or of tool results, is one position."""
    keeps_ttls_apart: bool = False
    """A breakpoint finds only entries that were written with its own lifetime."""
    first_markers: int = 0
    latest_markers: int = 0
    """Explicit breakpoints that are looked up: the first and the latest ones (OpenAI)."""
    message_ends: int = 0
    """Earlier ends of messages that are looked up without any marker (OpenAI)."""

    keeps_answers: bool = False
    """A prefix cache that holds what was generated as well: the next turn reads to the end of the answer."""

    is_system_first: bool = False
    """The system text stands before the tools."""

    def live_s(self, asked_s: int | None) -> float:
        """How long an entry surely lives if the request asks for *asked_s*; None or 0: it says nothing."""
        if not asked_s or not self.ttls_s:
            return self.ttl_s
        lives = self.lives_s or self.ttls_s
        granted = [live for ttl, live in zip(self.ttls_s, lives, strict=True) if ttl <= asked_s]
        return float(granted[-1] if granted else lives[0])


class Dated(NamedTuple):
    """A number that holds from a day on. since: ISO date, empty for "as far back as we know"."""

    since: str
    value: int


def at_date(rows: Sequence[Dated], at_s: float) -> int:
    """The value of the last of *rows* that holds at *at_s* (epoch seconds); before all of them, the first."""
    day = datetime.fromtimestamp(at_s, UTC).date().isoformat()
    valid = [row.value for row in rows if row.since <= day]
    return valid[-1] if valid else rows[0].value
