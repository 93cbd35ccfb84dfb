"""Does a usage body cost what its data set expects, whoever served it?"""

import json
from collections import defaultdict
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
from llm_observer.enrichers.tiers import context_of
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
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "claude": {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"},
    "responses": {"object": "response", "status": "completed", "output": []},
    "chat": {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
    },
}
TIERS = ("batch", "flex", "priority", "fast")
TIERS_AT = datetime(2026, 11, 15, tzinfo=UTC)
"""The price list has tiers since 2026-10-14."""
UNEXPLAINED = "unexplained"
_BESIDE = "ours has the iterations that Anthropic bills beside the sums of `usage` (compaction, advisor)"
_HOW = """Recorded usage bodies of many providers (pydantic/genai-prices, tests/dataset), each with the
price that its data set expects at every provider whose form it has, standard tier. Ours goes the whole
way from the bytes of an answer with that body, priced as of {day}. Hugging Face's router and OVH are
left out: what they bill is unknown to us, and their cost is marked as estimated. Gemini's own form has
no adapter; there, the data set's counts go through our sums. Other tiers: OpenAI's bodies as answers of
batch, flex, priority or fast, against the price list's own sum."""


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
    native = [case for case in cases if (case.provider, case.flavour) == ("google", "default")]
    groups = {
        "standard tier": [_answer(case, price) for case in cases if _url(case) is not None],
        "Gemini's own form": [_native(case, price) for case in native],
        "other tiers": list(_tier_answers(cases, price)),
    }
    rows = [_row(f"usage bodies, {name}: cost", answers) for name, answers in groups.items()]
    return Chapter("Cost of real usage bodies", rows, list(_lines(groups)))


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


def _answer(case: Case, price: CostEnricher, tier: str | None = None, at: datetime = AT) -> Answer:
    """What the case costs by the whole way from its bytes."""
    wire = next(
        (name for name in ("responses", "chat") if (_url(case) or "").endswith(_ROUTES[name])), "claude"
    )
    body = {**_BODIES[wire], "id": "m", "model": case.model, "usage": case.usage}
    line = {
        "url": _url(case),
        "request": {"body": json.dumps({"model": case.model, "messages": []})},
        "response": {"status": 200, "body": json.dumps(body | ({"service_tier": tier} if tier else {}))},
        "started_at": at.timestamp(),
    }
    exchange = exchange_of(json.dumps(line).encode())
    decoded = decode(exchange, with_content=False)
    answer = _compared(case, price(decoded.call, decoded, exchange))
    if answer.reason == UNEXPLAINED and "iterations" in case.usage:
        usage = {name: value for name, value in case.usage.items() if name != "iterations"}
        if _answer(case._replace(usage=usage), price, tier, at).reason is None:
            return answer._replace(reason=_BESIDE)
    return answer


def _native(case: Case, price: CostEnricher) -> Answer:
    """What the counts that the data set reads cost; no adapter reads Gemini's own form."""
    named = {"input_tokens": "input_total", "output_tokens": "output", "cache_read_tokens": "cache_read"}
    named |= {"input_audio_tokens": "input_audio", "output_audio_tokens": "output_audio"}
    named |= {"cache_audio_read_tokens": "cache_read_audio"}
    tokens = Tokens(**{ours: case.theirs[name] for name, ours in named.items() if name in case.theirs})
    call = LLMCall(
        provider="gcp.gemini", wire="openai", operation="chat", status=200,
        model_responded=case.model, tokens=tokens,
    )  # fmt: skip
    line = {"url": "https://generativelanguage.googleapis.com/v1beta/openai/", "started_at": AT.timestamp()}
    exchange = exchange_of(json.dumps(line).encode())
    return _compared(case, price(call, Decoded(call=call), exchange))


def _tier_answers(cases: Sequence[Case], price: CostEnricher) -> Iterator[Answer]:
    """OpenAI's bodies as answers of another tier, where the price list knows that tier of the model."""
    for case in cases:
        if case.provider != "openai" or _url(case) is None:
            continue
        for tier in TIERS:
            expected = _listed(case, TIERS_AT, dict([context_of(tier)]))
            if expected is not None:
                answer = _answer(case._replace(expected=expected), price, tier, TIERS_AT)
                if answer.cost.status == "exact":  # by rule or not at all where the list has no such tier
                    yield answer


def _listed(case: Case, at: datetime = AT, context: Mapping[str, str] | None = None) -> Decimal | None:
    """What the price list itself says of the counts that the data set reads."""
    how = {"provider_id": case.provider, "genai_request_timestamp": at}
    more = {"price_context": context} if context else {}
    try:
        return calc_price(Usage(**case.theirs), case.model, **how, **more).total_price
    except LookupError:
        return None


def _compared(case: Case, call: LLMCall) -> Answer:
    cost = call.cost
    if cost is None or cost.total_usd is None:
        return Answer(case, cost, f"no figure: {cost.status if cost else None}")
    if Decimal(cost.total_usd) == case.expected:
        return Answer(case, cost, None)
    return Answer(case, cost, _reason(case, call, cost))


def _reason(case: Case, call: LLMCall, cost: Cost) -> str:
    """Why the two figures differ, checked where it can be."""
    total = Decimal(cost.total_usd or 0)
    if total - Decimal(cost.server_tools_usd or 0) == case.expected:
        return "ours has the fee for web searches, which the expected price leaves out"
    if total == _listed(case):
        return "the price list has changed since: it gives our figure too"
    if cost.note is not None and "only the provider's total has" in cost.note:
        return "ours has the thoughts, which are in the total of the body and in no other count of it"
    if case.theirs.get("output_image_tokens"):
        return "made images have a price of their own, and no usage that we decode counts them apart"
    counted = call.tokens
    for name in ("cache_write", "cache_read"):
        if counted is not None and getattr(counted, name) and f"{name}_tokens" not in case.theirs:
            return f"the expected price leaves out {name.replace('_', ' ')} tokens, which the body has"
    return UNEXPLAINED


def _row(check: str, answers: Sequence[Answer]) -> Row:
    exact = sum(answer.reason is None for answer in answers)
    open_ones = sum(answer.reason == UNEXPLAINED for answer in answers)
    said = (
        f"{exact:,} of {len(answers):,} exact, {len(answers) - exact - open_ones} differ for a reason below"
    )
    return Row(check, said, "every case", open_ones == 0)


def _lines(groups: Mapping[str, Sequence[Answer]]) -> Iterator[str]:
    yield _HOW.format(day=f"{AT:%Y-%m-%d}")
    rows = [
        (name, provider, sum(one.reason is None for one in ones), len(ones))
        for name, answers in groups.items()
        for provider, ones in _by_provider(answers).items()
    ]
    yield from table(("group", "provider", "exact:", "cases:"), rows)
    yield "Those that differ:"
    reasons: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for answer in (one for answers in groups.values() for one in answers if one.reason is not None):
        reasons[answer.case.provider, answer.case.model, answer.reason or ""].append(answer)
    yield from table(
        ("provider", "model", "cases:", "expected, one:", "ours:", "why"),
        [
            (provider, f"`{model}`", len(ones), ones[0].case.expected, ones[0].cost.total_usd or "-", reason)
            for (provider, model, reason), ones in sorted(reasons.items())
        ],
    )


def _by_provider(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.case.provider].append(answer)
    return dict(sorted(found.items()))
