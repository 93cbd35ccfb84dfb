"""What says that a figure differs for this reason? One function per sign; None: nothing says so."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from llm_observer.money import ZERO, dollars, exact_sum
from llm_observer.reconcile.compare import Cell, Line, Section
from llm_observer.reconcile.figures import FEES
from llm_observer.reconcile.ours import Ours

__all__ = ["LESS", "MONEY", "MORE", "Gap", "Scene"]

_DAY_EDGE = "00:30"
_NEAR = Decimal("0.5")
_PERCENT = Decimal(100)
_FEW = 3
_FIRST_WORD = re.compile(r"[a-z]+")


class Scene:
    """What stands around a gap: all lines of the *sections*, and the days and times of *ours*."""

    def __init__(self, sections: Sequence[Section], ours: Ours) -> None:
        self.ours = ours
        self.called = {key.day.isoformat() for key in ours.sums}
        self._lines = {
            (section.name, line.day, line.model): line for section in sections for line in section.lines
        }

    def line(self, section: str, day: str, model: str) -> Line | None:
        """The line of that day and model, if there is one."""
        return self._lines.get((section, day, model))


class Gap(NamedTuple):
    """One figure that differs, and where it stands. twin: the same day and model in the other section."""

    section: Section
    line: Line
    cell: Cell
    scene: Scene
    twin: Line | None

    @property
    def fees(self) -> Decimal:
        """What of the export's money is no token of a call."""
        return self.line.export.amounts.get(FEES, ZERO)

    @property
    def is_all_fees(self) -> bool:
        """Without what is no token of a call the two sides would agree."""
        return abs(exact_sum((self.cell.gap, self.fees))) <= self.cell.allowed

    def of_events(self, mark: str) -> int:
        """How many of our calls in the line are marked so."""
        return self.line.events.marks[mark]

    def of_export(self, mark: str) -> bool:
        """The export marks some of the line so, here or in the other section."""
        twin = 0 if self.twin is None else self.twin.export.marks[mark]
        return bool(self.line.export.marks[mark] or twin)


Rule = Callable[[Gap], str | None]


def _fees(gap: Gap) -> str | None:
    """Line items that are no token of a call; of a line that joins models, some of it."""
    usd = gap.fees
    if not usd or (usd > 0) == (gap.cell.gap > 0):
        return None
    if gap.line.model and usd == gap.cell.export:
        return f"the export names it: {gap.line.model}"
    return f"{dollars(usd)} of the export is no token of a call"


def _other_tokens(gap: Gap) -> str | None:
    """Money follows tokens: too few of both, or too many."""
    cells = () if gap.twin is None else gap.twin.gaps
    same = [
        cell for cell in cells if cell.kind in {"input", "output"} and (cell.gap > 0) == (gap.cell.gap > 0)
    ]
    return f"{same[0].kind} {_percent(same[0])}" if same else None


def _no_events(gap: Gap) -> str | None:
    is_empty = gap.line.day not in gap.scene.called if gap.line.day else not gap.scene.called
    return f"none on {gap.line.day or 'any day'}" if is_empty else None


def _partial_day(gap: Gap) -> str | None:
    first, last, day = gap.scene.ours.first, gap.scene.ours.last, gap.line.day
    if first is not None and first[:10] == day and first[11:16] > _DAY_EDGE:
        return f"they begin at {first[11:16]}"
    is_last = last is not None and last[:10] == day and day < gap.section.last.isoformat()
    return f"they end at {last[11:16]}" if is_last and last is not None else None


def _names(gap: Gap) -> str | None:
    """One side knows the model and the other has a name that nothing was found for."""
    if gap.line.export.rows and gap.line.events.rows:
        return None
    others = gap.section.unmatched
    if gap.cell.gap > 0:
        joined = {match.name for match in gap.section.names.values()}
        others = tuple({line.model for line in gap.section.lines if line.export.rows} - joined)
    kin = [name for name in sorted(others) if _family(name) == _family(gap.line.model)]
    return f"not joined: {', '.join(kin[:_FEW])}" if kin else None


def _family(model: str) -> str | None:
    """`gpt`, `claude`: the first word of the name without its vendor."""
    word = _FIRST_WORD.search(model.lower().rpartition("/")[2])
    return word and word[0]


def _day_boundary(gap: Gap) -> str | None:
    """The neighbour's gap takes back at least half of this one."""
    if gap.of_export("not_utc"):
        return "the export's days do not begin at midnight UTC"
    if not gap.line.day:
        return None
    day = date.fromisoformat(gap.line.day)
    for other in (day - timedelta(1), day + timedelta(1)):
        line = gap.scene.line(gap.section.name, other.isoformat(), gap.line.model)
        cells = () if line is None else [cell for cell in line.gaps if cell.kind == gap.cell.kind]
        rest = [abs(exact_sum((cell.gap, gap.cell.gap))) for cell in cells]
        if rest and rest[0] <= _NEAR * abs(gap.cell.gap):
            return f"{other} has the opposite gap"
    return None


def _cache_ttl(gap: Gap) -> str | None:
    if gap.cell.kind.startswith("cache_write_") and gap.of_events("ttl_unknown"):
        return f"{_calls(gap.of_events('ttl_unknown'))} did not tell it"
    return None


