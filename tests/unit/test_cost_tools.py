"""Hosted tools: searches, files, containers, what another model did; by hand from the price pages."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanging import exchange
from llm_observer.adapters import decode
from llm_observer.call import Cost
from llm_observer.enrichers.combining import combined, with_more
from recorded_costs import cost_of_exchange, recorded_cost

USAGE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 100,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 1100,
}
NO_IMAGES = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
SEARCH = {"type": "web_search_call", "action": {"type": "search", "query": "q"}}
OPEN_PAGE = {"type": "web_search_call", "action": {"type": "open_page", "url": "u"}}
FILES = {"type": "file_search_call", "queries": ["q"]}
DRAWING = {"type": "image_generation_call", "status": "completed", "result": "iVBO"}


def response(items, model="gpt-5.4", **changes):
    shape = {"id": "resp_1", "object": "response", "status": "completed", "model": model}
    return {**shape, "output": items, "usage": USAGE, **changes}


def answered(items, model="gpt-5.4", tools=({"type": "web_search"},), **changes):
    """The cost of a Responses answer with *items* to a request that offered *tools*."""
    request = {"model": model, "input": "hi", **({"tools": list(tools)} if tools else {})}
    return cost_of_exchange(exchange(response(items, model, **changes), route="/responses", request=request))


def billable(searches, **images):
    return {"image_gen": {**NO_IMAGES, **images}, "web_search": {"num_requests": searches}}


def test_searches_that_openai_counts_cost_a_cent_each():
    cost = answered([SEARCH, SEARCH, OPEN_PAGE], tool_usage=billable(2))
    # 1,000 at 2.50 and 100 at 15.00 a million, and two at 10.00 a thousand
    assert (cost.status, cost.server_tools_usd, cost.total_usd) == ("exact", "0.02", "0.024")


def test_a_recorded_search_is_priced_by_the_count_that_came_with_it():
    cost = recorded_cost("66129c6f8a81cca2")
    # gpt-4.1 with the tool that is no preview: 16,855 at 2.00 and 179 at 8.00, as before, and one search
    assert (cost.status, cost.server_tools_usd, cost.total_usd) == ("exact", "0.01", "0.045142")


def test_searches_that_openai_does_not_bill_cost_nothing():
    cost = answered([SEARCH], tool_usage=billable(0))
    assert (cost.status, cost.server_tools_usd) == ("exact", "0")


def test_searches_without_a_count_are_those_that_the_answer_shows():
    cost = answered([SEARCH, {"type": "web_search_call"}, OPEN_PAGE])
    assert (cost.status, cost.server_tools_usd) == ("estimated", "0.02")
    assert cost.note == "web searches as the answer shows them, not as they are billed"


@pytest.mark.parametrize(
    ("model", "tool", "status", "usd"),
    [
        ("gpt-4.1", "web_search_preview", "exact", "0.025"),
        ("gpt-4.1", "web_search_preview_2025_03_11", "exact", "0.025"),
        ("gpt-4.1", "web_search", "exact", "0.01"),
        ("gpt-4.1-mini", "web_search_preview", "exact", "0.025"),
        ("gpt-4.1-mini", "web_search", "estimated", "0.01"),
        ("gpt-4o-mini", "web_search", "estimated", "0.01"),
        ("gpt-5.4", "web_search_preview", "exact", "0.01"),
        ("o3", "web_search_preview", "exact", "0.01"),
        ("o3-deep-research", "web_search_preview", "exact", "0.01"),
        ("gpt-4.1", None, "estimated", "0.01"),
        ("gpt-5.4", None, "exact", "0.01"),
    ],
)
def test_the_preview_of_web_search_has_its_own_price_on_models_that_do_not_reason(model, tool, status, usd):
    tools = [{"type": tool}] if tool else None
    cost = answered([SEARCH], model, tools, tool_usage=billable(1))
    assert (cost.status, cost.server_tools_usd) == (status, usd)


def test_a_private_price_of_searches_has_no_rule_on_top():
    request = {"model": "gpt-4.1", "input": "hi", "tools": [{"type": "web_search_preview"}]}
    made = exchange(
        response([SEARCH], "gpt-4.1", tool_usage=billable(1)), route="/responses", request=request
    )
    cost = cost_of_exchange(made, {"prices": {"openai/gpt-4.1": {"input": 1, "output": 1, "web_search": 4}}})
    assert (cost.server_tools_usd, cost.total_usd) == ("0.004", "0.0051")


@pytest.mark.parametrize(
    "model", ["gpt-4o-search-preview", "gpt-4o-search-preview-2025-03-11", "gpt-5-search-api"]
)
def test_the_fee_of_a_chat_model_that_searches_by_itself_is_named(model):
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    cost = cost_of_exchange(exchange({"id": "chatcmpl-1", "model": model, "choices": [], "usage": usage}))
    assert (cost.status, cost.note) == (
        "estimated",
        "a fee per search is not in the figure: the answer has no count",
    )


def test_what_xai_states_is_our_figure_with_its_searches():
    """Values of a recorded answer of grok-4.3, which searched twice."""
    usage = {
        "input_tokens": 5689,
        "input_tokens_details": {"cached_tokens": 2048},
        "output_tokens": 444,
        "output_tokens_details": {"reasoning_tokens": 245},
        "total_tokens": 6133,
        "server_side_tool_usage_details": {"web_search_calls": 2, "x_search_calls": 0},
        "cost_in_usd_ticks": 160708500,
    }
    items = [SEARCH, SEARCH]
    made = exchange(
        {**response(items, "grok-4.3"), "usage": usage}, route="/responses", request={"model": "grok-4.3"}
    )
    made.url = "https://api.x.ai/v1/responses"
    cost = cost_of_exchange(made)
    # 3,641 at 1.25, 2,048 read at 0.20, 444 at 2.50 a million, and two searches at 5.00 a thousand
    assert (cost.provider_usd, cost.server_tools_usd) == ("0.01607085", "0.01")
    assert (cost.total_usd, cost.difference_usd) == ("0.01607085", "0")


def test_what_xai_states_of_a_picture_stands_where_we_have_no_price():
    cost = recorded_cost("f014becdc99c0b37")
    assert (cost.provider_usd, cost.total_usd, cost.source) == ("0.02", None, "provider")


def test_a_cost_of_zero_that_azure_sends_with_grok_is_none():
    usage = {
        "prompt_tokens": 205,
        "completion_tokens": 18,
        "total_tokens": 223,
        "cost_in_usd_ticks": 0,
        "num_sources_used": 0,
    }
    assert decode(exchange({"id": "a", "model": "grok-4", "usage": usage})).provider_cost_usd is None


def test_a_recorded_file_search_costs_a_quarter_of_a_cent():
    cost = recorded_cost("86ea2be93746d625")
    assert (cost.status, cost.server_tools_usd, cost.total_usd) == ("exact", "0.0025", "0.00574")


def test_a_file_search_where_none_has_a_price_is_named():
    cost = answered([FILES], "gpt-5.3-codex")
    assert (cost.status, cost.server_tools_usd) == ("estimated", None)
    assert cost.note == "file searches are not in the figure: no price"


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"type": "code_interpreter_call", "container_id": "c"}, "code_interpreter_call"),
        ({"type": "shell_call", "environment": {"type": "container_reference"}}, "shell_call"),
    ],
    ids=["code interpreter", "hosted shell"],
)
def test_a_container_whose_minutes_nobody_tells_is_named(item, name):
    cost = answered([item], tools=None)
    assert (cost.status, cost.total_usd) == ("estimated", "0.004")
    assert cost.note == f"{name} not in the figure: the answer has no count"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "computer_call", "status": "completed"},
        {"type": "mcp_call", "name": "ask"},
        {"type": "tool_search_call"},
        {"type": "local_shell_call"},
        {"type": "shell_call", "environment": {"type": "local"}},
    ],
    ids=lambda item: item["type"],
)
def test_a_tool_that_is_billed_by_its_tokens_alone_adds_nothing(item):
    assert answered([item], tools=None).status == "exact"


def drawn(tool, **image_gen):
    counts = {"input_tokens": 60, "output_tokens": 1000, "total_tokens": 1060, **image_gen}
    split = {"input_tokens_details": {"image_tokens": 0, "text_tokens": 60}}
    return answered([DRAWING], tools=[tool], tool_usage=billable(0, **counts, **split))


def test_an_image_that_a_tool_made_has_the_price_of_the_model_that_the_request_names():
    cost = drawn({"type": "image_generation", "model": "gpt-image-1.5"})
    # 60 at 5.00 and 1,000 image tokens at 32.00 a million, beside 0.004 for the text
    assert (cost.status, cost.server_tools_usd, cost.total_usd) == ("exact", "0.0323", "0.0363")
    assert cost.price_id == "openai/gpt-5.4"


@pytest.mark.parametrize(
    ("tool", "counts"),
    [
        ({"type": "image_generation"}, {}),
        ({"type": "image_generation", "model": "gpt-image-9"}, {}),
        ({"type": "image_generation", "model": "gpt-image-1.5"}, {"cached_tokens": 40}),
    ],
    ids=["model unnamed", "model unknown", "read from a cache"],
)
def test_an_image_that_a_tool_made_without_a_known_price_is_named(tool, counts):
    cost = drawn(tool, **counts)
    assert (cost.status, cost.total_usd) == ("estimated", "0.004")
    assert cost.note == "tokens not in the figure: image_generation 1"


def test_an_image_that_a_tool_made_and_nobody_counted_is_named():
    cost = answered([DRAWING], tools=[{"type": "image_generation", "model": "gpt-image-2"}])
    assert cost.note == "image_generation_call not in the figure: the answer has no count"


def test_the_author_model_of_an_svg_is_priced_beside_the_image():
    usage = {"input_tokens": 100, "output_tokens": 1000, "total_tokens": 1100}
    author = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100, "reasoning_tokens": 0}
    answer = {"created": 1, "data": [{}], "usage": usage, "svg_usage": {**author, "model": "gpt-5.4"}}
    request = {"model": "gpt-image-2", "prompt": "a", "output_format": "svg"}
    cost = cost_of_exchange(exchange(answer, route="/images/generations", request=request))
    # 100 at 5.00 and 1,000 at 30.00, and the author's 1,000 at 2.50 and 100 at 15.00
    assert (cost.status, cost.total_usd) == ("exact", "0.0345")


def message(usage, blocks=(), tools=None, model="claude-sonnet-4-6"):
    """The cost of a Claude message to a request that offered *tools*."""
    shape = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn"}
    request = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    request |= {"tools": tools} if tools else {}
    counts = {"input_tokens": 1000, "output_tokens": 100, **usage}
    made = exchange(
        {**shape, "content": list(blocks), "usage": counts},
        sdk="anthropic",
        route="/v1/messages",
        request=request,
    )
    return cost_of_exchange(made)


CODE = {"type": "server_tool_use", "id": "s", "name": "bash_code_execution", "input": {}}


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["code_execution_20250825"], "estimated"),
        (["code_execution_20250825", "web_search_20250305"], "estimated"),
        (["code_execution_20250825", "web_search_20260209"], "exact"),
        (["code_execution_20260521", "web_fetch_20260318"], "exact"),
        (None, "estimated"),
    ],
)
def test_code_execution_is_free_with_the_newer_web_tools(kinds, status):
    tools = None if kinds is None else [{"type": kind, "name": kind[:-9]} for kind in kinds]
    cost = message({}, [CODE], tools)
    assert (cost.status, cost.total_usd) == (status, "0.0045")  # 1,000 at 3.00 and 100 at 15.00
    assert cost.note in {
        None,
        "code execution is not in the figure: by the hour past 1,550 free ones a month",
    }


def test_recorded_code_execution_without_a_web_tool_is_named():
    assert recorded_cost("84c0cffa08719717").status == "estimated"


def test_fetching_pages_is_free_and_searching_is_a_cent():
    usage = {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 5}}
    assert message(usage).server_tools_usd == "0.02"


def test_the_tokens_of_an_advisor_are_priced_at_its_own_rates():
    """A recorded answer of Claude Sonnet 5 whose usage leaves out what the advisor read and wrote."""
    cost = recorded_cost("4e110bf26c34cf4a")
    # 2,390 at 2.00 and 121 at 10.00; the advisor, Opus 4.8: 2,518 at 5.00 and 22 at 25.00
    assert (cost.status, cost.total_usd) == ("exact", "0.01913")
    assert (cost.input_usd, cost.output_usd) == ("0.01737", "0.00176")
    assert cost.price_id == "anthropic/claude-sonnet-5"


def entry(kind, **changes):
    counts = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"type": kind, "input_tokens": 2000, "output_tokens": 10, **counts, **changes}


def test_the_tokens_of_a_compaction_are_priced_at_the_rates_of_the_call():
    cost = message({"iterations": [entry("compaction"), entry("message")]})
    # 0.0045 for the call, 2,000 at 3.00 and 10 at 15.00 for the compaction
    assert (cost.status, cost.total_usd) == ("exact", "0.01065")


def test_an_advisor_without_a_price_is_named():
    cost = message({"iterations": [entry("advisor_message", model="claude-next-9")]})
    assert (cost.status, cost.total_usd) == ("estimated", "0.0045")
    assert cost.note == "tokens not in the figure: advisor 1"


def test_an_answer_of_a_fallback_model_is_an_estimate():
    cost = message({"iterations": [entry("fallback_message", model="claude-haiku-4-5")]})
    assert (cost.status, cost.note) == ("estimated", "tokens not in the figure: fallback 1")


@pytest.mark.parametrize(
    ("url", "model", "free"),
    [
        ("https://api.openai.com/v1/moderations", "omni-moderation-latest", True),
        ("https://gateway.test/v1/moderations", "text-moderation-007", True),
        ("https://api.mistral.ai/v1/moderations", "mistral-moderation-latest", False),
    ],
)
def test_moderation_is_free_at_openai(url, model, free):
    made = exchange(
        {"id": "modr-1", "model": model, "results": []}, route="/moderations", request={"input": "a"}
    )
    made.url = url
    assert (cost_of_exchange(made).status == "not_billed") == free


money = st.decimals(min_value=0, max_value=10_000, places=9)
PARTS = ("input_usd", "cache_read_usd", "cache_write_usd", "output_usd", "server_tools_usd")


@st.composite
def costs(draw):
    parts = {part: draw(money) for part in draw(st.sets(st.sampled_from(PARTS)))}
    total = sum(parts.values(), Decimal(0))
    status = draw(st.sampled_from(["exact", "estimated", "bound"]))
    shown = {part: f"{amount:f}" for part, amount in parts.items()}
    return Cost(status=status, total_usd=f"{total:f}", **shown)


@given(own=costs(), more=st.lists(costs(), max_size=4))
def test_the_parts_of_what_is_billed_together_sum_to_the_total(own, more):
    together = with_more(own, {str(place): one for place, one in enumerate(more)})
    for cost in (together, combined([own, *more])):
        shown = [Decimal(amount) for part in PARTS if (amount := getattr(cost, part)) is not None]
        assert sum(shown, Decimal(0)) == Decimal(cost.total_usd)
        assert Decimal(cost.total_usd) == sum((Decimal(one.total_usd) for one in (own, *more)), Decimal(0))


@given(more=st.lists(costs(), min_size=1, max_size=4))
def test_the_worst_status_of_several_figures_is_that_of_their_sum(more):
    order = ["estimated", "bound", "exact"]
    assert combined(more).status == min((cost.status for cost in more), key=order.index)


@given(counts=st.lists(st.integers(min_value=0, max_value=10_000), min_size=4, max_size=4))
def test_the_parts_of_an_answer_with_tools_and_an_advisor_sum_to_the_total(counts):
    fresh, output, advised, searches = counts
    usage = {
        "input_tokens": fresh,
        "output_tokens": output,
        "server_tool_use": {"web_search_requests": searches},
        "iterations": [entry("advisor_message", model="claude-opus-4-8", input_tokens=advised)],
    }
    cost = message(json.loads(json.dumps(usage)))
    shown = [Decimal(amount) for part in PARTS if (amount := getattr(cost, part)) is not None]
    assert sum(shown) == Decimal(cost.total_usd)


@pytest.mark.parametrize(
    ("model", "status", "total"),
    [
        ("ft:gpt-4o-2024-08-06:acme::abc", "exact", "0.00525"),  # 3.75 and 15.00 a million
        ("ft:gpt-4.1-2025-04-14:acme::abc", "unknown_model", None),
        ("gpt-4o-mini-tts-2025-12-15", "estimated", "0.0018"),  # as gpt-4o-mini-tts: 0.60 and 12.00
        ("computer-use-preview-2025-03-11", "exact", "0.0042"),  # 3.00 and 12.00
        ("o4-mini-deep-research-2025-06-26", "exact", "0.0028"),  # 2.00 and 8.00
    ],
)
def test_the_name_of_a_model_leads_to_its_price_or_to_none(model, status, total):
    cost = answered([], model, tools=None)
    assert (cost.status, cost.total_usd) == (status, total)
