"""What is drawn on the page? Spend over time, prefix maps, and conversations on a time line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from llm_observer.money import ZERO, dollars, known_dollars
from llm_observer.report.blocks import MARKS, Cell, mark, section, table
from llm_observer.report.cache_model import Report
from llm_observer.report.fix_words import many
from llm_observer.report.markup import Html, el
from llm_observer.report.prefix_map import PrefixMap, Stretch
from llm_observer.report.spend import Bar, Spend
from llm_observer.report.timeline import Conversation, Pause, Point
from llm_observer.report.wording import clock, day, lasted, percent, rounded

__all__ = ["conversations", "prefixes", "spend"]

MAX_MAPS = 8
MAX_LINES = 12
MAX_DEAR = 8
"""Lines for the most missed money; the others are for pauses, which cost less and tell more of time."""
_DAY_S = 86_400
_HIGH = 100
_GAP = 0.16


def spend(report: Report) -> Html | None:
    """Bars of money over time: what was spent, and the part of it that could have been saved."""
    found = report.spend
    top = max((bar.cost_usd for bar in found.bars), default=ZERO)
    if top <= ZERO:
        return None
    scale = _HIGH / float(top)
    drawing = el(
        "svg",
        *(part for at, bar in enumerate(found.bars) for part in _column(bar, at, scale)),
        viewBox=f"0 0 {len(found.bars)} {_HIGH}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Spend over time, at most {dollars(top)} in {lasted(found.width_s)}",
    )
    axis = el("p", *(el("span", text) for text in _ticks(found)), class_="axis", aria_hidden="true")
    plot = el("div", el("span", dollars(top), class_="top"), drawing, class_="plot")
    key = el("p", _key("spent", "spent"), _key("saved", "of it could have been saved"), class_="key")
    lead = f"One bar for each {lasted(found.width_s)}, UTC."
    return section("spend", "Spend over time", lead, key, el("figure", plot, axis), _spend_table(found))


def _key(kind: str, text: str) -> Html:
    return el("span", el("i", class_=f"swatch {kind}"), text)


def _column(bar: Bar, at: int, scale: float) -> Iterator[Html]:
    """The whole bar, and in front of its foot what could have been saved."""
    cost, missed = float(bar.cost_usd) * scale, min(float(bar.missed_usd), float(bar.cost_usd)) * scale
    shape = {"x": f"{at + _GAP / 2:.2f}", "width": f"{1 - _GAP:.2f}"}
    if cost <= 0:
        return
    told = f"{day(bar.start_s)} {clock(bar.start_s)}: {dollars(bar.cost_usd)}, {many(bar.calls, 'call')}"
    could = known_dollars(bar.missed_usd, bar.missed_unpriced)
    saved = f", {could} could have been saved" if missed or bar.missed_unpriced else ""
    inside = [el("rect", **shape, y=f"{_HIGH - cost:.2f}", height=f"{cost:.2f}", class_="spent")]
    if missed > 0:
        inside.append(el("rect", **shape, y=f"{_HIGH - missed:.2f}", height=f"{missed:.2f}", class_="saved"))
    yield el("g", el("title", told + saved), *inside)


def _ticks(found: Spend) -> Iterator[str]:
    """Start, middle and end."""
    bars = found.bars
    first, middle, last = bars[0].start_s, bars[len(bars) // 2].start_s, bars[-1].start_s + found.width_s
    say = clock if last - first <= _DAY_S else day
    yield from (say(at_s) for at_s in (first, middle, last))


def _spend_table(found: Spend) -> Html:
    rows = [
        (
            Cell(f"{day(bar.start_s)}, {clock(bar.start_s)}", bar.start_s),
            Cell(f"{bar.calls:,}", bar.calls),
            Cell(dollars(bar.cost_usd) + (" + ?" if bar.unpriced else ""), str(bar.cost_usd)),
            Cell(known_dollars(bar.missed_usd, bar.missed_unpriced), str(bar.missed_usd)),
        )
        for bar in found.bars
        if bar.calls
    ]
    headers = ("From, UTC", "Calls", "Cost", "Could be saved")
    return el(
        "details", el("summary", "As a table"), table("Spend over time", headers, rows, name="spend-table")
    )


def prefixes(report: Report) -> Html | None:
    """A map for each call site."""
    maps = [found for found in report.prefixes if found.compared][:MAX_MAPS]
    if not maps:
        return None
    lead = (
        "Each prompt from its start, left, to its end. The height is the share of calls that are still the "
        "same as an earlier call; it falls where calls part. A segment is as wide as its tokens."
    )
    key = el(
        "p", _key("same", "the same as before"), _key("parted", "parts here, and was paid again"),
        _key("turned", "parts here at no loss"), class_="key",
    )  # fmt: skip
    return section("prefixes", "Where prompts part", lead, key, *(_map(found) for found in maps))


def _map(found: PrefixMap) -> Html:
    total = sum(stretch.tokens for stretch in found.stretches if stretch.tokens is not None)
    before, columns = 1.0, []
    for stretch in found.stretches:
        columns.append(_stretch(stretch, before))
        before = stretch.reach
    facts = [many(found.calls, "call"), f"{rounded(total)} tokens on average"]
    if found.similarity is not None:
        facts.append(f"{percent(found.similarity)} the same on average")
    parted = [stretch for stretch in found.stretches if stretch.parted]
    return el(
        "article",
        el("h3", el("code", found.site)),
        el("p", " · ".join(facts), class_="soft"),
        el("div", *columns, class_="map", role="img", aria_label=_told(found)),
        el(
            "ul", *(_parting(stretch, found.compared) for stretch in parted), _grown(found), class_="partings"
        ),
        class_="prefix",
    )


def _stretch(stretch: Stretch, before: float) -> Html:
    """A column: what goes on at its foot, what parts here on top of it."""
    size = 1 if stretch.tokens is None else max(stretch.tokens, 1)
    kind = "parted" if stretch.missed_tokens else "turned"
    parts = max(before - stretch.reach, 0)
    tokens = "size unknown" if stretch.tokens is None else f"{stretch.tokens:,} tokens"
    return el(
        "span",
        el(
            "span",
            el("i", class_=kind, style=f"height:{parts * 100:.2f}%") if parts else None,
            el("i", class_="same", style=f"height:{stretch.reach * 100:.2f}%"),
        ),
        el("small", stretch.path),
        style=f"flex-grow:{size}",
        title=f"{stretch.path}: {tokens}, {percent(stretch.reach)} of calls agree beyond it",
    )


def _told(found: PrefixMap) -> str:
    places = (f"{stretch.parted} part at {stretch.path}" for stretch in found.stretches if stretch.parted)
    return (
        f"{found.site}: of {many(found.compared, 'call')}, {', '.join([*places, f'{found.grew} only grew'])}"
    )


def _parting(stretch: Stretch, compared: int) -> Html:
    share = percent(stretch.parted / compared)
    kind = "parted" if stretch.missed_tokens else "turned"
    cost = known_dollars(stretch.missed_usd, stretch.missed_unpriced)
    loss = el("span", f"{rounded(stretch.missed_tokens)} tokens, {cost}", class_="lost")
    return el(
        "li",
        el("i", class_=f"swatch {kind}", aria_hidden="true"),
        el("code", stretch.path),
        el("span", f"{many(stretch.parted, 'call')} ({share}) part here"),
        loss if stretch.missed_tokens else el("span", "no loss", class_="soft"),
    )


def _grown(found: PrefixMap) -> Html | None:
    if not found.grew:
        return None
    text = f"{many(found.grew, 'call')} ({percent(found.grew / found.compared)}) only added to the end"
    return el("li", el("i", class_="swatch same", aria_hidden="true"), el("span", text, class_="soft"))


def conversations(report: Report) -> Html | None:
    """A line for each conversation."""
    found = _chosen(report.conversations)
    if not found:
        return None
    rest = len(report.conversations) - len(found)
    more = f" {rest:,} more are in the JSON form." if rest else ""
    lead = (
        "Linked by their prompts, each from its first call to its last: the most missed money, then pauses. "
        f"A pause that outlived the cache is hatched.{more}"
    )
    keys = (("hit", "hit"), ("partial", "part"), ("miss", "miss"), ("first", "first call"))
    key = el("p", *(el("span", mark(name), text) for name, text in keys),
             _key("pause", "pause"), _key("expired", "pause that cost the cache"), class_="key")  # fmt: skip
    lines = el("ol", *(_line(one) for one in found), class_="lines")
    return section("conversations", "Conversations", lead, key, lines)


def _chosen(found: Sequence[Conversation]) -> Sequence[Conversation]:
    """Those with the most missed money, then those with the most pauses that cost the cache."""
    rest = sorted(found[MAX_DEAR:], key=lambda one: -sum(pause.is_expired for pause in one.pauses))
    return [*found[:MAX_DEAR], *rest][:MAX_LINES]


def _line(found: Conversation) -> Html:
    start_s, end_s = found.calls[0].at_s, found.calls[-1].at_s
    span = end_s - start_s or 1.0
    pauses = (_pause(pause, start_s, span) for pause in found.pauses)
    dots = (_dot(call, (call.at_s - start_s) / span) for call in found.calls)
    track = el("div", *pauses, *dots, class_="track", role="img", aria_label=_line_told(found))
    could = known_dollars(found.missed_usd, found.missed_unpriced)
    saved = f" · {could} could be saved" if found.missed_usd or found.missed_unpriced else ""
    about = (
        f"{many(found.call_count, 'call')} in {lasted(end_s - start_s)} · {dollars(found.cost_usd)}{saved}"
    )
    return el(
        "li",
        el("p", el("code", found.site), " ", el("small", found.model), class_="who"),
        el("p", about, class_="soft"),
        track,
        el("p", el("span", clock(start_s)), el("span", clock(end_s)), class_="axis", aria_hidden="true"),
    )


def _pause(pause: Pause, start_s: float, span: float) -> Html:
    left, width = (pause.start_s - start_s) / span, (pause.end_s - pause.start_s) / span
    kind = "expired" if pause.is_expired else "pause"
    length = lasted(pause.end_s - pause.start_s)
    style = f"left:{left * 100:.2f}%;width:{width * 100:.2f}%"
    return el(
        "span", el("small", length), class_=f"band {kind}", style=style, title=f"{length} without a call"
    )


def _dot(call: Point, place: float) -> Html:
    kind = "unknown" if call.verdict == "unknown" else MARKS.get(call.verdict, "miss")
    read = "" if call.share is None else f", {percent(call.share)} read from the cache"
    missed = f", {call.missed_tokens:,} tokens missed" if call.missed_tokens else ""
    told = f"{clock(call.at_s)} {call.verdict}{read}{missed}"
    return el("i", class_=f"mark {kind}", style=f"left:{place * 100:.2f}%", title=told)


def _line_told(found: Conversation) -> str:
    counts = Counter(call.verdict for call in found.calls)
    verdicts = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    known = "" if found.is_ttl_known else " (assumed)"
    pauses = f"; {many(len(found.pauses), 'pause')} longer than {lasted(found.ttl_s)}{known}"
    return f"{many(found.call_count, 'call')}: {verdicts}{pauses if found.pauses else ''}"
