"""What do the lines of a batch's output cost, each once and at the batch rate?"""

from decimal import Decimal

import pytest

from analyzing import calls_in, cost_of
from telling import CLAUDE_USAGE, batch_line, chat_answer, claude_code, claude_message, claude_result, lines

ERRORS = {
    "refused": batch_line(
        error=None, response={"status_code": 400, "body": {"error": {"type": "invalid_request_error"}}}
    ),
    "not run in time": batch_line(response=None, error={"code": "batch_expired", "message": "This request…"}),
}


@pytest.mark.parametrize("tier", ["batch", "standard", None])
def test_an_answer_of_claude_costs_half_whatever_it_says_of_its_tier(tmp_path, tier):
    message = claude_message(usage={**CLAUDE_USAGE, "service_tier": tier})
    (batched,) = calls_in(tmp_path, lines(claude_result(type="succeeded", message=message)))
    (direct,) = calls_in(tmp_path, lines(claude_code()))
    assert (batched.cost.tier, direct.cost.tier) == ("batch", None)
    assert 2 * cost_of(batched) == cost_of(direct) > 0


@pytest.mark.parametrize("why", ["errored", "canceled", "expired"])
def test_a_request_of_claude_without_an_answer_costs_nothing(tmp_path, why):
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "private"}}
    (call,) = calls_in(
        tmp_path, lines(claude_result(type=why, **({"error": error} if why == "errored" else {})))
    )
    assert (call.cost.status, call.ending) == ("not_billed", "error")
    assert call.error.type == ("overloaded_error" if why == "errored" else why)


@pytest.mark.parametrize("why", ERRORS)
def test_a_request_without_an_answer_costs_nothing(tmp_path, why):
    (call,) = calls_in(tmp_path, lines(ERRORS[why]))
    assert (call.cost.status, call.ending) == ("not_billed", "error")


def test_the_tier_of_a_batch_is_not_what_the_answer_says(tmp_path):
    (call,) = calls_in(tmp_path, lines(batch_line(chat_answer(service_tier="default"))))
    assert (call.cost.tier, call.provider, call.request_id) == ("batch", "openai", "req_1")
    assert cost_of(call) == Decimal("0.0028075")


@pytest.mark.parametrize(
    ("body", "provider"),
    [
        (chat_answer(choices=[{"content_filter_results": {}}]), "azure.ai.openai"),
        (chat_answer(prompt_filter_results=[]), "azure.ai.openai"),
        (chat_answer(model="ft:gpt-4o-mini-2024-07-18:org::a"), "openai"),
        (chat_answer(model="mistral-small-latest"), "mistral_ai"),
        (chat_answer(model="llama-3.1-8b-instant"), "unknown"),
    ],
)
def test_whose_batch_it_is_the_answer_tells_or_nobody(tmp_path, body, provider):
    (call,) = calls_in(tmp_path, lines(batch_line(body)))
    assert call.provider == provider


def test_a_result_without_its_message_is_named(tmp_path):
    good = claude_result()
    found = calls_in(tmp_path, lines(claude_result(type="succeeded"), good))
    assert len(found) == 1
    assert [one.reason for one in found.skipped] == ["has no `result.message`"]
