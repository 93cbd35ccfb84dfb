"""Which calls does OpenRouter tell of? Its answers to `GET /generation`, one for each call.

Native counts are the model's own, and hold what is cached and the reasoning; `total_cost` is what was billed.
https://openrouter.ai/docs/api-reference/get-a-generation, 2026-11-21. Rows of `GET /activity` are sums of a
day, so they are no calls.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name, as_number
from llm_observer.recordings._form import Form, has, single
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, address, body_of, since
from llm_observer.recordings._usage import Counts, count

__all__ = ["ACTIVITY", "FORM"]


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "id", "model", "native_tokens_prompt", "native_tokens_completion", "created_at")


def _told(fields: Fields) -> Told:
    answer = as_name(fields.get("id"))
    return Told(
        url=address("openrouter", "/api/v1/chat/completions"),
        body=body_of(
            _usage(fields),
            id=answer,
            model=as_name(fields.get("model")),
            service_tier=as_name(fields.get("service_tier")),
        ),
        closing="closed" if fields.get("cancelled") is True else "end_of_body",
        times=since(fields.get("created_at"), duration_ms=fields.get("generation_time")),
        answer=answer,
    )


def _usage(fields: Fields) -> dict[str, object]:
    upstream = as_number(fields.get("upstream_inference_cost"))
    return {
        **_tokens(fields),
        "cost": as_number(fields.get("total_cost")),
        "is_byok": fields.get("is_byok") is True,
        "cost_details": {"upstream_inference_cost": upstream},
    }


def _tokens(fields: Fields) -> dict[str, object]:
    """Empty where all that was counted is zero, as of media."""
    asked, output = count(fields, "native_tokens_prompt"), count(fields, "native_tokens_completion")
    if Counts(asked, output).is_nothing:
        return {}
    return {
        "prompt_tokens": asked,
        "completion_tokens": output,
        "prompt_tokens_details": {"cached_tokens": count(fields, "native_tokens_cached")},
        "completion_tokens_details": {"reasoning_tokens": count(fields, "native_tokens_reasoning")},
    }


def _is_activity(fields: Mapping[str, object]) -> bool:
    return has(fields, "date", "model", "requests", "usage", "prompt_tokens", "completion_tokens")


def _activity(_: Fields) -> Told:
    raise ValueError("is the sum of a day, not a call: llm-observer reconcile compares such rows with calls")


FORM = Form("openrouter", _fits, single(_told), lists=("data",))
ACTIVITY = Form("openrouter_activity", _is_activity, single(_activity), lists=("data",))
