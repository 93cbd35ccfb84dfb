"""What did the prompt cache do for this call, what should it have done, and what stood in the way?

One `CacheDoctor` sees all calls of a process, or of some files, in the order in which they ended, and keeps
numbers only. Order of work for a call: pieces, settings, the earlier prompt that it goes on from, tokens,
the simulator's word, the provider's word, findings.
"""

import secrets
from collections.abc import Sequence

from msgspec.structs import replace

from llm_observer.cache.agreement import diagnosis_of
from llm_observer.cache.baseline import anchors_of, head_size
from llm_observer.cache.canonical import Breathe
from llm_observer.cache.case import Case, Cases, input_total, missing_breakpoint, past_of
from llm_observer.cache.findings import Prices
from llm_observer.cache.history import Answers, is_continued
from llm_observer.cache.intake import MEMO_BYTES, Intake
from llm_observer.cache.judge import judged, refused, unseen
from llm_observer.cache.loss import reach
from llm_observer.cache.memory import MAX_BYTES, Conversation, Memory, Record
from llm_observer.cache.rules import rule_of
from llm_observer.cache.simulator import CacheState
from llm_observer.cache.tokens import prompt_total
from llm_observer.cache.unread import UnreadWrites
from llm_observer.call import LLMCall, SegmentPrint, Tokens
from llm_observer.call_cache import CacheUse
from llm_observer.decoded import Decoded
from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange

__all__ = ["CacheDoctor"]

OPERATIONS = frozenset({"chat", "responses", "invoke", "text_completion"})
FAILED = 400
MAX_SHOWN = 4096
"""Segments that one event carries."""


class CacheDoctor:
    """Examines calls. max_bytes: of all that it keeps. breathe: called between stretches of work."""

    def __init__(self, hasher: Hasher, *, max_bytes: int = MAX_BYTES, breathe: Breathe | None = None) -> None:
        self._intake = Intake(hasher, breathe, max_bytes=min(MEMO_BYTES, max_bytes // 4))
        self._memory = Memory(max_bytes=max_bytes // 2)
        self._state = CacheState(max_bytes=max_bytes // 4)
        self._cases = Cases(hasher, self._intake, self._memory)
        self._answers = Answers(hasher)
        self._unread = UnreadWrites()
        self._tag = 0

    @property
    def nbytes(self) -> int:
        """What it keeps, bytes."""
        return self._memory.nbytes + self._state.nbytes + self._intake.nbytes

    def examine(self, call: LLMCall, decoded: Decoded, exchange: Exchange, prices: Prices | None) -> LLMCall:
        """*call* with its `cache` part and its new segments; unchanged where no cache is involved."""
        if call.operation not in OPERATIONS or call.method != "POST" or not decoded.segments:
            return call
        rule = rule_of(call, exchange.started_ns / 1e9)
        if rule is None or call.status is None or call.is_usage_repeated or call.ending == "local":
            return call
        if call.status >= FAILED:
            return refused(call, rule, self._intake.pieces(decoded)) if rule.is_opt_in else call
        front = self._answers.front(call)
        if front is None and is_continued(call):
            return replace(call, cache=unseen(call, rule))
        case = self._cases.of(call, rule, decoded, exchange, front or ())
        cache = self._diagnosed(case, prices)
        cache = replace(cache, provider_diagnosis=diagnosis_of(decoded.diagnosis, cache))
        cache = self._remembered(case, cache, exchange.event_id)
        return replace(call, cache=cache, segments=_segments(case, cache), segment_count=len(case.keys))

    def _diagnosed(self, case: Case, prices: Prices | None) -> CacheUse:
        tokens = case.call.tokens
        actual = None if tokens is None or not input_total(case.call) else tokens.cache_read
        missing = missing_breakpoint(case)
        if actual is None and missing and input_total(case.call):
            actual = 0
        found = reach(self._state, case.rule, case.prompt, past_of(case), missing=missing)
        if not found.ideal and not actual:
            found = self._unread.looked_at(case, found, self._state)
        return judged(case, found, actual, prices)

    def _remembered(self, case: Case, cache: CacheUse, event_id: str) -> CacheUse:
        """Keep what later calls need, and name the call that this one goes on from."""
        call, baseline = case.call, case.baseline
        if not input_total(call) and (call.tokens is not None or call.ending != "complete"):
            # a call that was broken off may have left nothing, and nothing goes on from it
            return replace(cache, findings=())
        self._tag += 1
        self._write(case)
        previous = baseline.line.call_at(baseline.kept) if baseline else None
        line, kept = self._line(case)
        if baseline and line is not baseline.line and case.sure < kept and prompt_total(call):
            baseline.line.correct(case.prompt.ends[:kept])
        line.replace(case.pieces.facts, case.keys, case.stable, kept)
        sure = min(kept, line.counted, case.sure)
        line.place(case.prompt.ends, sure, is_counted=bool(prompt_total(call)))
        line.anchors = anchors_of(case.scope, case.pieces.facts)
        line.before = line.last if line.last and line.last.length == kept else None
        line.last = self._record(case, event_id)
        self._memory.keep(line, kept)
        self._answers.keep(call, line, case.pieces)
        return replace(
            cache,
            conversation=line.key,
            extends=previous.event_id if previous and baseline and baseline.kept else None,
            kept_segments=baseline.kept if previous and baseline and baseline.kept else None,
        )

    def _write(self, case: Case) -> None:
        """What the call left in the provider's cache; its counts only where they are the prompt's."""
        tokens = case.call.tokens if prompt_total(case.call) else None
        self._state.write(
            case.prompt,
            case.rule,
            tag=self._tag,
            read_tokens=tokens.cache_read if tokens else None,
            written_tokens=tokens.cache_write if tokens else None,
            long_tokens=_long(tokens) if tokens else None,
        )

    def _record(self, case: Case, event_id: str) -> Record:
        tokens = case.call.tokens if prompt_total(case.call) else None
        return Record(
            event_id=event_id,
            tag=self._tag,
            length=len(case.keys),
            started_s=case.prompt.started_s,
            first_byte_s=case.prompt.first_byte_s,
            settings=case.settings.values,
            markers=self._state.writes(case.prompt, case.rule),
            total=prompt_total(case.call),
            read=tokens.cache_read if tokens else None,
            written=tokens.cache_write if tokens else None,
        )

    def _line(self, case: Case) -> tuple[Conversation, int]:
        """The line that this prompt is the newest of; a fork leaves the old line as it is."""
        baseline = case.baseline
        new_key = secrets.token_hex(8)
        if baseline is None:
            return Conversation(new_key), 0
        if baseline.is_successor:
            self._memory.drop(baseline.line, baseline.kept)
            return baseline.line, baseline.kept
        is_head = head_size(case.pieces.facts) >= baseline.kept
        return baseline.line.fork(new_key if is_head else baseline.line.key, baseline.kept), baseline.kept


def _long(tokens: Tokens) -> int | None:
    """The cache writes that live longer than the default."""
    return tokens.cache_write_1h if tokens.cache_write_1h is not None else tokens.cache_write_12h


def _segments(case: Case, cache: CacheUse) -> Sequence[SegmentPrint]:
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
