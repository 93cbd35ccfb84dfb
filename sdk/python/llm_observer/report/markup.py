"""How is HTML put together so that no text can become markup? Only what `el` made is left unescaped."""

from __future__ import annotations

from html import escape

__all__ = ["Attr", "Child", "Html", "el", "joined"]

_VOID = frozenset({"input"})
"""Of HTML's own; in SVG every element is closed."""


class Html(str):
    """Markup that is complete and safe."""

    __slots__ = ()


Child = Html | str | None
Attr = str | int | float | bool | None


def el(name: str, *children: Child, **attributes: Attr) -> Html:
    """An element. Text is escaped, None left out.

    attributes: `class_` is `class`, `data_v` is `data-v`; None and False leave it out, True has no value.
    """
    head = f"<{name}{''.join(map(_attribute, attributes, attributes.values()))}>"
    return Html(head if name in _VOID else f"{head}{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Elements and texts, one behind the other."""
    return Html("".join(map(_safe, children)))


def _safe(child: Child) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Html) else escape(child)


def _attribute(name: str, value: Attr) -> str:
    if value is None or value is False:
        return ""
    written = name.removesuffix("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{escape(str(value))}"'
