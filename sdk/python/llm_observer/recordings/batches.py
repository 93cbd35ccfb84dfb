"""Which calls does the output of a batch tell of? One for each request of it, at the batch rate.

OpenAI: https://developers.openai.com/api/docs/guides/batch, anthropic: `MessageBatchIndividualResponse` of
https://platform.claude.com/docs/en/api/messages/batches/results, both 2026-11-21. Azure, Mistral, Groq and
others write OpenAI's form.
"""

from collections.abc import Mapping

import msgspec

from llm_observer.adapters.fields import as_count, as_name, at
from llm_observer.recordings._form import Form, has, single, word
from llm_observer.recordings._hosts import vendor_host_of
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import CHAT, PATHS, Told, body_of, since
from llm_observer.recordings._told import address as address_of

__all__ = ["ANTHROPIC", "INPUT", "OPENAI"]

_BATCH = "batch"
"""How answers name the tier, and how prices are found for it."""
_RESULTS = frozenset({"succeeded", "errored", "canceled", "expired"})
_AZURE_SIGNS = ("prompt_filter_results", "content_filter_results")


def _is_openai(fields: Mapping[str, object]) -> bool:
    return has(fields, "custom_id", "response") and (
        "error" in fields or str(fields.get("id")).startswith("batch_req_")
    )


def _openai(fields: Fields) -> Told:
    response = fields.get("response")
    body = at(response, "body")
    if not isinstance(body, dict):
        return _failed(
            "https://api.openai.com/v1/chat/completions", fields.get("error"), at(response, "status_code")
        )
    path = PATHS.get(str(body.get("object")), CHAT)
    return Told(
        url=f"https://{_host(body)}{path}",
        body=msgspec.json.encode({**body, "service_tier": _BATCH}),
        status=as_count(at(response, "status_code")),
        request_id=as_name(at(response, "request_id")),
        times=since(_second(body.get("created")) or _second(body.get("created_at"))),
        answer=as_name(body.get("id")) or as_name(fields.get("id")),
    )


def _second(value: object) -> int | None:
    """Seconds since the epoch; some servers write 0, or milliseconds of another clock."""
    return as_count(value) or None


def _host(body: Mapping[str, object]) -> str:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    is_azure = any(at(part, sign) is not None for part in (body, first) for sign in _AZURE_SIGNS)
    return "unknown.openai.azure.com" if is_azure else vendor_host_of(body.get("model"))


def _failed(url: str, error: object, status: object) -> Told:
    """A request that got no answer, so that nothing is billed."""
    known = error if isinstance(error, dict) else {"type": "error"}
    return Told(url=url, body=body_of(None, error=known), status=as_count(status), closing="failed")


def _is_anthropic(fields: Mapping[str, object]) -> bool:
    return has(fields, "custom_id", "result") and word(fields, "result.type") in _RESULTS


def _anthropic(fields: Fields) -> Told:
    result = fields["result"]
    message = at(result, "message")
    url = address_of("anthropic", "/v1/messages")
    if at(result, "type") != "succeeded":
        error = at(result, "error.error") or at(result, "error") or {"type": at(result, "type")}
        return _failed(url, error, None)
    if not isinstance(message, dict):
        raise ValueError("has no `result.message`")  # noqa: TRY004 - a bad value in a file
    usage = message.get("usage")
    tiered = {**usage, "service_tier": _BATCH} if isinstance(usage, dict) else usage
    return Told(
        url=url,
        body=msgspec.json.encode({**message, "usage": tiered}),
        answer=as_name(message.get("id")),
    )


def _is_input(fields: Mapping[str, object]) -> bool:
    return (
        "custom_id" in fields
        and "response" not in fields
        and (has(fields, "body", "url") or "params" in fields)
    )


def _input(_: Fields) -> Told:
    raise ValueError("is a request of a batch, without its answer: give the file of its output")


OPENAI = Form("openai_batch", _is_openai, single(_openai))
ANTHROPIC = Form("anthropic_batch", _is_anthropic, single(_anthropic))
INPUT = Form("batch_input", _is_input, single(_input))
