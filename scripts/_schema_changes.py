"""What differs between two JSON Schemas, and whom does each difference break?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from _schema_forms import LIMITS, Node, inside, plain, text_of

__all__ = ["Change", "changes"]

READERS, WRITERS, BOTH = "readers", "writers", "readers and writers"


class Change(NamedTuple):
    """One difference: whom it breaks, or nobody where it is an addition."""

    path: str
    message: str
    breaks: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" (breaks {self.breaks})" if self.breaks else "")


def changes(old: Node, new: Node) -> list[Change]:
    """Every difference between the schemas *old* and *new*, additions included."""
    return list(Pair({}, {}, (old, new)).below(old, new))


@dataclass(frozen=True)
class Pair:
    """The same place in both schemas; `old` and `new` are plain."""

    old: Node
    new: Node
    roots: tuple[Node, Node]
    path: str = ""
    known: frozenset[str] = frozenset()
    """Properties that the old schema describes for the same value, outside of this branch."""
    above: tuple[tuple[int, int], ...] = ()

    def at(self, step: str) -> str:
        """The path of *step* below this place."""
        return f"{self.path}{step}".removeprefix(".") or "$"

    def below(self, old: object, new: object, step: str = "") -> Iterator[Change]:
        """What differs between the schemas *old* and *new* below this place."""
        ids = (id(old), id(new))
        if ids in self.above:
            return
        forms = (plain(old, self.roots[0]), plain(new, self.roots[1]))
        known = frozenset() if step else self.known | self.old.get("properties", {}).keys()
        yield from differences(Pair(*forms, self.roots, self.path + step, known, (*self.above, ids)))


Rule = Callable[[Pair, str], Iterator[Change]]


def differences(pair: Pair) -> Iterator[Change]:
    """What differs at this place and below."""
    for keyword in sorted(pair.old.keys() | pair.new.keys()):
        yield from RULES.get(keyword, _same)(pair, keyword)


def _same(pair: Pair, keyword: str) -> Iterator[Change]:
    """No change at all."""
    old, new = (
        text_of(inside(keyword, node[keyword], root)) if keyword in node else None
        for node, root in zip((pair.old, pair.new), pair.roots, strict=True)
    )
    if old != new:
        yield Change(pair.at(""), f"{keyword} was {_said(old)}, is {_said(new)}", BOTH)


def _said(text: str | None) -> str:
    return "absent" if text is None else text[:99]


def _was_is(what: str, old: object, new: object) -> str:
    before, now = (None if value is None else str(value) for value in (old, new))
    return f"{what} was {_said(before)}, is {_said(now)}"


def _limit(pair: Pair, keyword: str) -> Iterator[Change]:
    """A bound: tighter refuses what old writers write, looser lets through what old readers refuse."""
    old, new = pair.old.get(keyword), pair.new.get(keyword)
    if old == new:
        return
    is_lower_bound = "min" in keyword.lower()
    is_tighter = old is None or (new is not None and (new > old) == is_lower_bound)
    yield Change(pair.at(""), _was_is(keyword, old, new), WRITERS if is_tighter else READERS)


def _properties(pair: Pair, _keyword: str) -> Iterator[Change]:
    old, new = pair.old.get("properties", {}), pair.new.get("properties", {})
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change(pair.at(f".{name}"), "is gone", READERS)
        elif name in old:
            yield from pair.below(old[name], new[name], f".{name}")
        else:
            yield from _new_property(pair, name)


def _new_property(pair: Pair, name: str) -> Iterator[Change]:
    """Old readers ignore it, unless they were told what unknown properties look like."""
    if name in pair.known:
        yield Change(pair.at(f".{name}"), "has a new rule", WRITERS)
    elif pair.old.get("additionalProperties", True) in (True, {}):
        yield Change(pair.at(f".{name}"), "is new")
    else:
        yield Change(pair.at(f".{name}"), "is new where unknown properties were not free", READERS)


def _required(pair: Pair, _keyword: str) -> Iterator[Change]:
    old, new = set(pair.old.get("required", ())), set(pair.new.get("required", ()))
    for name in sorted(new - old):
        is_known = name in pair.known or name in pair.old.get("properties", {})
        yield Change(pair.at(f".{name}"), "is now required" if is_known else "is new and required", WRITERS)
    for name in sorted(old - new):
        yield Change(pair.at(f".{name}"), "is no longer required", READERS)


def _enum(pair: Pair, keyword: str) -> Iterator[Change]:
    if keyword not in pair.old or keyword not in pair.new:
        yield from _same(pair, keyword)
        return
    old, new = ({text_of(value) for value in node[keyword]} for node in (pair.old, pair.new))
    is_open = bool(pair.old.get("x-open")) and bool(pair.new.get("x-open"))
    for value in sorted(old - new):
        yield Change(pair.at(""), f"the value {value} is gone", WRITERS)
    for value in sorted(new - old):
        yield Change(pair.at(""), f"the value {value} is new", "" if is_open else READERS)


def _open(pair: Pair, _keyword: str) -> Iterator[Change]:
    if pair.new.get("x-open") and not pair.old.get("x-open"):
        yield Change(pair.at(""), "the enum is open now: its readers do not expect more values", READERS)


def _privacy(pair: Pair, keyword: str) -> Iterator[Change]:
    old, new = pair.old.get(keyword), pair.new.get(keyword)
    if old != new:
        yield Change(pair.at(""), _was_is("the privacy class", old, new), BOTH)


def _extra(pair: Pair, keyword: str) -> Iterator[Change]:
    """Unknown properties: free, of some schema, or refused."""
    old, new = pair.old.get(keyword, True), pair.new.get(keyword, True)
    if (old is False) == (new is False):
        yield from pair.below(old, new, ".*")
    elif new is False:
        yield Change(pair.at(".*"), "unknown properties are refused now", WRITERS)
    else:
        yield Change(pair.at(".*"), "unknown properties are allowed now", READERS)


def _below(step: str) -> Rule:
    """One schema, where an absent one allows everything."""

    def rule(pair: Pair, keyword: str) -> Iterator[Change]:
        yield from pair.below(pair.old.get(keyword, True), pair.new.get(keyword, True), step)

    return rule


def _all_of(pair: Pair, keyword: str) -> Iterator[Change]:
    """Branches, matched by their condition; a new one may only speak of values that are new."""
    old, new = (
        {text_of(inside("not", part.get("if", part), root, ())): part for part in node.get(keyword, ())}
        for node, root in zip((pair.old, pair.new), pair.roots, strict=True)
    )
    for condition in sorted(old.keys() | new.keys()):
        if condition not in new:
            yield Change(pair.at(""), f"a rule is gone: {_said(condition)}", READERS)
        elif condition in old:
            yield from pair.below(old[condition], new[condition])
        else:
            breaks = "" if _is_about_new_values(pair, new[condition]) else WRITERS
            yield Change(pair.at(""), f"a rule is new: {_said(condition)}", breaks)


def _is_about_new_values(pair: Pair, branch: Node) -> bool:
    """No old document can meet the condition: it wants a value that was in no enum."""
    if "else" in branch:
        return False
    wanted = plain(branch.get("if", True), pair.roots[1])
    known = pair.old.get("properties", {})
    names = set(wanted.get("required", ())) & wanted.get("properties", {}).keys() & known.keys()
    sides = ((wanted["properties"][name], known[name]) for name in names)
    return any(_has_no_common_value(*side, pair.roots) for side in sides)


def _has_no_common_value(new: object, old: object, roots: tuple[Node, Node]) -> bool:
    wanted, before = plain(new, roots[1]).get("enum"), plain(old, roots[0]).get("enum")
    if not wanted or not before:
        return False
    return {text_of(value) for value in wanted}.isdisjoint(text_of(value) for value in before)


RULES: dict[str, Rule] = dict.fromkeys(LIMITS, _limit) | {
    "properties": _properties,
    "required": _required,
    "enum": _enum,
    "x-open": _open,
    "x-privacy": _privacy,
    "additionalProperties": _extra,
    "items": _below("[]"),
    "then": _below(""),
    "else": _below(""),
    "allOf": _all_of,
}
