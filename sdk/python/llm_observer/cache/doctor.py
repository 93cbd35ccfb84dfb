"""What did the prompt cache do for this call, what should it have done, and what stood in the way?

One `CacheDoctor` sees all calls of a process, or of some files, in the order in which they ended, and keeps
numbers only. Order of work for a call: pieces, settings, the earlier prompt that it goes on from, tokens,
the simulator's word, the provider's word, findings.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from llm_observer.cache.baseline import Baseline, anchors_of, baseline_of
from llm_observer.cache.canonical import Breathe
from llm_observer.cache.diff import Alignment, Change, similarity
from llm_observer.cache.findings import Evidence, Prices, causes_of, findings_of, missed_usd, suspicions
from llm_observer.cache.intake import Intake, Pieces, chained
from llm_observer.cache.loss import Loss, Reach, reach
from llm_observer.cache.memory import MAX_BYTES, Conversation, Memory, Record
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rules import Rule, rule_for
from llm_observer.cache.settings import Settings, settings_of
from llm_observer.cache.simulator import CacheState
from llm_observer.cache.tokens import Anchor, TokenScale, placed
from llm_observer.cache.verdict import scaled, verdict_of
from llm_observer.call import LLMCall, SegmentPrint
from llm_observer.call_cache import Breakpoint, CacheUse, Label
from llm_observer.decoded import Decoded
from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange

__all__ = ["CacheDoctor"]

OPERATIONS = frozenset({"chat", "responses", "invoke", "text_completion"})
FAILED = 400
SLACK = 0.02
"""Share by which an interpolated count may be off."""
MAX_SHOWN = 4096
"""Segments that one event carries."""


class _Case(NamedTuple):
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


class CacheDoctor:
    """Examines calls. max_bytes: of all that it keeps. breathe: called between stretches of work."""

    def __init__(self, hasher: Hasher, *, max_bytes: int = MAX_BYTES, breathe: Breathe | None = None) -> None:
        self._hasher = hasher
        self._intake = Intake(hasher, breathe)
        self._memory = Memory(max_bytes=max_bytes // 2)
        self._state = CacheState(max_bytes=max_bytes // 4)
        self._scale = TokenScale()
        self._tag = 0

    @property
    def nbytes(self) -> int:
        """What it keeps, bytes."""
        return self._memory.nbytes + self._state.nbytes + self._intake.nbytes

    def examine(self, call: LLMCall, decoded: Decoded, exchange: Exchange, prices: Prices | None) -> LLMCall:
        """*call* with its `cache` part and its new segments; unchanged where no cache is involved."""
        model = call.model_responded or call.model_requested
        if call.operation not in OPERATIONS or call.method != "POST" or not decoded.segments or model is None:
            return call
        rule = rule_for(call.provider, call.wire, call.model_requested or model, exchange.started_ns / 1e9)
        is_refused = call.status is None or call.status >= FAILED or call.is_usage_repeated
        if rule is None or is_refused or call.ending == "local":
            return call
        if call.request is not None and call.request.previous_response_id is not None:
            return replace(call, cache=_unseen(call, rule))
        case = self._case(call, rule, decoded, exchange)
        cache = self._diagnosed(case, prices)
        cache = self._remembered(case, cache, exchange.event_id)
        return replace(call, cache=cache, segments=_segments(case, cache), segment_count=len(case.keys))

    def _case(self, call: LLMCall, rule: Rule, decoded: Decoded, exchange: Exchange) -> _Case:
        pieces = self._intake.pieces(decoded)
        model = call.model_requested or call.model_responded or ""
        scope = _scope(call, exchange)
        settings = settings_of(rule.id, model, scope, decoded.settings, exchange, self._hasher)
        keys, stable = chained(settings, pieces)
        number = self._hasher.number(scope.encode("utf-8", "surrogatepass"))
        baseline = baseline_of(self._memory, number, keys, stable, pieces.facts)
        started_s = exchange.started_ns / 1e9
        first_ns = exchange.first_chunk_ns if exchange.first_chunk_ns is not None else exchange.duration_ns
        prompt = Prompt(
            provider=call.provider,
            wire=call.wire,
            model=model,
            started_s=started_s,
            first_byte_s=None if first_ns is None else started_s + first_ns / 1e9,
            keys=keys,
            ends=self._ends(call, model, pieces, baseline),
            kinds=[facts.kind for facts in pieces.facts],
            messages=pieces.messages,
            markers=pieces.markers,
            mode=pieces.mode,
            ttl_s=pieces.ttl_s,
        )
        return _Case(call, rule, settings, pieces, number, keys, stable, baseline, prompt)

    def _ends(self, call: LLMCall, model: str, pieces: Pieces, baseline: Baseline | None) -> list[int]:
        """Tokens up to each piece: as placed before, between the counts of this call's usage."""
        sizes = [facts.size for facts in pieces.facts]
        known = list(baseline.line.ends[: baseline.kept]) if baseline else []
        total = _input_total(call)
        anchors = []
        if total is not None:
            anchors = [*_marked(call, pieces), Anchor(len(sizes) - 1, total)]
            known = [end for end in known if end <= total]
            self._scale.learn(model, sum(sizes), total)
        return placed(sizes, known, anchors, self._scale.bytes_per_token(model))

    def _diagnosed(self, case: _Case, prices: Prices | None) -> CacheUse:
        baseline, tokens = case.baseline, case.call.tokens
        alignment = _with_settings(case, baseline) if baseline else None
        actual = None if tokens is None or not _input_total(case.call) else tokens.cache_read
        is_unmarked = case.rule.is_opt_in and not case.prompt.markers and case.prompt.mode is None
        is_unmarked = is_unmarked or (case.prompt.mode == "explicit" and not case.prompt.markers)
        if actual is None and is_unmarked and _input_total(case.call):
            actual = 0
        found = reach(
            self._state,
            case.rule,
            case.prompt,
            baseline.line if baseline else None,
            alignment,
            with_markers=is_unmarked,
            partials=_partials(case, alignment),
        )
        return _judged(case, found, actual, prices)

    def _remembered(self, case: _Case, cache: CacheUse, event_id: str) -> CacheUse:
        """Keep what later calls need, and name the call that this one goes on from."""
        call, baseline, tokens = case.call, case.baseline, case.call.tokens
        self._tag += 1
        written = None if tokens is None else tokens.cache_write
        read = None if tokens is None else tokens.cache_read
        is_counted = bool(_input_total(call))
        self._state.write(
            case.prompt,
            case.rule,
            tag=self._tag,
            read_tokens=read if is_counted else None,
            written_tokens=written if is_counted else None,
            long_tokens=_long(call) if is_counted else None,
        )
        previous = baseline.line.last if baseline else None
        line, kept = self._line(case)
        line.replace(case.pieces.facts, case.keys, case.stable, kept)
        del line.ends[kept:]
        line.ends.extend(case.prompt.ends[kept:])
        line.anchors = anchors_of(case.scope, case.pieces.facts)
        line.last = Record(
            event_id=event_id,
            tag=self._tag,
            length=len(case.keys),
            started_s=case.prompt.started_s,
            first_byte_s=case.prompt.first_byte_s,
            settings=case.settings.values,
            markers=case.prompt.markers,
            total=_input_total(call),
            read=read,
            written=written,
        )
        self._memory.keep(line, kept)
        return replace(
            cache,
            conversation=line.key,
            extends=previous.event_id if previous and baseline and baseline.kept else None,
            kept_segments=baseline.kept if previous and baseline and baseline.kept else None,
        )

    def _line(self, case: _Case) -> tuple[Conversation, int]:
        """The line that this prompt is the newest of; a fork leaves the old line as it is."""
        baseline = case.baseline
        if baseline is None:
            return Conversation(f"{case.keys[0] ^ self._tag << 3:016x}"[-16:]), 0
        if baseline.is_successor:
            self._memory.drop(baseline.line, baseline.kept)
            return baseline.line, baseline.kept
        fork = Conversation(baseline.line.key)
        fork.replace(baseline.line.facts[: baseline.kept], baseline.line.keys, baseline.line.stable, 0)
        del fork.keys[baseline.kept :], fork.stable[baseline.kept :]
        fork.ends.extend(baseline.line.ends[: baseline.kept])
        return fork, baseline.kept


