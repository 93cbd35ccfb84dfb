"""How is a fix told in words? Where it is, what it costs, what to do."""

from __future__ import annotations

from collections.abc import Iterator

from llm_observer.cache.kinds import docs_url
from llm_observer.call import CallSite
from llm_observer.money import known_dollars
from llm_observer.report.fixes import Fix

__all__ = ["docs_of", "many", "money", "paragraph", "place", "price", "site_name"]

NO_SITE = "(no call site)"


def site_name(site: CallSite | None) -> str:
    """`app.py:42 ask`."""
    return NO_SITE if site is None else f"{site.file}:{site.line} {site.function or ''}".rstrip()


def many(count: int, one: str) -> str:
    """`1 call`, `1,200 calls`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def place(fix: Fix) -> str:
    """`messages[*].content, offset 37, line 2`; the offset is that of the surest finding."""
    parts = [fix.path or "the request"]
    if fix.example.offset is not None:
        parts.append(f"offset {fix.example.offset}")
    if fix.example.line is not None:
        parts.append(f"line {fix.example.line}")
    return ", ".join(parts)


def money(fix: Fix) -> str:
    """`$1.20`, `$1.20 + ?`, or `?`; a question mark stands for what has no price."""
    return known_dollars(fix.usd, fix.unpriced)


def price(fix: Fix) -> str:
    """`$1.20, 9,000 tokens, seen 12 times`."""
    cost = "unknown cost" if fix.unpriced and not fix.usd else money(fix)
    return f"{cost}, {many(fix.tokens, 'token')}, seen {many(fix.count, 'time')}"


def docs_of(fix: Fix) -> str:
    """Where it is explained."""
    return fix.docs or docs_url(fix.kind)


def paragraph(fix: Fix) -> Iterator[str]:
    """Some lines: what and where, its price, what to change."""
    yield f"{fix.site}: {fix.title} ({fix.kind}) in {place(fix)}"
    yield f"  {price(fix)}, confidence {fix.confidence:.2f}"
    if fix.advice:
        yield f"  {fix.advice} See {docs_of(fix)}"
