"""How does a report become one HTML file? With styles and script inside, nothing fetched, no prompt text."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from string import Template

from llm_observer._version import __version__
from llm_observer.report import charts, sections
from llm_observer.report.blocks import section
from llm_observer.report.cache_model import Report, to_plain
from llm_observer.report.markup import Html, el, joined
from llm_observer.report.wording import headline, notes

__all__ = ["render"]

_LINKS = {
    "fixes": "Fixes",
    "funnel": "Funnel",
    "verdicts": "Verdicts",
    "spend": "Spend",
    "prefixes": "Prefixes",
    "conversations": "Conversations",
    "sums": "Sums",
    "notes": "Notes",
}


def render(report: Report) -> str:
    """The page."""
    script, style = _part("page.js"), _part("page.css")
    found = {name: part for name, part in _sections(report).items() if part is not None}
    return Template(_part("page.html")).substitute(
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        title=joined(headline(report)),
        style=style,
        script=script,
        hero=sections.hero(report),
        links=joined(*(el("a", _LINKS[name], href=f"#{name}") for name in found)),
        sections=joined(*found.values()),
        version=joined(__version__),
        data=_data(report),
    )


def _sections(report: Report) -> dict[str, Html | None]:
    return {
        "fixes": sections.fixes(report),
        "funnel": sections.funnel(report),
        "verdicts": sections.verdicts(report),
        "spend": charts.spend(report),
        "prefixes": charts.prefixes(report),
        "conversations": charts.conversations(report),
        "sums": _sums(report),
        "notes": _notes(report),
    }


def _sums(report: Report) -> Html | None:
    if not report.totals.calls:
        return None
    return section(
        "sums",
        "By call site and model",
        "Sorted by what could be saved. A question mark stands for what is unknown.",
        sections.groups("Call sites", "Call site", report.sites, name="site-table"),
        sections.groups("Models", "Model", report.models, name="model-table"),
    )


def _notes(report: Report) -> Html:
    said = list(notes(report)) or ["Nothing is unknown, and nothing was left out."]
    files = ", ".join(file.name for file in report.files if file.name)
    lead = f"Read from {files}." if files else "What is unknown stays out of the sums, and is named."
    return section("notes", "What is not in the sums", lead, el("ul", *(el("li", one) for one in said)))


def _data(report: Report) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(to_plain(report), ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(script: str) -> str:
    """*script* as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _part(name: str) -> str:
    return (resources.files("llm_observer.report") / "_page" / name).read_text("utf-8").strip()
