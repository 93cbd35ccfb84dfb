"""Which calls does a session of Codex tell of? `~/.codex/sessions/**/rollout-*.jsonl`.

Each `token_count` has the call's own usage and the session's sum so far. The sum is never counted; it tells
when an event is only told again, as with every change of the rate limits. A forked session and a sub-agent's
begin with a copy of the parent's lines, stamped anew or not: none of them is later than the fork.
codex-rs/protocol/src/protocol.rs (`TokenUsageInfo`), and https://github.com/ccusage/ccusage/issues/1370 on
forks, 2026-11-21.
"""

from collections.abc import Iterable, Mapping

from llm_observer.adapters.fields import as_count, as_name, at
from llm_observer.recordings._form import Form, has, word
from llm_observer.recordings._records import Fields
from llm_observer.recordings._times import instant_ns
from llm_observer.recordings._told import Told, address, body_of, since
from llm_observer.recordings._usage import Counts

__all__ = ["FORM"]

_TYPES = frozenset({"session_meta", "turn_context", "event_msg", "response_item", "compacted"})
_COPIED_WITHIN_NS = 1_000_000_000
"""A parent's lines are copied at once; no call of the fork's own ends so soon."""


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "timestamp", "payload") and word(fields, "type") in _TYPES


class _Session:
    """What the lines so far say."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._provider: object = None
        self._model: str | None = None
        self._sum: object = None
        self._forked_ns: int | None = None

    def tell(self, fields: Fields) -> Iterable[Told]:
        """The call of one line, if it tells of one."""
        payload = fields.get("payload")
        kind = fields.get("type")
        if kind == "session_meta" and self._id is None:
            self._begin(payload, fields)
        elif kind == "turn_context":
            self._model = as_name(at(payload, "model")) or self._model
        elif kind == "event_msg" and at(payload, "type") == "token_count":
            return self._counted(at(payload, "info"), fields)
        return ()

    def _begin(self, payload: object, fields: Fields) -> None:
        self._id = as_name(at(payload, "id")) or ""
        self._provider = at(payload, "model_provider")
        parents = ("forked_from_id", "parent_thread_id", "source.subagent")
        if any(at(payload, name) is not None for name in parents):
            self._forked_ns = instant_ns(fields.get("timestamp"))

    def _counted(self, info: object, fields: Fields) -> Iterable[Told]:
        total, last = at(info, "total_token_usage"), at(info, "last_token_usage")
        is_again = total is not None and total == self._sum
        if total is not None:
            self._sum = total
        if is_again or not isinstance(last, dict) or self._is_copy(fields):
            return
        yield from self._call(last, total, fields)

    def _is_copy(self, fields: Fields) -> bool:
        if self._forked_ns is None:
            return False
        now = instant_ns(fields.get("timestamp"))
        return now is not None and now < self._forked_ns + _COPIED_WITHIN_NS

    def _call(self, last: Fields, total: object, fields: Fields) -> Iterable[Told]:
        usage = _usage(last)
        if usage is None:  # a context that is full is told as a sum of nothing
            return
        moment = fields.get("timestamp")
        yield Told(
            url=address(self._provider or "openai", "/v1/responses"),
            body=body_of(usage, object="response", status="completed", model=self._model),
            times=since(moment),
            answer=f"codex\0{self._id}\0{moment}\0{total}" if self._id else None,
        )


def _usage(last: Fields) -> dict[str, object] | None:
    """The usage in the words of the Responses API, which Codex shortens."""
    names = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_input_tokens")
    used, output, cached, written = (as_count(last.get(name)) for name in names)
    if Counts(used, output).is_nothing:
        return None
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    return {
        "input_tokens": used,
        "output_tokens": output,
        "input_tokens_details": {name: value for name, value in details.items() if value is not None},
        "output_tokens_details": {"reasoning_tokens": as_count(last.get("reasoning_output_tokens"))},
    }


FORM = Form("codex", _fits, lambda: _Session().tell, stranger=None)
