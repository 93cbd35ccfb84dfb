"""How is a call and its answer written down? In the plain form of `llm-observer analyze`."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from dice import chance
from drafts import Draft, encode
from models import MODELS, Reading, usage

__all__ = ["exchange_of"]


def exchange_of(rng: Random, draft: Draft, reading: Reading, account: str) -> dict[str, Any]:
    """The plain form: the body as text, the usage alone or in a whole answer."""
    sent = encode(draft)
    request: dict[str, Any] = {"body": json.dumps(sent.body, ensure_ascii=chance(rng, 0.5))}
    if draft.headers:
        request["headers"] = dict(draft.headers)
    exchange: dict[str, Any] = {
        "url": sent.url,
        "request": request,
        "status": 400 if reading.is_refused else 200,
    }
    exchange["response"] = _answer(rng, draft, reading)
    times = {"started_at": draft.started, "first_byte_at": draft.first_byte, "ended_at": draft.ended}
    return {**exchange, **times, "account": account}


def _status(reading: Reading) -> int:
    return 400 if reading.is_refused else 200


def _answer(rng: Random, draft: Draft, reading: Reading) -> dict[str, Any]:
    if reading.is_refused:
        error = {
            "type": "invalid_request_error",
            "message": "At most 4 blocks may have cache_control.",
        }
        return {"body": json.dumps({"type": "error", "error": error})}
    counts = usage(draft.wire, MODELS[draft.model], reading, rng.randrange(20, 400))
    if chance(rng, 0.7):
        return {"usage": counts}
    answer = {"id": f"{_IDS[draft.wire]}{rng.getrandbits(96):024x}", **_ANSWERS[draft.wire]}
    return {"body": json.dumps({**answer, "model": draft.model, "usage": counts})}


_IDS: Mapping[str, str] = {"chat": "chatcmpl-", "responses": "resp_", "anthropic": "msg_"}
_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "chat": {
        "object": "chat.completion", "created": 1793620800,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."},
                     "finish_reason": "stop"}],
    },
    "responses": {
        "object": "response", "created_at": 1793620800, "status": "completed",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "Yes.", "annotations": []}]}],
    },
    "anthropic": {
        "type": "message", "role": "assistant", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": "Yes."}],
    },
}  # fmt: skip
