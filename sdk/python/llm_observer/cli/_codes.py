"""Which codes can be explained? Those of both tables, and those that are explained where they are defined."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from llm_observer.cache.kinds import KINDS, docs_url
from llm_observer.cache.replay import GAPS
from llm_observer.cache.slots import NAMES, words_of
from llm_observer.cli._event_codes import EVENT_CODES
from llm_observer.cli._own_codes import OWN_CODES
from llm_observer.config import SETTINGS
from llm_observer.reconcile import CAUSES, FORMS
from llm_observer.reconcile.form import KINDS as FIGURES
from llm_observer.reconcile.names import RULES
from llm_observer.reconcile.text import LEFT_OUT, SKIPPED
from llm_observer.report.wording import sentence
from llm_observer.schema import schema_text

__all__ = ["Code", "close_to", "codes", "found"]

_MOST_CLOSE = 5


class Code(NamedTuple):
    """A word that is printed or written. is_listed: it is a code, and no name of a field or setting."""

    group: str
    name: str
    meaning: str
    todo: str
    is_listed: bool = True


def codes() -> Iterator[Code]:
    """All of them; one word may stand for several things."""
    for table in (EVENT_CODES, OWN_CODES):
        for group, rows in table.items():
            yield from (Code(group, name, meaning, todo) for name, (meaning, todo) in rows.items())
    for kind in KINDS.values():
        yield Code(
            "cache finding",
            kind.name,
            f"{sentence(kind.title)}.",
            f"{kind.advice} {docs_url(kind.name)}",
        )
    for name, reason in GAPS.items():
        yield Code("why an event is not replayed", name, f"{sentence(reason)}.", "")
    for name in sorted(NAMES):
        yield Code("place for a breakpoint", name, f"{sentence(words_of(name))}.", "")
    yield from _of_reconcile()
    for name, setting in SETTINGS.items():
        yield Code("setting", name, setting.text, "docs/configuration.md", is_listed=False)
        yield from (
            Code("environment variable", variable, setting.text, "", is_listed=False)
            for variable in setting.variables(name)
        )
    yield from _fields()


def _of_reconcile() -> Iterator[Code]:
    """What `reconcile` names: causes first."""
    todo = "docs/invoice.md says how to see it, and what to do."
    yield from (Code("cause in reconcile", name, f"{sentence(text)}.", todo) for name, text in CAUSES.items())
    groups = {
        "figure in reconcile": {name: f"what is compared: {text}" for name, text in FIGURES.items()},
        "event that counts for nothing in reconcile": SKIPPED,
        "call that reconcile does not compare": {name: f"calls {text}" for name, text in LEFT_OUT.items()},
        "how reconcile found two names to be one model": RULES,
        "form of an export": {form.name: f"{form.title}; columns: {form.source}" for form in FORMS},
    }
    for group, rows in groups.items():
        yield from (Code(group, name, f"{sentence(text)}.", "") for name, text in rows.items())


def _fields() -> Iterator[Code]:
    """Names of the fields of an event, as the contract describes them."""
    document = json.loads(schema_text())
    parts = {"event": document, **document["$defs"]}
    for owner, part in parts.items():
        for name, field in part.get("properties", {}).items():
            text = _description(field)
            if text:
                yield Code(f"field of {owner}", name, text, "docs/events.md", is_listed=False)


def _description(field: dict[str, Any]) -> str:
    return str(field.get("description", ""))


def found(word: str) -> list[Code]:
    """What *word* stands for: a code in any case, with `-` or `_`; a field also by its path."""
    wanted = _plain(word)
    exact = [code for code in codes() if _plain(code.name) == wanted]
    if exact or "." not in word:
        return exact
    owner, _, name = word.rpartition(".")
    last = owner.rpartition(".")[2].replace("_", "").lower()
    fields = [code for code in codes() if code.group.startswith("field") and code.name == name]
    named = [code for code in fields if code.group.removeprefix("field of ").lower().startswith(last)]
    return named or fields


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def close_to(word: str) -> list[str]:
    """Codes that look like *word*, the likeliest first."""
    names = {_plain(code.name): code.name for code in codes()}
    wanted = _plain(word)
    holding = sorted(name for name in names if wanted and wanted in name)
    likely = get_close_matches(wanted, names, n=_MOST_CLOSE, cutoff=0.6)
    return [names[name] for name in dict.fromkeys([*likely, *holding])][:_MOST_CLOSE]