def _scope(call: LLMCall, exchange: Exchange) -> str:
    """Whose cache: the account where it is known, and the host."""
    host = exchange.url.partition("://")[2].partition("/")[0]
    return "\n".join((exchange.account or "", call.provider, call.wire, host))


def _input_total(call: LLMCall) -> int | None:
    tokens = call.tokens
    return None if tokens is None else tokens.input_total


def _long(call: LLMCall) -> int | None:
    """The cache writes that live longer than the default."""
    tokens = call.tokens
    if tokens is None:
        return None
    return tokens.cache_write_1h if tokens.cache_write_1h is not None else tokens.cache_write_12h


def _marked(call: LLMCall, pieces: Pieces) -> list[Anchor]:
    """Anthropic counts up to the last breakpoint: what was read and written."""
    tokens = call.tokens
    if tokens is None or not pieces.markers or tokens.cache_write is None:
        return []
    counted = tokens.cache_write + (0 if tokens.cache_read is None else tokens.cache_read)
    last = pieces.markers[-1].position
    return [Anchor(last, counted)] if counted and last < len(pieces.facts) - 1 else []


def _with_settings(case: _Case, baseline: Baseline) -> Alignment:
    """The changes of the prompt, with those of the settings at the places from which on they count."""
    last = baseline.line.last
    before: Mapping[str, int] = last.settings if last else {}
    changed = [name for name, value in case.settings.values.items() if before.get(name, value) != value]
    names = {*case.settings.values, *before}
    changed += [name for name in sorted(names - {*case.settings.values} | names - {*before}) if name not in changed]
    rows = [
        Change(case.settings.kinds.get(name, "settings_changed"), _level_start(case, name), -1, path=name)
        for name in changed
        if case.settings.levels.get(name, "tools") is not None
    ]
    changes = sorted((*rows, *baseline.alignment.changes), key=lambda change: change.piece)
    return Alignment(baseline.alignment.to_old, changes)


