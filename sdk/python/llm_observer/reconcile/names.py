"""Which model of an export is a model of ours? The same name, else one of four rules, which is told."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from llm_observer.reconcile.ours import Names

__all__ = ["RULES", "Match", "matched"]

_DATE = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|20\d{6})$")
_SUFFIX = re.compile(rf"({_DATE.pattern[:-1]}|-latest)$")
_WORD = re.compile(r"[a-z]+|[0-9]+")

RULES = {
    "same": "the same name",
    "requested": "the name that was asked for",
    "alias": "two names in the export",
    "snapshot": "alias and snapshot",
    "title": "title and name",
}
"""How two names were found to be one model. The first rule that finds exactly one is taken.

snapshot: the same but for the date, which only one of them has. title: the same words, but for the date.
"""


class Match(NamedTuple):
    """The name in the export, and the rule."""

    name: str
    rule: str


def matched(
    names: Names, exported: Iterable[str], aliases: Mapping[str, Collection[str]], *, has_titles: bool
) -> Match | None:
    """The one of *exported* that is the model of *names*; None if there is none, or several may be it.

    aliases: other names that the export has for its models.
    """
    known = frozenset(exported)
    for rule, ours in (("same", names.responded), ("requested", names.requested)):
        if ours is not None and ours in known:
            return Match(ours, rule)
    name = names.responded or names.requested
    if name is None:
        return None
    second = next((aliases[each] for each in names if each is not None and each in aliases), ())
    likely = {
        "alias": [other for other in second if other in known],
        "snapshot": [other for other in known if _is_alias(name, other)],
        "title": [other for other in known if has_titles and _words(other) == _words(name)],
    }
    return next((Match(found[0], rule) for rule, found in likely.items() if len(found) == 1), None)


def _is_alias(left: str, right: str) -> bool:
    """The same but for the date, which one of them lacks. Two dates are two models."""
    dates = [found for name in (left, right) if (found := _DATE.search(name))]
    return len(dates) <= 1 and _SUFFIX.sub("", left) == _SUFFIX.sub("", right)


def _words(name: str) -> list[str]:
    """`Claude Haiku 3.5` and `claude-3-5-haiku-20241022` have the same words."""
    return sorted(_WORD.findall(_SUFFIX.sub("", name.lower())))
