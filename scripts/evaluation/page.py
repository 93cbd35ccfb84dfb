"""How does the evaluation read as a page? A summary first, then the chapters."""

import os
import platform
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from outcome import Chapter, Row, table

__all__ = ["page_of", "with_families"]

_FAMILIES = re.compile(r"(<!-- families: .*? -->\n).*?(?=<!-- end of families -->)", re.DOTALL)
_HOLDS = {True: "yes", False: "**no**", None: ""}
_HEAD = """# Evaluation

How the cache doctor does on real and on simulated traffic. Written by
`{command}`
({words}) on {day}: llm-observer {ours}, genai-prices {prices}, Python {python}, {cores} cores, {machine}.

Recorded: the traces, the coding session, the pairs of calls, the usage bodies. Simulated: the injected
breakers with their usage and money. Where a figure is beyond its reach, the chapter says why. What the thread
of the app and the event loop feel is in [Performance](performance.md), what the injected breakers tell about
each family in [Trade-offs](cache-breaker-tradeoffs.md).
"""


def page_of(chapters: Sequence[Chapter], command: str, words: str) -> str:
    """The whole page in Markdown."""
    head = _HEAD.format(
        command=command,
        words=words,
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        ours=version("llm-observer"),
        prices=version("genai-prices"),
        python=platform.python_version(),
        cores=os.cpu_count(),
        machine=platform.machine(),
    )
    rows = [row for chapter in chapters for row in chapter.rows]
    body = [line for chapter in chapters for line in ("", f"## {chapter.title}", "", *chapter.lines)]
    return _tidy([*head.splitlines(), *_summary(rows), *body])


def with_families(page: str, lines: Sequence[str], words: str) -> str:
    """*page* with the table of families in its place."""
    block = _tidy(["", f"Seeds and options: {words}.", *lines])
    return _FAMILIES.sub(lambda found: f"{found[1]}{block}\n", page)


def _summary(rows: Iterable[Row]) -> Iterator[str]:
    yield from table(
        ("check", "measured", "reach", "holds"),
        [(row.check, row.measured, row.reach, _HOLDS[row.holds]) for row in rows],
    )


def _tidy(lines: Iterable[str]) -> str:
    """No two empty lines in a row, none at the end, no blanks at the ends of lines."""
    kept: list[str] = []
    for line in lines:
        if line.strip() or (kept and kept[-1]):
            kept.append(line.rstrip())
    return "\n".join(kept).rstrip() + "\n"
