"""Which calls does LiteLLM tell of? Its standard logging payload, and the spend logs of its proxy.

litellm 1.109.1, types/utils.py (`StandardLoggingPayload`) and proxy/_types.py (`SpendLogsPayload`); its
`prompt_tokens` hold what is cached, for Anthropic too (llms/anthropic/chat/transformation.py), 2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name
from llm_observer.recordings._form import Form, has, single, word
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import CHAT, Told, address, body_of, since
from llm_observer.recordings._usage import Counts, count
from llm_observer.recordings.gateways._answer import passed_on
from llm_observer.recordings.gateways._usage import counts_of, object_of

__all__ = ["FORM"]

_COUNTED = ("prompt_tokens", "completion_tokens", "call_type", "startTime")
_PATHS = {
    "responses": "/v1/responses",
    "text_completion": "/v1/completions",
    "embedding": "/v1/embeddings",
    "moderation": "/v1/moderations",
    "rerank": "/v1/rerank",
    "image_generation": "/v1/images/generations",
    "image_edit": "/v1/images/edits",
    "image_variation": "/v1/images/variations",
    "speech": "/v1/audio/speech",
    "transcription": "/v1/audio/transcriptions",
}
"""By `call_type`, without the `a` of its asynchronous form; all others speak a chat's wire."""
_REWRITTEN = frozenset({"cost", "iterations"})
"""Fields of a usage that say something else here: LiteLLM's own figure, and rounds that it has summed up."""
_FAILED = "failure"


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, *_COUNTED) and ("response_cost" in fields or has(fields, "request_id", "spend"))


def _told(fields: Fields) -> Told | None:
    if "batch" in str(fields.get("call_type")):
        raise ValueError("sums up a batch: its output file has the calls")
    metadata = object_of(fields.get("metadata"))
    if (fields.get("status") or metadata.get("status")) == _FAILED:
        return _failed(fields, metadata)
    kind = word(fields, "call_type")
    return passed_on(
        _answer(fields, metadata),
        Counts(None, None),
        fields.get("custom_llm_provider"),
        _model(fields),
        path=_PATHS.get(kind) or _PATHS.get(kind.removeprefix("a")),
        closing="local" if str(fields.get("cache_hit")).lower() == "true" else "end_of_body",
        times=since(fields.get("startTime"), ended=fields.get("endTime")),
    )


def _model(fields: Fields) -> str | None:
    """Without LiteLLM's prefix, which names the provider once more."""
    model = as_name(fields.get("model"))
    return None if model is None else model.removeprefix(f"{fields.get('custom_llm_provider')}/")


def _answer(fields: Fields, metadata: Fields) -> Fields:
    """The answer as far as the log has it; where nothing says at which tier, that which was asked for."""
    answer = object_of(fields.get("response"))
    usage = _usage(fields, metadata, object_of(answer.get("usage")))
    places = (answer, usage, object_of(fields.get("model_parameters")))
    return {
        **answer,
        "id": as_name(fields.get("request_id")) or as_name(fields.get("id")),
        "usage": usage,
        "service_tier": next((tier for place in places if (tier := place.get("service_tier"))), None),
    }


def _usage(fields: Fields, metadata: Fields, answered: Fields) -> Fields:
    """The usage that the provider gave, as far as a version of LiteLLM writes it; the newest place first.

    LiteLLM writes zeros where it found none.
    """
    counted = {name: fields[name] for name in ("prompt_tokens", "completion_tokens")}
    whole = object_of(metadata.get("usage_object"))
    own = ({} if counts_of(part).is_nothing else part for part in (counted, whole))
    merged = {**next(own), **object_of(metadata.get("additional_usage_values")), **answered, **next(own)}
    return {name: value for name, value in merged.items() if name not in _REWRITTEN}


def _failed(fields: Fields, metadata: Fields) -> Told:
    """A call that got no answer."""
    error = object_of(fields.get("error_information")) or object_of(metadata.get("error_information"))
    code = count(error, "error_code")
    return Told(
        url=address(fields.get("custom_llm_provider"), CHAT),
        body=body_of(None, error={"type": as_name(error.get("error_class")) or "error"}),
        model=_model(fields),
        status=code,
        closing="failed",
        times=since(fields.get("startTime"), ended=fields.get("endTime")),
    )


FORM = Form("litellm", _fits, single(_told), lists=("data",))