def _unpriced(gap: Gap) -> str | None:
    calls = gap.of_events("unpriced")
    return _calls(calls) if calls and gap.cell.gap < 0 else None


def _retries(gap: Gap) -> str | None:
    retried, unanswered = gap.of_events("retried"), gap.of_events("unanswered")
    parts = [
        f"{count:,} {word}" for count, word in ((retried, "retried"), (unanswered, "unanswered")) if count
    ]
    return ", ".join(parts) or None


def _lag(gap: Gap) -> str | None:
    return "it is the export's last" if gap.line.day == gap.section.last.isoformat() else None


def _token_counts(gap: Gap) -> str | None:
    is_tokens = gap.cell.kind in {"input", "output", "cache_read"}
    requests = [cell for cell in gap.line.cells if cell.kind == "requests"]
    is_same = bool(requests) and not requests[0].is_gap
    is_router = any(form.provider == "openrouter" for form in gap.section.forms)
    return "the requests agree" if is_router and is_tokens and is_same else None


def _price_ttl(gap: Gap) -> str | None:
    calls = gap.of_events("ttl_unknown")
    return f"{_calls(calls)} did not tell it" if calls else None


def _fine_tuned(gap: Gap) -> str | None:
    return "its name begins with ft:" if gap.line.model.startswith("ft:") else None


def _discount(gap: Gap) -> str | None:
    """A lower price of the same tokens."""
    return f"by {_percent(gap.cell, gap.cell.events)}" if gap.cell.gap > 0 and gap.cell.export > 0 else None


def _price(gap: Gap) -> str | None:
    unsure = gap.of_events("unsure")
    return (
        f"{_calls(unsure)} priced by an assumption" if unsure else "the tokens agree or are not in the export"
    )


def _other_scope(gap: Gap) -> str | None:
    return f"{_percent(gap.cell)} more than the export has"


def _not_observed(gap: Gap) -> str | None:
    return f"{_percent(gap.cell)} of the export"


def _unseen(gap: Gap) -> str | None:
    """Money of a model that no call of ours names."""
    return None if gap.line.events.rows else _not_observed(gap)


def _elsewhere(gap: Gap) -> str | None:
    """Money of a model that the export does not name."""
    return None if gap.line.export.rows else "the export has no row of it"


def _exported(mark: str) -> Rule:
    """The export says so of some of the line."""
    return lambda gap: "the export says so" if gap.of_export(mark) else None


def _either(mark: str) -> Rule:
    """The export or one of our calls says so."""

    def rule(gap: Gap) -> str | None:
        if gap.of_export(mark):
            return "the export says so"
        calls = gap.of_events(mark)
        return _calls(calls) if calls else None

    return rule


def _without_tokens(mark: str) -> Rule:
    """So many of our calls, which are requests all the same; nothing where requests lack as much."""

    def rule(gap: Gap) -> str | None:
        calls = gap.of_events(mark)
        return _calls(calls) if calls and not _is_of_requests(gap) else None

    return rule


def _is_of_requests(gap: Gap) -> bool:
    """Of the requests at least half as large a share lacks as of this."""
    requests = next((cell for cell in gap.line.cells if cell.kind == "requests"), None)
    if requests is None or requests.gap >= 0:
        return False
    return requests.gap / requests.export <= _NEAR * gap.cell.gap / gap.cell.export


def _sampled(gap: Gap) -> str | None:
    return _calls(gap.section.sampled) if gap.section.sampled else None


def _calls(count: int) -> str:
    return f"{count:,} {'call' if count == 1 else 'calls'}"


def _percent(cell: Cell, whole: Decimal | None = None) -> str:
    base = abs(cell.export if whole is None else whole)
    return f"{abs(cell.gap) / base * _PERCENT:.1f} %" if base else "all"


LESS: Mapping[str, Rule] = {
    "no_events": _no_events,
    "sampled": _sampled,
    "names": _names,
    "day_boundary": _day_boundary,
    "cache_ttl": _cache_ttl,
    "token_counts": _token_counts,
    "usage_absent": _without_tokens("usage_absent"),
    "cut_short": _without_tokens("cut_short"),
    "partial_day": _partial_day,
    "retries": _retries,
    "batch": _exported("batch"),
    "not_observed": _not_observed,
}
MORE: Mapping[str, Rule] = {
    "names": _names,
    "day_boundary": _day_boundary,
    "lag": _lag,
    "cache_ttl": _cache_ttl,
    "token_counts": _token_counts,
    "other_scope": _other_scope,
}
MONEY: Mapping[str, Rule] = {
    FEES: _fees,
    "other_tokens": _other_tokens,
    "no_events": _no_events,
    "sampled": _sampled,
    "names": _names,
    "unknown_price": _unpriced,
    "day_boundary": _day_boundary,
    "byok": _exported("byok"),
    "batch": _either("batch"),
    "tier": _either("tier"),
    "region": _either("region"),
    "long_context": _exported("long_context"),
    "cache_ttl": _price_ttl,
    "fine_tuned": _fine_tuned,
    "discount": _discount,
    "not_observed": _unseen,
    "other_scope": _elsewhere,
    "price": _price,
}
"""Rules by code, in the order in which they are asked."""
