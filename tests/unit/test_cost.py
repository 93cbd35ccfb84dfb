"""What a call costs: each status, each class of tokens, worked out by hand from the price pages."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costing import call_of, claude, claude_tokens, cost_of, openai_tokens
from llm_observer.call import Cost, ErrorInfo, Request, Tokens, ToolUse
from llm_observer.money import billed_usd

PARTS = ("input_usd", "cache_read_usd", "cache_write_usd", "output_usd", "server_tools_usd")
BY_TTL = ("cache_write_5m_usd", "cache_write_30m_usd", "cache_write_1h_usd", "cache_write_12h_usd")


def sum_of(cost, fields=PARTS):
    return sum(
        (Decimal(amount) for field in fields if (amount := getattr(cost, field)) is not None), Decimal(0)
    )


def test_full_usage_at_a_known_price_is_exact():
    cost = cost_of(call_of("gpt-4o-2024-08-06", openai_tokens(cache_read=400)))
    # 600 at 2.50, 400 read at 1.25, 100 out at 10.00 a million
    expected = Cost(
        status="exact",
        total_usd="0.003",
        input_usd="0.0015",
        cache_read_usd="0.0005",
        output_usd="0.001",
        source="genai-prices",
        price_id="openai/gpt-4o",
    )
    assert cost == expected


def test_cached_input_is_not_charged_as_input_again():
    cost = cost_of(
        call_of("gpt-5.6-terra", openai_tokens(cache_read=600, cache_write=300, cache_write_30m=300))
    )
    # 100 at 2.00, 600 read at 0.20, 300 written at 2.50, 100 out at 12.00
    assert (cost.input_usd, cost.cache_read_usd, cost.cache_write_usd) == ("0.0002", "0.00012", "0.00075")
    assert (cost.cache_write_30m_usd, cost.total_usd, cost.status) == ("0.00075", "0.00227", "exact")


def test_each_lifetime_of_a_claude_cache_write_has_its_own_rate():
    tokens = claude_tokens(cache_read=10_000, cache_write=3000, cache_write_5m=1000, cache_write_1h=2000)
    cost = cost_of(claude("claude-opus-5", tokens))
    # 1,000 at 5.00, 10,000 read at 0.50, 1,000 at 6.25, 2,000 at 10.00, 100 out at 25.00
    assert (cost.cache_write_5m_usd, cost.cache_write_1h_usd) == ("0.00625", "0.02")
    assert (cost.cache_write_usd, cost.cache_read_usd) == ("0.02625", "0.005")
    assert (cost.total_usd, cost.status) == ("0.03875", "exact")


def test_an_hour_costs_twice_the_input_on_every_claude_where_the_list_has_no_rate():
    tokens = claude_tokens(cache_write=1000, cache_write_5m=0, cache_write_1h=1000)
    cost = cost_of(claude("anthropic.claude-3-5-sonnet-20241022-v2:0", tokens, provider="aws.bedrock"))
    assert (cost.cache_write_1h_usd, cost.status) == ("0.006", "exact")


def test_a_write_of_unknown_lifetime_bounds_the_cost_from_below():
    cost = cost_of(claude("claude-opus-5", claude_tokens(cache_write=1000)))
    assert (cost.status, cost.cache_write_usd, cost.cache_write_5m_usd) == ("bound", "0.00625", None)
    assert cost.note == "at least this much: the lifetime of a cache write is unknown"


def test_only_the_part_of_unknown_lifetime_is_bounded():
    cost = cost_of(claude("claude-opus-5", claude_tokens(cache_write=3000, cache_write_1h=1000)))
    assert (cost.status, cost.cache_write_1h_usd, cost.cache_write_usd) == ("bound", "0.01", "0.0225")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"model":"gpt-5.6-sol"}', "exact"),
        (b'{"prompt_cache_options":{"ttl":"12h"}}', "bound"),
        (None, "bound"),
    ],
    ids=["default", "12h", "body unknown"],
)
def test_an_openai_write_has_the_default_lifetime_unless_the_request_asked_for_another(body, status):
    call = call_of("gpt-5.6-sol", openai_tokens(cache_write=500), operation="chat")
    state = "empty" if body is None else "kept"
    cost = cost_of(call, request_body=body, request_state=state)
    assert (cost.status, cost.cache_write_usd) == (status, "0.0025")


def test_a_write_for_twelve_hours_has_no_price():
    cost = cost_of(call_of("gpt-5.6-sol", openai_tokens(cache_write=500, cache_write_12h=500)))
    assert (cost.status, cost.total_usd, cost.input_usd) == ("tier_unpriced", None, None)
    assert cost.note == "no price for cache writes of 12h"


@pytest.mark.parametrize(
    ("model", "tokens", "total"),
    [
        ("gpt-5.6-sol", openai_tokens(input_total=272_000), "1.09"),  # 4 and 20
        ("gpt-5.6-sol", openai_tokens(input_total=272_001), "2.179008"),  # 8 and 30, on all tokens
        ("gpt-5.6-sol", openai_tokens(input_total=272_001, cache_read=272_000), "0.220608"),  # read at 0.80
        ("claude-sonnet-4-5", claude_tokens(200_000), "0.6015"),  # 3 and 15
        ("claude-sonnet-4-5", claude_tokens(1, cache_read=200_000), "0.122256"),  # 6, 0.60 and 22.50
        ("claude-haiku-5-5", claude_tokens(100_001), "0.0502505"),  # 0.50 and 2.50
    ],
    ids=["272k", "over 272k", "over 272k cached", "200k", "over 200k with the cache", "over 100k"],
)
def test_a_long_prompt_is_charged_at_the_long_rate_on_all_of_its_tokens(model, tokens, total):
    cost = cost_of(claude(model, tokens) if "claude" in model else call_of(model, tokens))
    assert (cost.total_usd, cost.status) == (total, "exact")


def test_the_price_of_the_day_of_the_call_counts():
    call = call_of("gpt-5.6-sol", openai_tokens())
    assert [cost_of(call, at=day).total_usd for day in ("2026-08-20T23:59:59", "2026-08-21T00:00:00")] == [
        "0.008",  # 5.00 and 30.00
        "0.006",  # 4.00 and 20.00
    ]


def test_the_price_of_the_hour_of_the_call_counts():
    call = call_of("deepseek-v4-pro", openai_tokens(), provider="deepseek", operation="chat")
    hours = ("2026-11-20T00:59:59", "2026-11-20T01:00:00", "2026-11-20T04:00:00")
    assert [cost_of(call, at=hour).total_usd for hour in hours] == ["0.000858", "0.001716", "0.000858"]


def test_web_searches_are_charged_by_the_thousand():
    tools = {"web_search_requests": 3, "web_fetch_requests": 2}
    cost = cost_of(claude("claude-opus-5", claude_tokens(), server_tool_use=tools))
    assert (cost.server_tools_usd, cost.total_usd, cost.status) == ("0.03", "0.0375", "exact")


def test_a_search_without_a_price_is_named_and_left_out():
    call = claude(
        "global.anthropic.claude-opus-5",
        claude_tokens(),
        provider="aws.bedrock",
        server_tool_use={"web_search_requests": 3},
    )
    cost = cost_of(call)
    assert (cost.status, cost.total_usd, cost.server_tools_usd) == ("estimated", "0.0075", None)


def test_audio_has_its_own_rates():
    tokens = openai_tokens(input_audio=800, output_audio=60)
    cost = cost_of(call_of("gpt-audio", tokens, operation="chat"))
    # 200 at 2.50, 800 audio at 32.00; 40 at 10.00, 60 audio at 64.00
    assert (cost.input_usd, cost.output_usd, cost.status) == ("0.0261", "0.00424", "exact")


def test_cached_audio_is_read_at_its_own_rate():
    tokens = openai_tokens(input_audio=800, cache_read=500, cache_read_audio=300, output=0)
    cost = cost_of(call_of("gpt-realtime-mini", tokens))
    # fresh: 500 of which 500 audio at 10.00; read: 300 audio at 0.30, 200 text at 0.06
    assert (cost.input_usd, cost.cache_read_usd) == ("0.005", "0.000102")


@pytest.mark.parametrize("side", ["input", "output"])
def test_audio_without_a_rate_of_its_own_costs_at_least_what_text_does(side):
    tokens = openai_tokens(**{f"{side}_audio": 60})
    cost = cost_of(call_of("gpt-4o-audio-preview", tokens, operation="chat"))
    assert (cost.status, cost.note) == ("bound", f"at least this much: audio {side} at the rate of text")


def test_reasoning_that_the_total_proves_to_be_apart_is_charged_as_output():
    tokens = openai_tokens(reasoning=50, total=1150)
    apart = cost_of(call_of("grok-4-fast", tokens, provider="x_ai", operation="chat"))
    inside = cost_of(
        call_of("grok-4-fast", openai_tokens(reasoning=50, total=1100), provider="x_ai", operation="chat")
    )
    assert (apart.output_usd, inside.output_usd) == ("0.000075", "0.00005")


def test_more_reasoning_than_output_is_charged_beside_it():
    tokens = openai_tokens(input_total=57, output=10, reasoning=37, total=67)
    call = call_of("google/gemini-2.5-flash", tokens, provider="vercel", operation="chat")
    # 57 at 0.30 and 47 at 2.50: what Vercel itself stated for this answer
    assert cost_of(call, stated="0.0001346").difference_usd == "0"


def test_tokens_that_only_googles_total_has_are_thoughts_and_charged_as_output():
    tokens = openai_tokens(input_total=35, output=12, total=109)
    call = call_of("gemini-2.5-pro", tokens, provider="gcp.gemini", operation="chat")
    cost = cost_of(call)
    # 35 at 1.25, 12 and 62 at 10.00
    assert (cost.input_usd, cost.output_usd, cost.total_usd) == ("0.00004375", "0.00074", "0.00078375")
    note = "62 tokens that only the provider's total has: priced as output"
    assert (cost.status, cost.note) == ("estimated", note)


def test_an_answer_of_thoughts_alone_is_charged_for_them():
    tokens = openai_tokens(input_total=35, output=None, total=135)
    cost = cost_of(call_of("gemini-2.5-pro", tokens, provider="gcp.vertex_ai", operation="chat"))
    assert (cost.status, cost.output_usd) == ("estimated", "0.001")


def test_thoughts_that_google_counts_are_charged_once():
    tokens = openai_tokens(input_total=35, output=12, reasoning=62, total=109)
    cost = cost_of(call_of("gemini-2.5-pro", tokens, provider="gcp.gemini", operation="chat"))
    assert (cost.status, cost.output_usd) == ("exact", "0.00074")


def test_tokens_that_only_the_total_of_another_provider_has_are_named_and_not_charged():
    cost = cost_of(call_of("gpt-4o", openai_tokens(total=1150)))
    note = "50 tokens that only the provider's total has: not in the figure"
    assert (cost.status, cost.total_usd, cost.note) == ("estimated", "0.0035", note)


@pytest.mark.parametrize("total", [1100, 1050, 1475], ids=["the sum", "less", "with Mistral's audio"])
def test_a_total_that_the_counts_explain_leaves_no_doubt(total):
    tokens = openai_tokens(input_audio=375, total=total)
    cost = cost_of(call_of("gpt-audio", tokens, operation="chat"))
    assert cost.status == "exact"


def test_an_embedding_has_no_output_to_charge():
    cost = cost_of(call_of("text-embedding-3-small", openai_tokens(output=None), operation="embeddings"))
    assert (cost.total_usd, cost.output_usd, cost.status) == ("0.00002", None, "exact")


def test_zero_tokens_cost_zero():
    cost = cost_of(call_of("gpt-4o", openai_tokens(input_total=0, output=0)))
    assert (cost.total_usd, cost.status) == ("0", "exact")


def test_a_model_nobody_lists_has_no_cost():
    cost = cost_of(call_of("nobody-knows-1", openai_tokens()))
    assert cost == Cost(status="unknown_model", note="no price for the model: set one with prices={…}")


def test_the_requested_model_prices_an_answer_that_names_none():
    cost = cost_of(call_of(None, openai_tokens(), model_requested="gpt-4o"))
    assert (cost.total_usd, cost.status) == ("0.0035", "exact")


def test_the_answering_model_counts_not_the_requested_one():
    cost = cost_of(call_of("gpt-4o-mini-2024-07-18", openai_tokens(), model_requested="gpt-4o"))
    assert (cost.price_id, cost.status) == ("openai/gpt-4o-mini", "exact")


def test_the_requested_price_for_an_unknown_answering_model_is_an_estimate():
    cost = cost_of(call_of("alias-of-ours", openai_tokens(), model_requested="gpt-4o"))
    assert (cost.price_id, cost.status) == ("openai/gpt-4o", "estimated")


def test_a_stream_without_usage_is_counted_and_not_guessed():
    cost = cost_of(call_of("gpt-4o", None, operation="chat", is_stream=True))
    note = "ask for usage in streams: stream_options={'include_usage': True}"
    assert cost == Cost(status="usage_absent", note=note)
    assert billed_usd(cost) is None


@pytest.mark.parametrize("operation", ["images", "audio", "rerank", "images:post"])
def test_a_model_run_without_token_counts_has_no_cost(operation):
    assert cost_of(call_of("gpt-image-1", None, operation=operation)).status == "usage_absent"


def test_a_stream_left_before_its_final_usage_is_an_estimate():
    cost = cost_of(claude("claude-opus-5", claude_tokens(output=1), is_stream=True, ending="closed_early"))
    assert (cost.status, cost.total_usd) == ("estimated", "0.005025")


def test_a_stream_left_after_its_final_usage_is_exact():
    call = claude(
        "claude-opus-5", claude_tokens(), is_stream=True, ending="closed_early", finish_reasons=("end_turn",)
    )
    assert cost_of(call).status == "exact"


@pytest.mark.parametrize(
    "fields",
    [
        {"status": 429, "error": ErrorInfo(type="rate_limit_error")},
        {"status": 502},
        {"status": None, "error": ErrorInfo(exception="APIConnectionError")},
        {"status": 200, "error": ErrorInfo(type="overloaded_error"), "ending": "error"},
        {"ending": "local"},
        {"operation": "count_tokens"},
        {"operation": "files:post"},
        {"operation": "responses:delete"},
        {"request": Request(is_background=True)},
    ],
    ids=[
        "refused",
        "refused without a word",
        "no answer",
        "error in the stream",
        "local",
        "count_tokens",
        "file",
        "delete",
        "background",
    ],
)
def test_what_no_provider_bills_costs_nothing(fields):
    cost = cost_of(call_of("gpt-4o", None, **fields))
    assert (cost.status, cost.total_usd, billed_usd(cost)) == ("not_billed", "0", Decimal(0))


def test_repeated_usage_costs_nothing_again():
    cost = cost_of(call_of("gpt-4o", openai_tokens(), is_usage_repeated=True), stated="1.5")
    assert (cost.status, cost.total_usd, cost.provider_usd) == ("not_billed", "0", None)


def test_an_error_that_names_usage_is_priced_and_an_estimate():
    cost = cost_of(call_of("gpt-4o", openai_tokens(), status=400, error=ErrorInfo(code="tool_use_failed")))
    assert (cost.status, cost.total_usd) == ("estimated", "0.0035")  # 2.50 and 10.00 a million


def test_an_error_that_states_a_cost_keeps_it():
    call = call_of(
        "openai/gpt-4o",
        None,
        provider="openrouter",
        status=502,
        error=ErrorInfo(code="502"),
        operation="chat",
    )
    cost = cost_of(call, stated="0.002")
    assert (cost.status, cost.provider_usd, billed_usd(cost)) == ("not_billed", "0.002", Decimal("0.002"))


def test_a_local_answer_costs_nothing_whatever_it_states():
    call = call_of("openai/gpt-4o", openai_tokens(), provider="openrouter", ending="local")
    cost = cost_of(call, stated="0.0035")
    assert (cost.status, cost.total_usd, cost.provider_usd) == ("not_billed", "0", None)


def test_an_answer_that_never_left_the_client_costs_nothing():
    assert cost_of(call_of("gpt-4o", openai_tokens()), closing="local").status == "not_billed"


def test_a_broken_stream_is_not_called_free():
    call = call_of("gpt-4o", None, is_stream=True, ending="error", error=ErrorInfo(exception="ReadError"))
    assert (cost_of(call).status, cost_of(call).note) == ("usage_absent", "the stream ended before its usage")


def test_more_cached_tokens_than_input_are_an_estimate():
    cost = cost_of(call_of("gpt-4o", openai_tokens(input_total=10, cache_read=1000)))
    assert (cost.status, cost.input_usd, cost.cache_read_usd) == ("estimated", "0", "0.00125")


@pytest.mark.parametrize(
    ("counts", "kind"),
    [
        ({"cache_read": 400}, "reads"),
        ({"cache_write": 400}, "writes"),
        ({"cache_write": 400, "cache_write_5m": 400}, "writes"),
        ({"cache_write": 400, "cache_write_30m": 400}, "writes"),
    ],
    ids=["read", "write", "5m write", "30m write"],
)
def test_a_cache_without_a_rate_of_its_own_is_an_estimate(counts, kind):
    cost = cost_of(call_of("gpt-4-0125-preview", openai_tokens(**counts)))
    # 1,000 at 10.00, 100 out at 30.00; nothing is listed on a cache
    assert (cost.status, cost.note) == ("estimated", f"cache {kind} at the rate of input")
    assert cost.total_usd == "0.013"


def test_a_fee_per_request_that_no_answer_tells_is_named():
    cost = cost_of(call_of("sonar", openai_tokens(), provider="perplexity", operation="chat"))
    assert (cost.status, cost.note) == ("estimated", "a fee per request is not in the figure")


@pytest.mark.parametrize(
    ("tool", "counts", "status"),
    [
        ("web_search_call", None, "estimated"),
        ("web_search_call", {"web_search": 2}, "exact"),
        ("file_search_call", {"web_search": 0}, "estimated"),
        ("computer_call", None, "exact"),
    ],
)
def test_a_hosted_tool_that_ran_and_was_not_counted_is_named(tool, counts, status):
    call = call_of(
        "gpt-5", openai_tokens(), other_tools=(ToolUse(name=tool, kind="server"),), server_tool_use=counts
    )
    cost = cost_of(call)
    assert cost.status == status
    assert (cost.note is None) == (status == "exact")
    assert cost.note is None or cost.note.startswith(f"{tool} not in the figure")


def test_output_that_nobody_counted_is_an_estimate():
    assert cost_of(call_of("gpt-4o", openai_tokens(output=None))).note == "the output tokens are unknown"


def test_counts_of_neither_input_nor_output_are_no_usage():
    assert cost_of(call_of("gpt-4o", Tokens(total=5))).status == "usage_absent"


def test_the_figure_of_the_provider_stands_beside_ours_and_counts_in_sums():
    call = call_of("openai/gpt-4o", openai_tokens(), provider="openrouter", operation="chat")
    cost = cost_of(call, stated="0.00360")
    assert (cost.provider_usd, cost.total_usd, cost.difference_usd) == ("0.0036", "0.0035", "0.0001")
    assert billed_usd(cost) == Decimal("0.0036")


def test_the_figure_of_the_provider_stands_alone_where_we_have_none():
    call = call_of("new/model", openai_tokens(), provider="openrouter", operation="chat")
    cost = cost_of(call, stated="1e-7")
    assert (cost.status, cost.source, cost.provider_usd) == ("unknown_model", "provider", "0.0000001")
    assert (cost.total_usd, cost.difference_usd, billed_usd(cost)) == (None, None, Decimal("1e-7"))


@pytest.mark.parametrize("stated", ["NaN", "x", "", "1e-999999", "1e999999", "-Infinity", f"0.{'1' * 60}"])
def test_a_figure_that_is_no_amount_is_left_out(stated):
    cost = cost_of(call_of("gpt-4o", openai_tokens()), stated=stated)
    assert (cost.provider_usd, cost.status) == (None, "exact")


@pytest.mark.parametrize(("stated", "status"), [("0.0035", "exact"), ("0.0036", "estimated")])
def test_a_figure_that_the_provider_contradicts_is_an_estimate(stated, status):
    call = call_of("openai/gpt-4o", openai_tokens(), provider="openrouter", operation="chat")
    assert cost_of(call, stated=stated).status == status


def test_the_difference_has_all_its_digits_in_any_decimal_context():
    price = {"prices": {"mine": {"input": "1.123456789", "output": 0}}, "discount": "0.333333333333333"}
    call = call_of("mine", openai_tokens(input_total=1_234_567), provider="openrouter", operation="chat")
    with localcontext(Context(prec=3, traps=[])):
        cost = cost_of(call, price, stated="0.01")
    own = Fraction("1.123456789") * 1_234_567 / 10**6 * (1 - Fraction("0.333333333333333"))
    assert Fraction(cost.total_usd) == own
    assert Fraction(cost.difference_usd) == Fraction("0.01") - own


def test_a_model_that_is_free_by_name_costs_zero():
    call = call_of("allenai/molmo-7b-d:free", openai_tokens(), provider="openrouter", operation="chat")
    assert (cost_of(call).status, cost_of(call).total_usd) == ("exact", "0")


def test_a_free_model_that_was_asked_for_says_nothing_of_another_that_answered():
    call = call_of(
        "nobody-knows-1",
        openai_tokens(),
        provider="openrouter",
        model_requested="google/gemini-2.0-flash-exp:free",
        operation="chat",
    )
    assert cost_of(call).status == "unknown_model"


counts = st.integers(min_value=0, max_value=2_000_000)


@st.composite
def any_tokens(draw):
    split = {kind: draw(counts | st.none()) for kind in ("cache_write_5m", "cache_write_1h")}
    known = [count for count in split.values() if count is not None]
    cached = {"cache_read": draw(counts | st.none()), "cache_write": sum(known) + draw(counts)}
    fresh = draw(counts)
    total = fresh + sum(count for count in cached.values() if count is not None)
    return Tokens(input_reported=fresh, input_total=total, output=draw(counts), **cached, **split)


@given(tokens=any_tokens(), model=st.sampled_from(["claude-opus-5", "claude-sonnet-4-5", "claude-haiku-5-5"]))
def test_the_parts_sum_to_the_total(tokens, model):
    cost = cost_of(claude(model, tokens))
    assert sum_of(cost) == Decimal(cost.total_usd)
    assert sum_of(cost, BY_TTL) <= Decimal(cost.cache_write_usd)


@given(tokens=any_tokens())
def test_no_token_is_charged_twice_or_left_out(tokens):
    rate = {"input": 1, "output": 1, "cache_read": 1, "cache_write": 1, "cache_write_1h": 1}
    cost = cost_of(claude("mine", tokens), {"prices": {"mine": rate}})
    assert Decimal(cost.total_usd) * 1_000_000 == tokens.input_total + tokens.output


@given(tokens=any_tokens(), times=st.integers(min_value=1, max_value=1000))
def test_a_call_of_many_times_the_tokens_costs_as_many_times_more(tokens, times):
    fields = tokens.__struct_fields__
    scaled = Tokens(**{name: None if (n := getattr(tokens, name)) is None else n * times for name in fields})
    once, often = (cost_of(claude("claude-opus-5", some)) for some in (tokens, scaled))
    assert Decimal(once.total_usd) * times == Decimal(often.total_usd)
