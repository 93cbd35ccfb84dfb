"""Which calls does LiteLLM tell of? Its standard logging payload, and the spend logs of its proxy.

litellm 1.109.1, types/utils.py (`StandardLoggingPayload`) and proxy/_types.py (`SpendLogsPayload`); its
`prompt_tokens` hold what is cached, for Anthropic too (llms/anthropic/chat/transformation.py), 2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name
from llm_observer.recordings._form import Form, has, single, word
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import NO_CACHE_COUNTS, Told, address, body_of, since, told
from llm_observer.recordings._usage import count
from llm_observer.recordings.gateways._usage import counts_of, has_cache_counts, object_of

__all__ = ["FORM"]

_COUNTED = ("prompt_tokens", "completion_tokens", "call_type", "startTime")
_EMBEDDINGS = frozenset({"embedding", "aembedding"})
_FAILED = "failure"


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, *_COUNTED) and ("response_cost" in fields or has(fields, "request_id", "spend"))


def _told(fields: Fields) -> Told | None:
    if "batch" in str(fields.get("call_type")):
        raise ValueError("sums up a batch: its output file has the calls")
    metadata = object_of(fields.get("metadata"))
    if (fields.get("status") or metadata.get("status")) == _FAILED:
        return _failed(fields, metadata)
    counts = counts_of(_usage(fields, metadata))
    is_embedding = word(fields, "call_type") in _EMBEDDINGS
    return told(
        counts,
        fields.get("custom_llm_provider"),
        _model(fields),
        response_id=as_name(fields.get("request_id")) or as_name(fields.get("id")),
        path="/v1/embeddings" if is_embedding else None,
        closing="local" if str(fields.get("cache_hit")).lower() == "true" else "end_of_body",
        times=since(fields.get("startTime"), ended=fields.get("endTime")),
        caveat=None if is_embedding or has_cache_counts(counts) else NO_CACHE_COUNTS,
    )


def _model(fields: Fields) -> str | None:
    """Without LiteLLM's prefix, which names the provider once more."""
    model = as_name(fields.get("model"))
    return None if model is None else model.removeprefix(f"{fields.get('custom_llm_provider')}/")


def _usage(fields: Fields, metadata: Fields) -> Fields:
    """The usage that the provider gave, as far as a version of LiteLLM writes it; the newest place first."""
    additional = object_of(metadata.get("additional_usage_values"))
    answered = object_of(object_of(fields.get("response")).get("usage"))
    whole = object_of(metadata.get("usage_object"))
    counted = {name: fields[name] for name in ("prompt_tokens", "completion_tokens")}
    return {**counted, **additional, **answered, **whole}


def _failed(fields: Fields, metadata: Fields) -> Told:
    """A call that got no answer."""
    error = object_of(fields.get("error_information")) or object_of(metadata.get("error_information"))
    code = count(error, "error_code")
    return Told(
        url=address(fields.get("custom_llm_provider"), "/v1/chat/completions"),
        body=body_of(None, error={"type": as_name(error.get("error_class")) or "error"}),
        model=_model(fields),
        status=code,
        closing="failed",
        times=since(fields.get("startTime"), ended=fields.get("endTime")),
    )


FORM = Form("litellm", _fits, single(_told), lists=("data",))
