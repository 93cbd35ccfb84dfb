"""What stands on the page's upper half? Headline, fixes, funnel, verdicts, and tables of sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llm_observer.money import ZERO, known_dollars
from llm_observer.report.blocks import MARKS, Cell, mark, section, table
from llm_observer.report.cache_model import Group, Report
from llm_observer.report.fix_words import many, money
from llm_observer.report.fixes import Fix
from llm_observer.report.markup import Child, Html, el, joined
from llm_observer.report.wording import (
    VERDICTS,
    cost_of,
    funnel_rows,
    headline,
    number_of,
    percent,
    period,
    place_of,
    rounded,
    saving_of,
    sentence,
    share_of,
    sureness,
)

__all__ = ["fixes", "funnel", "groups", "hero", "verdicts"]

MAX_CARDS = 6


def hero(report: Report) -> Html:
    """The headline and four figures."""
    totals, funnel = report.totals, report.funnel
    could = funnel.ideal_tokens / funnel.input_tokens if funnel.input_tokens else None
    did = funnel.actual_tokens / funnel.input_tokens if funnel.input_tokens else share_of(totals)
    figures = (
        ("Spent", cost_of(totals), many(totals.calls, "call")),
        ("Input", rounded(totals.input_tokens), f"{rounded(totals.output_tokens)} tokens out"),
        ("Read from the cache", percent(did), f"{rounded(totals.cached_tokens)} tokens"),
        ("A stable prompt", percent(could), "would have been read"),
    )
    return el(
        "header",
        el("p", el("strong", "llm_observer"), " prompt cache report", class_="brand"),
        el("h1", *_marked(headline(report))),
        el("p", _under(report), class_="under"),
        el("dl", *(_figure(*figure) for figure in figures), class_="figures"),
    )


def _marked(text: str) -> Iterator[Child]:
    """The first amount of money stands out."""
    first, _, rest = text.partition(" ")
    yield el("span", first, class_="money") if first.startswith("$") else first
    yield f" {rest}"


def _under(report: Report) -> str:
    totals = report.totals
    share = totals.missed_usd / totals.cost_usd if totals.cost_usd > ZERO else None
    parts = [f"{percent(float(share))} of the known cost"] if share else []
    if totals.unpriced:
        parts.append(f"{many(totals.unpriced, 'call')} of unknown cost")
    if report.processes > 1:
        parts.append(f"{report.processes:,} processes")
    return " · ".join([*parts, period(report)]).removesuffix(" · ")


def _figure(label: str, value: str, more: str) -> Html:
    return el("div", el("dt", label), el("dd", el("b", value), " ", el("small", more)))


def fixes(report: Report) -> Html | None:
    """Cards of the first fixes, and a table of all."""
    if not report.fixes:
        return None
    top = max((fix.usd for fix in report.fixes), default=ZERO)
    cards = (
        _card(fix, number, float(fix.usd / top) if top > ZERO else 0) for number, fix in _numbered(report)
    )
    more = el(
        "details",
        el("summary", f"All {_many_fixes(report)} as a table"),
        _filter("fix-table", "Filter by kind, place or call site"),
        _fix_table(report),
    )
    lead = (
        "Ranked by the money that they cost. Places are in the request as it was sent; its text is not kept."
    )
    return section("fixes", "Fix these first", lead, el("ol", *cards, class_="cards"), more)


def _many_fixes(report: Report) -> str:
    return "1 fix" if len(report.fixes) == 1 else f"{len(report.fixes):,} fixes"


def _numbered(report: Report) -> Iterator[tuple[int, Fix]]:
    yield from enumerate(report.fixes[:MAX_CARDS], 1)


def _card(fix: Fix, number: int, share: float) -> Html:
    meter = el("span", el("i", style=f"width:{share * 100:.1f}%"), class_="meter", aria_hidden="true")
    top = el("div", el("span", str(number), class_="rank", aria_hidden="true"), _money(fix), class_="top")
    return el(
        "li",
        top,
        meter,
        el("h3", *_title(fix)),
        el("p", fix.advice, class_="advice") if fix.advice else None,
        el("dl", *_facts(fix), class_="facts"),
        class_="card",
    )


def _title(fix: Fix) -> Iterator[Child]:
    """`A time of day in system[0]`, where the kind is something that stands in a text."""
    yield sentence(fix.title)
    if fix.path is not None and fix.example.offset is not None:
        yield joined(" in ", el("code", fix.path))


def _money(fix: Fix) -> Html:
    return el("b", money(fix), class_="money")


def _facts(fix: Fix) -> Iterator[Html]:
    yield _fact("Call site", el("code", fix.site))
    if fix.path is not None:
        yield _fact("Place", joined(el("code", fix.path), f", {place}" if (place := place_of(fix)) else None))
    if fix.example.shape is not None:
        yield _fact("Shape", el("code", fix.example.shape))
    yield _fact("Seen", f"{many(fix.count, 'time')} · {rounded(fix.tokens)} tokens paid again")
    yield _fact("Kind", joined(_docs(fix), f" · {sureness(fix)}"))


def _fact(label: str, value: Child) -> Html:
    return el("div", el("dt", label), el("dd", value))


def _docs(fix: Fix) -> Html:
    """The kind, linked where its page is on the web."""
    if fix.docs is not None and fix.docs.startswith("https://"):
        return el("a", fix.kind, href=fix.docs, rel="noreferrer")
    return el("code", fix.kind, title=fix.docs)


def _filter(target: str, label: str) -> Html:
    """Shown by the page's script."""
    box = el("input", type="search", id=f"{target}-filter", data_filter=target, autocomplete="off")
    return el("p", el("label", label, for_=f"{target}-filter"), box, class_="filter", hidden=True)