def _level_start(case: _Case, name: str) -> int:
    """The first piece that a setting is in the key of."""
    level = case.settings.levels.get(name, "tools")
    for place, (facts, message) in enumerate(zip(case.pieces.facts, case.pieces.messages, strict=True)):
        if level == "tools" or message >= 0 or (level == "system" and facts.kind != "tool"):
            return place
    return 0


def _partials(case: _Case, alignment: Alignment | None) -> list[int]:
    """For each change, the tokens of its piece that stand before it."""
    if alignment is None or case.rule.is_opt_in:
        return []
    ends, parts = case.prompt.ends, []
    for change in alignment.changes:
        start = ends[change.piece - 1] if change.piece else 0
        size = max(case.pieces.facts[change.piece].size, 1)
        offset = change.span.offset if change.span else (change.unit or 0) * 256
        is_inside = change.path is None and change.kind not in {"tool_added", "tool_removed", "tool_order"}
        parts.append(round((ends[change.piece] - start) * min(offset / size, 1)) if is_inside else 0)
    return parts


def _judged(case: _Case, found: Reach, actual: int | None, prices: Prices | None) -> CacheUse:
    rule, ends = case.rule, case.prompt.ends
    ideal = max(found.ideal, actual or 0) if actual else found.ideal
    is_exact = found.is_ideal_exact and found.ideal == ideal
    tolerance = rule.step - 1 if is_exact else max(rule.step, round(ideal * SLACK), 64)
    missed = 0 if actual is None else max(ideal - actual, 0)
    losses, unexplained = scaled(found.losses, missed) if actual is not None else (found.losses, 0)
    is_short = bool(ends) and ends[-1] < rule.minimum
    verdict = verdict_of(
        losses, ideal=ideal, actual=actual, unexplained=unexplained, tolerance=tolerance, is_too_short=is_short
    )
    if actual is not None and missed <= tolerance:
        missed, unexplained, losses = 0, 0, [loss._replace(tokens=0) for loss in losses]
        ideal = actual if ideal else 0
    evidence = Evidence(case.call, rule, case.pieces, case.prompt, case.baseline, verdict, prices)
    shown = findings_of(evidence, losses) if case.baseline else suspicions(evidence)
    return CacheUse(
        verdict=verdict,
        source="elsewhere" if actual and actual > found.reusable.tokens + tolerance else None,
        rule=rule.id,
        ideal_tokens=ideal,
        reusable_tokens=min(found.reusable.tokens, ideal),
        actual_tokens=actual,
        ideal_label=_label(case, exact=is_exact),
        reusable_label=_label(case, exact=found.reusable.is_exact),
        actual_label=None if actual is None else "exact",
        missed_tokens=None if actual is None else missed,
        missed_usd=None if actual is None else missed_usd(missed, evidence),
        causes=() if actual is None else causes_of(losses, unexplained, evidence),
        findings=tuple(shown),
        similarity=_similarity(case),
        breakpoints=tuple(
            Breakpoint(segment=marker.position, ttl_s=marker.ttl_s) for marker in case.prompt.markers
        ),
    )


def _similarity(case: _Case) -> float | None:
    if case.baseline is None:
        return None
    return round(similarity(case.baseline.line.facts, case.pieces.facts[: len(case.baseline.line.facts)]), 6)


def _label(case: _Case, *, exact: bool) -> Label:
    if exact:
        return "exact"
    return "calibrated" if _input_total(case.call) else "prior"


def _unseen(call: LLMCall, rule: Rule) -> CacheUse:
    """A prompt whose history the provider holds: only its usage tells."""
    actual = call.tokens.cache_read if call.tokens else None
    return CacheUse(
        verdict="hit" if actual else "unknown",
        source="elsewhere" if actual else None,
        rule=rule.id,
        actual_tokens=actual,
        actual_label=None if actual is None else "exact",
    )


def _segments(case: _Case, cache: CacheUse) -> Sequence[SegmentPrint]:
    """The segments that the call which is extended does not have."""
    kept = cache.kept_segments or 0
    ends = case.prompt.ends
    return tuple(
        SegmentPrint(
            path=case.pieces.path(place),
            kind=case.pieces.facts[place].kind,
            bytes=case.pieces.facts[place].size,
            hash=f"{case.pieces.facts[place].content:016x}",
            tokens=max(ends[place] - (ends[place - 1] if place else 0), 0),
            chain=f"{case.keys[place]:016x}",
            stable=f"{case.stable[place]:016x}",
        )
        for place in range(kept, min(len(case.keys), kept + MAX_SHOWN))
    )
