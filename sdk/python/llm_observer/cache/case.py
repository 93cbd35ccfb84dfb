"""What is put together before a call is judged? Its pieces, chains, tokens and the prompt it goes on from."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llm_observer.cache.baseline import Baseline, baseline_of
from llm_observer.cache.diff import Alignment, Change
from llm_observer.cache.facts import Facts, kinship, share_before
from llm_observer.cache.habits import Habits, News
from llm_observer.cache.history import with_front
from llm_observer.cache.intake import Intake, Part, Pieces, chained, with_system_first
from llm_observer.cache.loss import Past, width
from llm_observer.cache.memory import Memory
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rules import Rule
from llm_observer.cache.settings import Settings, differs_in_order, settings_of
from llm_observer.cache.tokens import Anchor, TokenScale, placed, prompt_total, weight
from llm_observer.call import LLMCall
from llm_observer.decoded import Decoded
from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange

__all__ = [
    "Case",
    "Cases",
    "input_total",
    "is_chosen",
    "is_setting",
    "missing_breakpoint",
    "new_share",
    "past_of",
]

REPLACED = 0.5
"""Share of a text that must be left for it to be the same one: else what is new in it was never cached."""
MUCH = 1.1
"""A piece that is more than this times as long as before has other words."""
_WHOLE = frozenset({"tool_added", "tool_removed", "tool_order"})


class Case(NamedTuple):
    """A call under examination."""

    call: LLMCall
    rule: Rule
    settings: Settings
    pieces: Pieces
    scope: int
    keys: list[int]
    stable: list[int]
    baseline: Baseline | None
    prompt: Prompt
    sure: int
    """Leading pieces whose ends stay as the earlier prompt has them."""
    news: Mapping[str, News]
    """Settings that no earlier prompt with the same head had so."""


class Cases:
    """Prepares calls, with what is known of earlier ones."""

    def __init__(self, hasher: Hasher, intake: Intake, memory: Memory) -> None:
        self._hasher = hasher
        self._intake = intake
        self._memory = memory
        self._scale = TokenScale()
        self._habits = Habits()

    def of(
        self, call: LLMCall, rule: Rule, decoded: Decoded, exchange: Exchange, front: Sequence[Part]
    ) -> Case:
        """The case of one call, *front* before its own input; it counts for the scale and the habits."""
        pieces = with_front(self._intake.pieces(decoded, exchange.started_ns / 1e9), front)
        if rule.is_system_first:
            pieces = with_system_first(pieces)
        model = call.model_requested or call.model_responded or ""
        scope = _scope(call, exchange)
        settings = settings_of(rule.id, model, scope, decoded.settings, exchange, self._hasher)
        keys, stable = chained(settings, pieces)
        number = self._hasher.number(scope.encode("utf-8", "surrogatepass"))
        baseline = baseline_of(self._memory, number, keys, stable, pieces.facts, pieces.begins_with)
        started_s = exchange.started_ns / 1e9
        first_ns = exchange.first_chunk_ns if exchange.first_chunk_ns is not None else exchange.duration_ns
        ends, sure = self._ends(call, model, pieces, baseline)
        news = self._habits.news(number, pieces.facts, settings)
        if input_total(call) or (call.tokens is None and call.ending == "complete"):
            self._habits.add(number, pieces.facts, settings)
        prompt = Prompt(
            provider=call.provider,
            wire=call.wire,
            model=model,
            started_s=started_s,
            first_byte_s=started_s if first_ns is None else started_s + first_ns / 1e9,
            keys=keys,
            ends=ends,
            kinds=[facts.kind for facts in pieces.facts],
            messages=pieces.messages,
            markers=pieces.markers,
            mode=pieces.mode,
            ttl_s=pieces.ttl_s,
        )
        return Case(call, rule, settings, pieces, number, keys, stable, baseline, prompt, sure, news)

    def _ends(
        self, call: LLMCall, model: str, pieces: Pieces, baseline: Baseline | None
    ) -> tuple[list[int], int]:
        """Tokens up to each piece, and how many of those are known, not told by this call."""
        estimates = [facts.estimate for facts in pieces.facts]
        kept = baseline.kept if baseline else 0
        known = list(baseline.line.ends[:kept]) if baseline else []
        total = prompt_total(call)
        anchors = []
        if total:  # zero is the count of a call that was broken off
            anchors = [*_marked(call, pieces), Anchor(len(estimates) - 1, total)]
            known = _agreed(known, len(estimates), total, baseline) if baseline else []
            new = sum(map(weight, estimates[len(known) :]))
            self._scale.learn(model, new, total - known[-1] if known else total)
        sure = min(len(known), baseline.line.counted) if baseline else 0
        return placed(
            estimates, known, _counted(pieces, baseline), anchors, self._scale.per_token(model)
        ), sure


def _agreed(known: list[int], length: int, total: int, baseline: Baseline) -> list[int]:
    """The *known* ends that can stand beside the count of *length* pieces.

    A prompt that ends where an earlier one went on has a count for a place that lay between two counts.
    """
    known = [end for end in known[: baseline.line.counted] if end <= total]
    if len(known) < length or known[-1] == total:
        return known
    before = baseline.line.before
    is_counted = before is not None and before.total is not None and before.length < length
    return known[: before.length] if before is not None and is_counted else []


def _counted(pieces: Pieces, baseline: Baseline | None) -> list[int | None]:
    """Tokens of each piece that the earlier prompt had, at any place; of an edited one by estimate."""
    if baseline is None:
        return [None] * len(pieces.facts)
    ends, facts = baseline.line.ends, baseline.line.facts
    moved = {piece.stable: old for old, piece in enumerate(facts) if piece.kind == "tool"}
    counted: list[int | None] = []
    for piece, place in zip(pieces.facts, baseline.alignment.to_old, strict=True):
        is_same = place >= 0 and piece.stable == facts[place].stable
        old = place if is_same else moved.get(piece.stable, place)
        tokens = width(ends, old) if old >= 0 else None
        scale = 1.0 if is_same or old != place else _scale(piece, facts[old])
        counted.append(None if tokens is None or scale is None else round(tokens * scale))
    return counted


def _scale(piece: Facts, old: Facts) -> float | None:
    """How much longer an edited piece is, None if it is another one."""
    scale = weight(piece.estimate) / weight(old.estimate)
    return scale if 1 / MUCH < scale < MUCH else None


def _scope(call: LLMCall, exchange: Exchange) -> str:
    """Whose cache: the account where it is known, and the host."""
    host = exchange.url.partition("://")[2].partition("/")[0]
    return "\n".join((exchange.account or "", call.provider, call.wire, host))


def input_total(call: LLMCall) -> int | None:
    """All input tokens of *call*, None where the provider told none."""
    tokens = call.tokens
    return None if tokens is None else tokens.input_total


def _marked(call: LLMCall, pieces: Pieces) -> list[Anchor]:
    """Anthropic counts up to the last breakpoint: what was read and written."""
    tokens = call.tokens
    if tokens is None or not pieces.markers or pieces.mode == "automatic" or tokens.cache_write is None:
        return []
    counted = tokens.cache_write + (0 if tokens.cache_read is None else tokens.cache_read)
    last = pieces.markers[-1].position
    return [Anchor(last, counted)] if counted and last < len(pieces.facts) - 1 else []


def past_of(case: Case) -> Past | None:
    """What the prompt goes on from, with all that changed since; None if it is the first one of its model."""
    if case.baseline is None:
        return None
    changed = _changed(case, case.baseline)
    if "model" in changed and not _counts(case, case.baseline, "model"):
        return None
    alignment = _alignment(case, case.baseline, changed)
    estimates = [facts.estimate for facts in case.pieces.facts]
    shares = [new_share(case, case.baseline, change) for change in alignment.changes]
    return Past(case.baseline.line, alignment, _partials(case, case.baseline, alignment), shares, estimates)


def _changed(case: Case, baseline: Baseline) -> list[str]:
    """The settings that the earlier prompt had otherwise."""
    last = baseline.line.last
    before: Mapping[str, int] = last.settings if last else {}
    return [name for name, value in case.settings.values.items() if before.get(name, value) != value]


def _alignment(case: Case, baseline: Baseline, changed: Sequence[str]) -> Alignment:
    """The changes of the prompt, with those of the settings at the places from which on they count."""
    rows = [
        Change(_kind(case, baseline, name), _level_start(case, name), -1, path=case.settings.paths[name])
        for name in changed
        if case.settings.levels.get(name, "tools") is not None and _counts(case, baseline, name)
    ]
    changes = sorted((*rows, *baseline.alignment.changes), key=lambda change: change.piece)
    return Alignment(baseline.alignment.to_old, changes)


def missing_breakpoint(case: Case) -> str | None:
    """Kind of the finding for a request that has no breakpoint where the rule wants one, else None."""
    if case.prompt.markers:
        return None
    if case.prompt.mode == "explicit":
        return "explicit_without_breakpoint"
    return "breakpoint_missing" if case.rule.is_opt_in and case.prompt.mode is None else None


def _counts(case: Case, baseline: Baseline, name: str) -> bool:
    """Whether a changed setting broke a conversation, or is new to the head that this one begins with.

    The same prompt put to two models is two prompts.
    """
    is_longer = len(case.keys) > len(baseline.line.facts)
    if baseline.is_successor:
        return is_longer or name != "model"
    return name in case.news


def _kind(case: Case, baseline: Baseline, name: str) -> str:
    """The kind of a changed setting: that of noise where only the order of its keys is another one."""
    last = baseline.line.last
    before = last.settings.get(name, 0) if last else 0
    if case.news.get(name) == "order" or differs_in_order(before, case.settings.values[name]):
        return "key_order"
    return case.settings.kinds.get(name, "settings_changed")


def is_setting(case: Case, change: Change | None) -> bool:
    """Whether *change* is that of a setting, in a call that no earlier one goes on to."""
    is_successor = case.baseline is None or case.baseline.is_successor
    return not is_successor and change is not None and change.path in case.settings.paths.values()


def is_chosen(case: Case, path: str | None) -> bool:
    """Whether the setting at *path* may be what another feature of the app asks for, behind the same head."""
    if case.baseline is None or case.baseline.is_successor:
        return False
    names = [name for name, place in case.settings.paths.items() if place == path]
    return any(case.news.get(name) == "new" for name in names)


def _level_start(case: Case, name: str) -> int:
    """The first piece that a setting is in the key of."""
    level = case.settings.levels.get(name, "tools")
    for place, (facts, message) in enumerate(zip(case.pieces.facts, case.pieces.messages, strict=True)):
        if level == "tools" or message >= 0 or (level == "system" and facts.kind != "tool"):
            return place
    return 0


def new_share(case: Case, baseline: Baseline, change: Change) -> float:
    """How much of an edited text is new: all of a summary, and of a text the most of which was replaced."""
    if change.kind == "compaction":
        return 1.0
    if change.kind != "system_changed" or change.old < 0 or change.unit is None:
        return 0.0
    old, new = baseline.line.facts[change.old], case.pieces.facts[change.piece]
    shared = max(share_before(new, change.unit), kinship(old, new))
    return 1.0 - shared if shared < REPLACED else 0.0


def _partials(case: Case, baseline: Baseline, alignment: Alignment) -> list[int]:
    """For each change, the tokens of its piece that stand before it."""
    if case.rule.is_opt_in:
        return []
    ends, parts = case.prompt.ends, []
    for change in alignment.changes:
        tokens = width(ends, change.piece)
        is_inside = change.path is None and change.kind not in _WHOLE
        share = _share_before(change, case.pieces.facts[change.piece]) if is_inside else 0.0
        part = round(tokens * min(share, 1.0))
        if change.kind == "message_lengthened":  # where the earlier one ended
            part = min(width(baseline.line.ends, change.old), tokens)
        parts.append(part)
    return parts


def _share_before(change: Change, facts: Facts) -> float:
    if change.span is not None:
        return change.span.offset / max(facts.size, 1)
    return 0.0 if change.unit is None else share_before(facts, change.unit)
