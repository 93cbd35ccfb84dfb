"""What do transcripts of coding agents tell of calls, each once, and nothing of their sums?"""

import json

import pytest

from analyzing import calls_in, inputs_of
from llm_observer.recordings import read_files
from telling import (
    CLAUDE,
    CLAUDE_USAGE,
    CODEX,
    CODEX_FIRST,
    CODEX_SUM,
    GEMINI_HEADER,
    PI_SESSION,
    STARTED_S,
    claude_code,
    claude_code_user,
    cline,
    codex_count,
    codex_line,
    codex_usage,
    gemini,
    lines,
    moment,
    opencode,
    pi_message,
)

# Claude Code -------------------------------------------------------------------------------------------


def test_the_lines_of_an_answer_are_one_call_with_its_final_count(tmp_path):
    partial = claude_code(usage={"output_tokens": 1})
    found = calls_in(tmp_path, lines(partial, claude_code_user(2), claude_code(second=3), partial))
    assert [call.tokens.output for call in found] == [50]
    assert (found[0].response_id, found[0].request_id, found[0].cost.status) == (
        "msg_1",
        "req_msg_1",
        "exact",
    )


def test_a_call_is_of_the_time_of_its_first_line(tmp_path):
    path = tmp_path / "session.jsonl"
    path.write_text(lines(claude_code(second=1), claude_code(second=7)), "utf-8")
    (item,) = read_files([str(path)])
    assert (item.index, item.place, item.exchange.started_ns) == (0, f"{path}:1", (STARTED_S + 1) * 10**9)


def test_answers_that_interleave_are_told_apart(tmp_path):
    names = ["msg_a", "msg_b", "msg_a", "msg_b"]
    found = calls_in(
        tmp_path, lines(*(claude_code(name, second=second) for second, name in enumerate(names)))
    )
    assert [call.response_id for call in found] == ["msg_a", "msg_b"]


