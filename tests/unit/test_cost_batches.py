"""Results of a batch: priced one by one at the batch rate, each once; by hand from the price pages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanging import exchange
from llm_observer.adapters import decode
from llm_observer.enrichers.usage_once import DownloadsOnce
from llm_observer.wire import Options
from recorded_costs import Priced, cost_of_exchange

JSONL = [("content-type", "application/octet-stream")]
CONTENT, RESULTS = "/files/file-1/content", "/v1/messages/batches/msgbatch_1/results"


def line(name, body, **changes):
    response = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": f"batch_req_{name}", "custom_id": name, "response": response, "error": None, **changes}


def chat(model="gpt-5-nano-2025-08-07", prompt=1000, completion=100):
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": [], "usage": usage}


def message(model="claude-opus-5", fresh=1000, output=100, **usage):
    counts = {"input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": 0, **usage}
    return {"id": "msg_1", "type": "message", "model": model, "content": [], "usage": counts}


def succeeded(body, name="a"):
    return {"custom_id": name, "result": {"type": "succeeded", "message": body}}


def jsonl(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def download(*rows, route=CONTENT, body=None, **changes):
    """The exchange that fetched *rows* as a file."""
    sdk = "anthropic" if route == RESULTS else "openai"
    options = Options(method="GET", route=route)
    data = jsonl(*rows) if body is None else body
    return exchange(data, sdk=sdk, route=route, headers=JSONL, options=options, **changes)


NANO = "0.000045"  # 1,000 at 0.025 and 100 at 0.20 a million: GPT-5 nano in a batch


def test_the_results_of_a_file_are_priced_at_the_batch_rate():
    cost = cost_of_exchange(download(line("a", chat()), line("b", chat())))
    assert (cost.status, cost.total_usd, cost.tier) == ("exact", "0.00009", "batch")
    assert (cost.input_usd, cost.output_usd, cost.price_id) == ("0.00005", "0.00004", "openai/gpt-5-nano")


def test_the_values_of_a_recorded_file_are_priced():
    """Usage of a recorded Responses batch of GPT-5 nano: 18 in, 115 out, 64 of them reasoning."""
    usage = {
        "input_tokens": 18,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": 115,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 133,
    }
    body = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-5-nano-2025-08-07",
        "output": [],
        "usage": usage,
    }
    cost = cost_of_exchange(download(line("0", body)))
    # 18 at 0.025 and 115 at 0.20 a million
    assert (cost.status, cost.total_usd) == ("exact", "0.00002345")


def test_an_embedding_in_a_batch_is_half_price_by_rule():
    body = {
        "object": "list",
        "data": [{"object": "embedding", "embedding": [0.5] * 2000, "index": 0}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    }
    cost = cost_of_exchange(download(line("a", body)))
    assert (cost.status, cost.total_usd) == ("estimated", "0.00001")


def test_claude_results_are_half_price_but_for_their_searches():
    searched = message(server_tool_use={"web_search_requests": 1})
    cost = cost_of_exchange(download(succeeded(message()), succeeded(searched, "b"), route=RESULTS))
    # twice 1,000 at 2.50 and 100 at 12.50 a million, and one search
    assert (cost.status, cost.total_usd, cost.server_tools_usd) == ("exact", "0.0175", "0.01")


def test_each_prompt_of_a_batch_is_priced_by_its_own_length():
    rows = [succeeded(message("claude-haiku-5-5", fresh)) for fresh in (60_000, 60_000, 100_001)]
    cost = cost_of_exchange(download(*rows, route=RESULTS))
    # twice 60,000 at 0.05 and 100 at 0.25; the long one: 100,001 at 0.25 and 100 at 1.25 a million
    assert cost.total_usd == "0.03117525"


def test_results_that_failed_cost_nothing_and_leave_no_doubt():
    rows = [
        line("a", chat()),
        line("b", {"error": {"message": "no"}}, response={"status_code": 400, "body": {"error": {}}}),
        line("c", {}, response=None, error={"code": "batch_expired", "message": "no"}),
    ]
    assert cost_of_exchange(download(*rows)).total_usd == NANO


@pytest.mark.parametrize("kind", ["errored", "canceled", "expired"])
def test_a_file_without_any_answer_costs_nothing(kind):
    cost = cost_of_exchange(download({"custom_id": "a", "result": {"type": kind}}, route=RESULTS))
    assert (cost.status, cost.total_usd) == ("not_billed", "0")


def test_answers_of_several_models_are_priced_as_each():
    call = Priced()(download(line("a", chat()), line("b", chat("gpt-5-mini-2025-08-07"))))
    # and 1,000 at 0.125 and 100 at 1.00 a million
    assert (call.cost.total_usd, call.cost.price_id, call.cost.tier) == ("0.00027", None, "batch")


def test_an_answer_without_a_price_is_named_beside_the_others():
    cost = cost_of_exchange(download(line("a", chat()), line("b", chat("gpt-99"))))
    assert (cost.status, cost.total_usd) == ("estimated", NANO)
    assert cost.note.endswith("results not in the figure: 1")


def test_answers_that_all_have_no_price_have_no_cost():
    cost = cost_of_exchange(download(line("a", chat("gpt-99")), line("b", chat("gpt-99"))))
    assert (cost.status, cost.total_usd) == ("unknown_model", None)


def test_moderations_in_a_batch_are_free():
    rows = [line(name, {"id": "modr-1", "model": "omni-moderation-latest", "results": []}) for name in "ab"]
    cost = cost_of_exchange(download(*rows))
    assert (cost.status, cost.total_usd) == ("not_billed", "0")


def test_an_answer_of_a_batch_without_usage_is_named():
    bare = {"id": "chatcmpl-1", "model": "gpt-5-nano", "choices": []}
    cost = cost_of_exchange(download(line("a", chat()), line("b", bare)))
    assert (cost.status, cost.total_usd) == ("estimated", NANO)


def test_a_container_that_ran_in_a_batch_is_named():
    ran = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-5-nano",
        "output": [{"type": "code_interpreter_call"}],
    }
    usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    cost = cost_of_exchange(download(line("a", {**ran, "usage": usage})))
    assert cost.note == "code_interpreter_call not in the figure: the answer has no count"


@pytest.mark.parametrize(
    "body",
    [
        jsonl({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}),
        jsonl({"messages": [{"role": "user", "content": "hi"}]}),
        jsonl({"custom_id": "a"}),
        b"\x89PNG\r\n\x1a\n",
        b"[1, 2]",
        b"",
    ],
    ids=["requests of a batch", "training data", "an id alone", "a picture", "a list", "nothing"],
)
def test_another_file_costs_nothing(body):
    made = download(body=body)
    assert (cost_of_exchange(made).note, decode(made).call.tokens) == ("the operation runs no model", None)


def test_the_same_file_is_priced_once_and_another_one_too():
    price = Priced()
    rows = [line("a", chat()), line("b", chat())]
    other = download(*rows, route="/files/file-2/content")
    calls = [price(made) for made in (download(*rows), download(*rows), other)]
    assert [call.cost.total_usd for call in calls] == ["0.00009", "0", "0.00009"]
    assert [call.is_usage_repeated for call in calls] == [False, True, False]


def test_the_file_of_another_account_is_another_file():
    price = Priced()
    calls = [price(download(line("a", chat()), account=name)) for name in ("one", "two")]
    assert [call.cost.total_usd for call in calls] == [NANO, NANO]


@pytest.mark.parametrize(
    "changes",
    [{"closing": "closed"}, {"body": jsonl(line("a", chat())) + b"{"}],
)
def test_a_part_of_a_file_bounds_the_cost(changes):
    cost = cost_of_exchange(download(line("a", chat()), **changes))
    assert (cost.status, cost.total_usd) == ("bound", NANO)
    assert cost.note == "at least this much: not all of the results in the file were read"


def test_a_file_that_was_cut_says_so_and_how_many_of_its_results_are_in_the_figure():
    cost = cost_of_exchange(
        download(line("a", chat()), line("b", chat("gpt-5-mini-2025-08-07")), response_state="truncated")
    )
    assert (cost.status, cost.total_usd) == ("bound", "0.00027")
    assert cost.note == (
        "at least this much: the file of results was larger than what is kept (max_exchange_bytes, "
        "max_total_bytes); results in the figure: 2"
    )


def test_a_download_is_no_model_run_but_for_its_cost():
    call = Priced()(download(line("a", chat()), line("b", chat())))
    assert (call.tokens, call.usage, call.model_responded, call.service_tier) == (None, None, None, None)


@pytest.mark.parametrize("status", ["validating", "completed"])
def test_what_a_batch_says_of_its_usage_is_billed_by_its_results(status):
    usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    batch = {"id": "batch_1", "object": "batch", "status": status, "model": "gpt-5-nano", "usage": usage}
    for method in ("GET", "POST"):
        made = exchange(batch, route="/batches", options=Options(method=method, route="/batches"))
        assert (cost_of_exchange(made).status, cost_of_exchange(made).total_usd) == ("not_billed", "0")


def test_only_so_many_files_are_remembered():
    downloads, call = DownloadsOnce(max_files=2), decode(download(line("a", chat()))).call
    made = [download(line("a", chat()), route=f"/files/file-{n}/content") for n in range(3)]
    assert [downloads.already_priced(call, one, 5) for one in (*made, made[2], made[0])] == [0, 0, 0, 5, 0]


@given(
    prompts=st.lists(st.integers(min_value=0, max_value=300_000), min_size=1, max_size=8),
    cut=st.integers(min_value=0, max_value=8),
)
def test_a_file_read_in_two_goes_costs_what_it_costs_in_one(prompts, cut):
    rows = [line(str(n), chat("gpt-5.4-2026-03-05", prompt)) for n, prompt in enumerate(prompts)]
    first, whole = rows[:cut], cost_of_exchange(download(*rows))
    price = Priced()
    parts = [price(download(*some)).cost for some in (first, rows) if some]
    assert sum(_amount(cost) for cost in parts) == _amount(whole)


@given(prompts=st.lists(st.integers(min_value=0, max_value=300_000), min_size=1, max_size=8))
def test_a_file_costs_what_its_answers_cost_in_a_batch_one_by_one(prompts):
    rows = [line(str(n), chat("gpt-5.4-2026-03-05", prompt)) for n, prompt in enumerate(prompts)]
    single = sum(_amount(cost_of_exchange(download(row))) for row in rows)
    assert _amount(cost_of_exchange(download(*rows))) == single


def _amount(cost):
    """The figure as a whole number, of US dollars to the minus twelve."""
    scaled = float(cost.total_usd) * 10**12
    assert round(scaled) == pytest.approx(scaled)
    return round(scaled)