def _fix_table(report: Report) -> Html:
    rows = [
        (
            Cell(joined(sentence(fix.title), " ", el("code", fix.kind, class_="soft"))),
            Cell(el("code", fix.path) if fix.path else "whole request"),
            Cell(el("code", fix.site)),
            Cell(f"{fix.count:,}", fix.count),
            Cell(f"{fix.tokens:,}", fix.tokens),
            Cell(_money(fix), str(fix.usd)),
            Cell(percent(fix.confidence), fix.confidence),
        )
        for fix in report.fixes
    ]
    headers = ("Kind", "Place", "Call site", "Times", "Tokens", "Money", "Confidence")
    return table("Fixes", headers, rows, name="fix-table")


def funnel(report: Report) -> Html | None:
    """Bars from all input down to what was read."""
    if not report.funnel.calls:
        return None
    lost = {
        "reusable": ("broken by changes in the prompt", "ideal"),
        "actual": ("lost to time, routing and luck", "reusable"),
    }
    tokens = {name: count for name, _, count, _ in funnel_rows(report)}
    rows = []
    for name, label, count, share in funnel_rows(report):
        why, before = lost.get(name, ("", name))
        gap = tokens[before] - count
        note = el("span", f"{rounded(gap)} {why}", class_="lost") if gap > 0 else None
        rows.append(_bar(name, label, (count, share), note))
    lead = f"Input tokens of {many(report.funnel.calls, 'call')} with a verdict"
    rest = report.funnel.no_verdict
    lead += f"; {many(rest, 'call')} without one left out." if rest else "."
    return section("funnel", "What the cache could have served", lead, el("ol", *rows, class_="funnel"))


def _bar(name: str, label: str, figure: tuple[int, float], note: Html | None) -> Html:
    count, share = figure
    return el(
        "li",
        el("span", label, class_="label"),
        el(
            "span",
            el("b", rounded(count)),
            f" · {percent(share)}",
            class_="figure",
            title=f"{count:,} tokens",
        ),
        el(
            "span",
            el("i", class_=name, style=f"width:{share * 100:.2f}%"),
            class_="track",
            aria_hidden="true",
        ),
        note,
    )


def verdicts(report: Report) -> Html | None:
    """How often each verdict was given, and where missed tokens went."""
    if not report.verdicts:
        return None
    total = sum(report.verdicts.values())
    parts = report.verdicts.items()
    strip = el(
        "div",
        *(
            el("i", class_=f"v {MARKS.get(name, 'miss')}", style=f"flex-grow:{count}")
            for name, count in parts
        ),
        class_="strip",
        aria_hidden="true",
    )
    rows = [
        (
            Cell(joined(mark(name), el("code", name), " ", el("small", VERDICTS.get(name, "")))),
            Cell(f"{count:,}", count),
            Cell(percent(count / total), count / total),
        )
        for name, count in parts
    ]
    left = el("div", table("Verdicts", ("Verdict", "Calls", "Share"), rows, name="verdict-table"))
    lead = "One verdict for each call, and a cause for each missed token."
    return section(
        "verdicts", "Verdicts and causes", lead, strip, el("div", left, _causes(report), class_="two")
    )


def _causes(report: Report) -> Html | None:
    if not report.causes:
        return None
    rows = [
        (
            Cell(joined(sentence(cause.title), " ", el("code", cause.kind, class_="soft"))),
            Cell(f"{cause.count:,}", cause.count),
            Cell(f"{cause.tokens:,}", cause.tokens),
            Cell(known_dollars(cause.usd, cause.unpriced), str(cause.usd)),
        )
        for cause in report.causes
    ]
    return table("Causes of missed tokens", ("Cause", "Calls", "Tokens", "Money"), rows, name="cause-table")


def groups(title: str, label: str, found: Sequence[Group], *, name: str) -> Html:
    """Sums by model or call site."""
    headers = (label, "Calls", "Errors", "Input", "Cached", "Output", "Cost", "Could be saved")
    return table(title, headers, [_group(group) for group in found], name=name)


def _group(group: Group) -> Sequence[Cell]:
    sums = group.figures
    share = share_of(sums)
    named = f"{group.folded:,} others" if group.folded else group.name
    return (
        Cell(el("code", named)),
        Cell(f"{sums.calls:,}", sums.calls),
        Cell(f"{sums.errors:,}", sums.errors),
        Cell(number_of(sums.input_tokens), sums.input_tokens),
        Cell(percent(share), -1 if share is None else share),
        Cell(number_of(sums.output_tokens), sums.output_tokens),
        Cell(cost_of(sums), str(sums.cost_usd)),
        Cell(saving_of(sums), str(sums.missed_usd)),
    )