def test_many_answers_are_given_in_the_order_in_which_they_began(tmp_path):
    found = calls_in(tmp_path, lines(*(claude_code(f"msg_{n}", second=n // 2) for n in range(700))))
    assert [call.response_id for call in found] == [f"msg_{n}" for n in range(700)]


def test_a_resumed_session_begins_with_a_copy_that_costs_nothing(tmp_path):
    first = [claude_code("msg_1"), claude_code("msg_2", second=2)]
    resumed = [*(line | {"sessionId": "s2"} for line in first), claude_code("msg_3", second=9)]
    found = calls_in(tmp_path, lines(*first), lines(*resumed))
    assert inputs_of(found) == [20_304] * 3


def test_what_claude_code_says_itself_and_its_sums_are_no_calls(tmp_path):
    own = claude_code("own", isApiErrorMessage=True)
    own["message"] |= {"model": "<synthetic>"}
    result = {"type": "result", "usage": CLAUDE_USAGE, "modelUsage": {CLAUDE: {}}, "session_id": "s1"}
    tool = claude_code_user(5, toolUseResult={"totalTokens": 9, "usage": CLAUDE_USAGE})
    found = calls_in(tmp_path, lines(claude_code(), own, result, tool))
    assert (len(found), found.skipped) == (1, [])


@pytest.mark.parametrize(
    ("name", "provider"),
    [("msg_01A", "anthropic"), ("msg_bdrk_01A", "aws.bedrock"), ("msg_vrtx_01A", "gcp.vertex_ai")],
)
def test_who_ran_the_model_the_id_tells(tmp_path, name, provider):
    (call,) = calls_in(tmp_path, lines(claude_code(name)))
    assert call.provider == provider


@pytest.mark.parametrize(
    ("name", "model", "status"),
    [
        ("msg_bdrk_01A", CLAUDE, "estimated"),
        ("msg_bdrk_01A", f"us.anthropic.{CLAUDE}-v1:0", "exact"),
        ("msg_vrtx_01A", "claude-sonnet-4-5@20250929", "estimated"),
        ("msg_01A", CLAUDE, "exact"),
    ],
)
def test_claude_on_a_cloud_is_an_estimate_without_its_region(tmp_path, name, model, status):
    line = claude_code(name)
    line["message"] |= {"model": model}
    (call,) = calls_in(tmp_path, lines(line))
    assert call.cost.status == status
    assert ("region" in (call.cost.note or "")) == (status == "estimated")


def test_an_hour_of_caching_is_priced_as_such(tmp_path):
    (call,) = calls_in(tmp_path, lines(claude_code()))
    assert (call.cost.cache_write_5m_usd, call.cost.cache_write_1h_usd) == ("0.000375", "0.0012")


# Codex -------------------------------------------------------------------------------------------------


def test_the_sum_of_a_session_is_never_counted(tmp_path):
    found = calls_in(tmp_path, lines(*CODEX))
    assert sum(inputs_of(found)) == CODEX_SUM["input_tokens"]
    assert sum(call.tokens.output for call in found) == CODEX_SUM["output_tokens"]
    assert [call.tokens.reasoning for call in found] == [29, 0]


@pytest.mark.parametrize("copied_at", [9, -500], ids=["stamped anew", "with their own time"])
def test_the_copy_that_a_fork_begins_with_is_not_counted(tmp_path, copied_at):
    fork = [
        codex_line("session_meta", {"id": "fork", "forked_from_id": "019a", "model_provider": "openai"}, 9),
        *({**line, "timestamp": moment(copied_at)} for line in CODEX),
        codex_count(codex_usage(27_000, 23_000, 500), codex_usage(720, 600, 82), 20),
    ]
    alone = calls_in(tmp_path, lines(*fork))
    assert inputs_of(alone) == [720]
    assert sum(inputs_of(calls_in(tmp_path, lines(*CODEX), lines(*fork)))) == CODEX_SUM["input_tokens"] + 720


def test_a_session_without_its_model_is_of_unknown_cost(tmp_path):
    found = calls_in(tmp_path, lines(CODEX[0], codex_count(CODEX_FIRST, CODEX_FIRST)))
    assert [call.cost.status for call in found] == ["unknown_model"]


def test_a_sum_alone_and_a_full_context_are_no_calls(tmp_path):
    full = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 272_000}
    found = calls_in(tmp_path, lines(*CODEX[:2], codex_count(CODEX_FIRST, None), codex_count(full, full)))
    assert (len(found), found.skipped) == (0, [])


def test_a_model_that_changes_is_that_of_the_calls_that_follow(tmp_path):
    change = codex_line("turn_context", {"model": "gpt-5.1"})
    found = calls_in(tmp_path, lines(*CODEX[:5], change, CODEX[-1]))
    assert [call.model_responded for call in found] == ["gpt-5.1-codex", "gpt-5.1"]


# pi ----------------------------------------------------------------------------------------------------

NOTHING = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0}


@pytest.mark.parametrize(("reason", "ending"), [("aborted", "cancelled"), ("error", "error")])
def test_zeros_of_a_call_that_was_broken_off_are_unknown(tmp_path, reason, ending):
    (call,) = calls_in(tmp_path, lines(PI_SESSION, pi_message(usage=NOTHING, stopReason=reason)))
    assert (call.ending, call.tokens, call.cost.status) == (ending, None, "usage_absent")


def test_a_model_of_openai_in_pi_has_its_cached_input_inside(tmp_path):
    message = pi_message(
        provider="openai-codex", model="gpt-5.1-codex", api="openai-responses", responseId="resp_1"
    )
    (call,) = calls_in(tmp_path, lines(PI_SESSION, message))
    assert (call.provider, call.wire, call.response_id) == ("openai", "openai", "resp_1")
    assert (call.tokens.input_total, call.tokens.input_uncached, call.tokens.cache_read) == (
        20_304,
        4,
        20_000,
    )


def test_a_branched_session_of_pi_repeats_what_was_counted(tmp_path):
    first = lines(PI_SESSION, pi_message())
    found = calls_in(tmp_path, first, first + lines(pi_message(9)))
    assert inputs_of(found) == [20_304] * 2


# Others ------------------------------------------------------------------------------------------------


def test_a_message_of_gemini_cli_that_is_written_again_is_one_call(tmp_path):
    written = [GEMINI_HEADER, gemini(tokens=None), gemini(), gemini(content="more"), gemini("g2")]
    assert inputs_of(calls_in(tmp_path, lines(*written))) == [9010, 9010]


@pytest.mark.parametrize(
    ("tokens", "output"),
    [({"total": 66_354}, 123), ({"total": None}, 123), ({}, 192)],
    ids=["the total has it inside", "no total", "the total adds it"],
)
def test_reasoning_in_opencode_counts_once(tmp_path, tokens, output):
    (call,) = calls_in(tmp_path, json.dumps(opencode(tokens={**opencode()["tokens"], **tokens})))
    assert (call.tokens.output, call.tokens.reasoning) == (output, 69)


def test_steps_of_a_message_are_calls_and_its_last_count_is_not_added(tmp_path):
    tokens = {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 100, "write": 0}}
    steps = [{"id": f"prt_{n}", "type": "step-finish", "tokens": tokens, "cost": 0.1} for n in range(2)]
    export = {
        "info": {"id": "ses_1"},
        "messages": [{"info": opencode(tokens=tokens, cost=0.2), "parts": steps}],
    }
    assert inputs_of(calls_in(tmp_path, json.dumps(export))) == [110, 110]


ROO = {"apiProtocol": "anthropic", "tokensOut": 5, "cacheWrites": 300, "cacheReads": 20_000}


@pytest.mark.parametrize(
    ("request_", "provider", "whole"),
    [
        ({**ROO, "tokensIn": 20_304}, "anthropic", 20_304),
        ({**ROO, "tokensIn": 4}, "anthropic", 20_304),
        ({"tokensIn": 20_304, "tokensOut": 5, "cacheReads": 20_000}, "openai", 20_304),
        ({"tokensIn": 304, "tokensOut": 5, "cacheReads": 20_000}, "openrouter", 20_304),
        ({"tokensIn": 30_000, "tokensOut": 5, "cacheReads": 20_000}, "anthropic", 50_000),
    ],
    ids=["Roo Code", "Roo Code before 3.29.5", "Cline, OpenAI's count", "Cline", "Cline, much new"],
)
def test_cached_input_is_inside_or_beside_as_the_tool_counts(tmp_path, request_, provider, whole):
    message = cline(request=request_, modelInfo={"providerId": provider, "modelId": CLAUDE})
    assert inputs_of(calls_in(tmp_path, json.dumps([message]))) == [whole]


def test_what_cline_deleted_is_a_sum_and_left_out_by_name(tmp_path):
    found = calls_in(tmp_path, json.dumps([cline(), cline("deleted_api_reqs"), cline("text")]))
    assert len(found) == 1
    assert [one.reason for one in found.skipped] == ["is the sum of calls that were deleted from the task"]


def test_a_task_without_its_model_is_of_unknown_cost(tmp_path):
    (call,) = calls_in(tmp_path, json.dumps([cline(info=False)]))
    assert (call.cost.status, call.tokens.output) == ("unknown_model", 50)
