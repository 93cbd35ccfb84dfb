"""How does GitHub Actions show failed gates? Annotations on the app's lines, and a summary of the step.

Workflow commands and their escaping: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
and `packages/core/src/command.ts` of github.com/actions/toolkit (2026-11).
"""

import re
from collections.abc import Iterator, Sequence

from llm_observer.report.fix_words import docs_of, money, paragraph, place
from llm_observer.report.fixes import Fix
from llm_observer.report.gates import Gate

__all__ = ["annotations", "fixes_of", "summary"]

MOST = 10
"""Errors that GitHub shows of one step."""
_SITE = re.compile(r"(?P<file>.+):(?P<line>\d+)(?: \S+)?", re.DOTALL)
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}
_CELL = str.maketrans({"|": r"\|", "<": "&lt;", "&": "&amp;", "\n": " ", "\r": " ", "`": "'"})


def annotations(gates: Sequence[Gate]) -> Iterator[str]:
    """A line for each gate that failed, then one for each fix, the dearest first: ten in all."""
    failed = [gate for gate in gates if not gate.is_passed]
    yield from (_error(gate.message, title=gate.name) for gate in failed)
    for fix in fixes_of(failed)[: max(MOST - len(failed), 1)]:
        yield _fix(fix)


def fixes_of(gates: Sequence[Gate]) -> list[Fix]:
    """The fixes of all *gates*, each once, the dearest first."""
    found = {(fix.kind, fix.path, fix.site): fix for gate in gates for fix in gate.fixes}
    return sorted(found.values(), key=lambda fix: (fix.usd, fix.tokens), reverse=True)


def _fix(fix: Fix) -> str:
    match = _SITE.fullmatch(fix.site)
    where = match.groupdict() if match else {}
    return _error("\n".join(paragraph(fix)), **where, title=f"Cache breaker: {fix.title} in {place(fix)}")


def _error(message: str, **properties: str) -> str:
    given = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"::error {given}::{_escaped(message, _DATA)}"


def _escaped(text: str, by: dict[str, str]) -> str:
    return "".join(by.get(letter, letter) for letter in text)


def summary(gates: Sequence[Gate]) -> str:
    """Markdown: the gates, and what to change to pass them."""
    return "\n".join([*_gate_rows(gates), *_fix_rows(fixes_of(gates)[:MOST])]) + "\n"


def _gate_rows(gates: Sequence[Gate]) -> Iterator[str]:
    yield "### llm-observer check"
    yield ""
    yield "| gate | result | |"
    yield "| --- | --- | --- |"
    for gate in gates:
        yield _row(f"`{gate.name}`", "passed" if gate.is_passed else "**failed**", _cell(gate.message))


def _fix_rows(fixes: Sequence[Fix]) -> Iterator[str]:
    if not fixes:
        return
    yield ""
    yield "| money | tokens | where | what | advice |"
    yield "| ---: | ---: | --- | --- | --- |"
    for fix in fixes:
        where = f"`{_cell(fix.site)}`, `{_cell(place(fix))}`"
        advice = f"{_cell(fix.advice or '')} ({_cell(docs_of(fix))})"
        yield _row(_cell(money(fix)), f"{fix.tokens:,}", where, _cell(fix.title), advice)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.translate(_CELL)
