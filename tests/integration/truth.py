"""What must an event say of a recorded exchange? What the ground truth says, under our names."""

import re

from integration.recordings import Recorded
from integration.transports import Delivery

PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "xai": "x_ai",
    "mistral": "mistral_ai",
    "gpustack": "unknown",  # a base URL of one's own says nothing
    "demo-endpoints.pydantic.workers.dev": "unknown",
}
"""Vendors that OpenTelemetry names in another way; the others keep their plain name."""

OPERATIONS: dict[str, str] = {}
_ENDINGS = {"complete": "complete", "error": "error", "no_terminal_event": "truncated", None: "complete"}
_SAME = (
    "model_requested",
    "model_responded",
    "response_id",
    "request_id",
    "status",
    "service_tier",
    "stream_requested",
    "is_stream",
)
_ERROR = ("type", "code")
_ALWAYS = {"provider", "operation", "model_requested", "request_id", "status", "ending"}
_ONCE_SEEN = {"response_id", "model_responded"}
_ENDS = re.compile(
    rb"\[DONE\]|message_stop|response\.(completed|incomplete|failed)"
    rb'|finish_reason": ?"|"error"|"chunk"|\.done\b'
)


def expected(truth):
    """What the event says, by name."""
    error = truth["error"]
    return {
        "provider": PROVIDERS.get(truth["provider"], truth["provider"]),
        "operation": OPERATIONS.get(truth["operation"], truth["operation"]),
        "finish_reasons": truth["finish_reasons"],
        "tool_calls": truth["tool_calls"],
        "other_tools": truth["other_tools"],
        "ending": "error" if error else _ENDINGS[(truth["stream"] or {}).get("ended")],
        "error message": error and error["message_present"],
        **{name: truth[name] for name in _SAME},
        **{f"error {name}": _text(error and error[name]) for name in _ERROR},
        **{f"tokens {kind}": count for kind, count in (truth["tokens"] or _NO_TOKENS).items()},
    }


def said(call):
    """What *call*, the body of an event, says, under the same names."""
    error, tokens = call.get("error", {}), call.get("tokens", {})
    return {
        "provider": call["provider"],
        "operation": call["operation"],
        "finish_reasons": call.get("finish_reasons", []),
        "tool_calls": [tool.get("name") for tool in call.get("tool_calls", [])],
        "other_tools": [tool.get("name") for tool in call.get("other_tools", [])],
        "ending": call.get("ending", "complete"),
        "error message": error.get("message_present"),
        **{name: call.get(name) for name in _SAME},
        "is_stream": call.get("is_stream", False),
        **{f"error {name}": error.get(name) for name in _ERROR},
        **{f"tokens {kind}": tokens.get(kind) for kind in _NO_TOKENS},
    }


_NO_TOKENS = dict.fromkeys(
    (
        "input_total",
        "input_uncached",
        "cache_read",
        "cache_write",
        "cache_write_5m",
        "cache_write_30m",
        "cache_write_1h",
        "cache_write_12h",
        "output",
        "reasoning",
        "input_audio",
        "output_audio",
        "input_image",
        "output_image",
    )
)


def _text(value):
    return None if value is None else str(value)


def differences(one: Recorded, call, delivery: Delivery, *, is_left):
    """Where *call* is not what it must be: (name, expected, said). Of a partly read answer only the ids."""
    wanted, found = expected(one.truth), said(call)
    names = wanted.keys()
    if is_left or _is_cut_short(one, delivery):
        names = _ALWAYS | {name for name in _ONCE_SEEN if found[name] is not None}
        wanted["ending"] = _ending_of_a_part(delivery, wanted["ending"], found["ending"])
    return [
        (name, wanted[name], found[name]) for name in wanted if name in names and wanted[name] != found[name]
    ]


def _is_cut_short(one, delivery):
    """The SDK did not read it all, although it had not seen the end marker."""
    rest = delivery.answer.body[len(delivery.sent) :]
    return bool(rest.strip()) and b"[DONE]" not in one.body


def _ending_of_a_part(delivery, whole, found):
    """`closed_early`; where the end of the answer was on its way already, the whole's ending will do."""
    is_coded = any(name == "content-encoding" for name, _ in delivery.answer.headers)
    seen = is_coded or delivery.is_whole or _ENDS.search(bytes(delivery.sent))
    return whole if seen and found == whole else "closed_early"
