"""Does a usage body cost what its data set expects, whoever served it?"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from genai_prices import Usage, calc_price
from outcome import Chapter, Row, table

from llm_observer.adapters import decode
from llm_observer.call import Cost, LLMCall, Tokens
from llm_observer.decoded import Decoded
from llm_observer.enrichers.cost import CostEnricher
from llm_observer.recordings.plain import exchange_of

__all__ = ["price_chapter"]

AT = datetime(2026, 7, 15, tzinfo=UTC)
"""Prices change; those that the data set expects are of about this time."""
_ROUTES = {"chat": "chat/completions", "default": "chat/completions", "responses": "responses"}
_BASES = {
    "openai": "https://api.openai.com/v1/",
    "azure": "https://example.openai.azure.com/openai/v1/",
    "google": "https://generativelanguage.googleapis.com/v1beta/openai/",
    "groq": "https://api.groq.com/openai/v1/",
    "mistral": "https://api.mistral.ai/v1/",
    "openrouter": "https://openrouter.ai/api/v1/",
    "cerebras": "https://api.cerebras.ai/v1/",
    "deepseek": "https://api.deepseek.com/",
    "zai": "https://api.z.ai/api/paas/v4/",
}
_CLAUDE = {
    ("anthropic", "default"): "https://api.anthropic.com/v1/messages",
    ("aws", "anthropic"): "https://bedrock-runtime.us-east-1.amazonaws.com/model/{model}/invoke",
    ("azure", "anthropic"): "https://example.services.ai.azure.com/anthropic/v1/messages",
    ("google", "anthropic"): "https://aiplatform.googleapis.com/v1/projects/p/locations/global"
    "/publishers/anthropic/models/{model}:rawPredict",
}
_TIERS = ("flex", "priority")
_SHOWN = 25


class Case(NamedTuple):
    """One body at one provider. expected: US dollars. theirs: the counts that the data set reads in it."""

    provider: str
    flavour: str
    model: str
    usage: Mapping[str, Any]
    theirs: Mapping[str, int]
    expected: Decimal


class Answer(NamedTuple):
    """What we say of a case. reason: why it differs, None if it does not."""

    case: Case
    cost: Cost
    reason: str | None


def price_chapter(path: Path) -> Chapter:
    """All cases of the wires that we decode, Gemini's own counts, and the tiers."""
    cases = list(_cases(json.loads(path.read_text("utf-8"))))
    price = CostEnricher()
    answers = [_answer(case, price) for case in cases if _url(case) is not None]
    native = [_native(case, price) for case in cases if (case.provider, case.flavour) == ("google", "default")]
    tiers = list(_tier_answers(cases, price))
    rows = [
        _row("usage bodies: cost, standard tier", answers),
        _row("usage bodies in Gemini's own form: counts given, cost", native),
        _row("usage bodies: the tiers flex and priority", tiers),
    ]
    return Chapter("Cost of real usage bodies", rows, list(_lines([*answers, *native, *tiers])))


def _cases(bodies: Sequence[Mapping[str, Any]]) -> Iterator[Case]:
    for one in bodies:
        usage = one["body"].get("usage") or {}
        for extracted in one["extracted"]:
            for how in extracted["extractors"]:
                if "input_price" in how:
                    expected = Decimal(how["input_price"]) + Decimal(how["output_price"])
                    model = one.get("model") or one["body"].get("modelVersion", "")
                    yield Case(
                        how["provider_id"], how["api_flavor"], model, usage, extracted["usage"],
                        Decimal(how.get("total_price", expected)),
                    )  # fmt: skip


def _url(case: Case) -> str | None:
    """Where such a body comes from; None if the provider does not answer in that form."""
    place = (case.provider, case.flavour)
    if place in _CLAUDE:
        is_claude = "claude" in case.model and "cache_creation_input_tokens" in case.usage
        return _CLAUDE[place].format(model=case.model) if is_claude else None
    base, route = _BASES.get(case.provider), _ROUTES.get(case.flavour)
    is_chat = "prompt_tokens" in case.usage
    is_responses = "input_tokens_details" in case.usage
    fits = is_responses if case.flavour == "responses" else is_chat
    return f"{base}{route}" if base and route and fits else None


def _decoded(case: Case, **usage: str) -> tuple[LLMCall, Decoded, Any]:
    answer = {"status": 200, "usage": {**case.usage, **usage}}
    request = {"body": json.dumps({"model": case.model, "messages": []})}
    line = {"url": _url(case), "request": request, "response": answer, "started_at": AT.timestamp()}
    exchange = exchange_of(json.dumps(line).encode())
    decoded = decode(exchange, with_content=False)
    return decoded.call, decoded, exchange
