"""Which calls do log entries of Kong's AI plugins tell of? Those of every plugin that called a model.

https://developer.konghq.com/ai-gateway/ai-audit-log-reference/ (Kong Gateway 3.6 to 3.12), 2026-11-21:
`ai.<plugin>.usage` and `.meta`, in an entry of any logging plugin.
"""

from collections.abc import Iterable, Iterator, Mapping

from llm_observer.adapters.fields import as_name, at
from llm_observer.recordings._form import Form, stateless
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since
from llm_observer.recordings.gateways._answer import passed_on
from llm_observer.recordings.gateways._usage import counts_of, object_of

__all__ = ["FORM"]

_PROMPTS = ("prompt_token", "prompt_tokens")
_HIT = "hit"


def _fits(fields: Mapping[str, object]) -> bool:
    return next(_parts(fields), None) is not None


def _parts(fields: Mapping[str, object]) -> Iterator[Fields]:
    """What each plugin says that called a model."""
    plugins = fields.get("ai")
    for part in plugins.values() if isinstance(plugins, dict) else ():
        usage, meta = at(part, "usage"), at(part, "meta")
        is_call = isinstance(usage, dict) and any(name in usage for name in _PROMPTS)
        if isinstance(part, dict) and is_call and isinstance(meta, dict) and "provider_name" in meta:
            yield part


def _told(fields: Fields) -> Iterable[Told]:
    times = since(fields.get("started_at"), duration_ms=at(fields, "latencies.request"))
    for part in _parts(fields):
        usage, meta = part["usage"], part["meta"]
        yield passed_on(
            {},
            counts_of(object_of(usage)),
            at(meta, "provider_name"),
            as_name(at(meta, "response_model")) or as_name(at(meta, "request_model")),
            requested=as_name(at(meta, "request_model")),
            closing="local" if str(at(part, "cache.cache_status")).lower() == _HIT else "end_of_body",
            times=times,
        )


FORM = Form("kong", _fits, stateless(_told))
