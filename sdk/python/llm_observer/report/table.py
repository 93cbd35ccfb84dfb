"""How are lines and tables drawn? With rich where it is installed, else plainly: the same words either way.

Only ASCII lines, `·` and `…` are drawn, which every usual encoding of a terminal or a log file has.
"""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table as RichTable
    from rich.text import Text as RichText

__all__ = ["Lines", "Table", "draw"]

_GAP = 2
_ANY_WIDTH = 100_000
"""For rich, which gets what fits already."""
_READABLE = 18
"""What is left of a label as long as another column may go."""
_NARROWEST = 8
"""What is left of a label at least."""


class Lines(NamedTuple):
    """Sentences, one below the other. style: a style of rich."""

    texts: tuple[str, ...]
    style: str = ""


class Table(NamedTuple):
    """Rows of text. labels: so many columns at the left are names, the others are numbers.

    optional: headers of columns that may go where there is little room, the first one first.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int
    optional: tuple[str, ...] = ()


def draw(blocks: Sequence[Lines | Table], *, width: int | None, color: bool) -> str:
    """*blocks* one below the other, in *width* columns if that can be done; no line break at the end."""
    fitted = [_fitted(_clean(block), width) for block in blocks]
    try:
        from rich.console import Console  # noqa: F401 - is it there?
    except ImportError:
        return _drawn_plainly(fitted)
    return _drawn_by_rich(fitted, color=color)


def _clean(block: Lines | Table) -> Lines | Table:
    """*block* without control characters: names of models and attributes come from outside."""
    if isinstance(block, Lines):
        return block._replace(texts=tuple(map(_printable, block.texts)))
    return block._replace(rows=tuple(tuple(map(_printable, row)) for row in block.rows))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _fitted(block: Lines | Table, width: int | None) -> Lines | Table:
    """*block* with no line over *width*, if that can be done."""
    if width is None:
        return block
    if isinstance(block, Lines):
        return block._replace(texts=tuple(line for text in block.texts for line in _wrapped(text, width)))
    return _narrowed(block, width)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _narrowed(table: Table, width: int) -> Table:
    """*table* with shorter labels; and without optional columns, if that is not enough."""
    widths = _widths(table)
    shortest = _READABLE if table.optional else _NARROWEST
    least = [min(size, shortest) for size in widths[: table.labels]] + widths[table.labels :]
    if _whole(least) > width and table.optional:
        rest = table._replace(optional=table.optional[1:])
        return _narrowed(_without(rest, table.optional[0]), width)
    for _ in range(min(_whole(widths) - width, _whole(widths) - _whole(least))):
        widest = max(range(table.labels), key=lambda column: widths[column] - least[column])
        widths[widest] -= 1
    rows = (
        tuple(_shortened(cell, size) for cell, size in zip(row, widths, strict=True)) for row in table.rows
    )
    return table._replace(rows=tuple(rows))


def _without(table: Table, header: str) -> Table:
    gone = table.headers.index(header)
    kept = [column for column in range(len(table.headers)) if column != gone]
    return table._replace(
        headers=tuple(table.headers[column] for column in kept),
        rows=tuple(tuple(row[column] for column in kept) for row in table.rows),
        labels=sum(column < table.labels for column in kept),
    )


def _widths(table: Table) -> list[int]:
    return [max(map(len, column)) for column in zip(table.headers, *table.rows, strict=True)]


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _shortened(text: str, size: int) -> str:
    """*text* without its middle: both ends of a path or of a model's name tell it from others."""
    if len(text) <= size:
        return text
    tail = (size - 1) // 2
    return f"{text[: size - 1 - tail]}…{text[len(text) - tail :]}"


def _drawn_plainly(blocks: Sequence[Lines | Table]) -> str:
    return "\n\n".join(
        "\n".join(block.texts) if isinstance(block, Lines) else _plain_table(block) for block in blocks
    )


def _plain_table(table: Table) -> str:
    widths = _widths(table)
    ruler = tuple("-" * size for size in widths)
    return "\n".join(_plain_row(row, widths, table.labels) for row in (table.headers, ruler, *table.rows))


def _plain_row(row: Sequence[str], widths: Sequence[int], labels: int) -> str:
    cells = (
        cell.ljust(size) if column < labels else cell.rjust(size)
        for column, (cell, size) in enumerate(zip(row, widths, strict=True))
    )
    return (" " * _GAP).join(cells).rstrip()


def _drawn_by_rich(blocks: Sequence[Lines | Table], *, color: bool) -> str:
    from rich.console import Console

    written = io.StringIO()
    console = Console(
        file=written,
        width=_ANY_WIDTH,
        height=_ANY_WIDTH,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        force_jupyter=False,
        legacy_windows=False,
    )
    for number, block in enumerate(blocks):
        if number:
            console.print()
        console.print(_rich_lines(block) if isinstance(block, Lines) else _rich_table(block))
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def _rich_lines(lines: Lines) -> RichText:
    from rich.text import Text

    return Text("\n".join(lines.texts), lines.style)


def _rich_table(table: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for column, header in enumerate(table.headers):
        drawn.add_column(Text(header), justify="left" if column < table.labels else "right", no_wrap=True)
    drawn.add_row(*("-" * size for size in _widths(table)), style="dim")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn
