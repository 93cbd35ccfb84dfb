"""Token counts: the provider's own numbers, found by tables; both views of input; nothing made up."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.adapters.fields import Notes
from llm_observer.adapters.usage import (
    ANTHROPIC,
    MAX_NUMBERS,
    OPENAI,
    flat_numbers,
    server_tool_counts,
    stated_cost,
    tokens_of,
)
from llm_observer.call import Tokens

ROWS = [
    pytest.param(table, kind, path, id=f"{name} {kind} {path}")
    for name, table in (("openai", OPENAI), ("anthropic", ANTHROPIC))
    for kind, paths in table.items()
    for path in paths
]
COUNTS = st.integers(0, 10**9)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from([part for row in ROWS for part in row.values[2].split(".")])
            | st.text(max_size=5),
            inside,
        )
    ),
    max_leaves=20,
)


def usage_at(path, value):
    """A usage that holds *value* at the dotted *path*."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def read(usage, table=OPENAI, **options):
    notes = Notes()
    return tokens_of(usage, table, notes, **options), list(notes)


def said(tokens):
    """Only what is known of *tokens*."""
    return msgspec.to_builtins(tokens)


@pytest.mark.parametrize(("table", "kind", "path"), ROWS)
@pytest.mark.parametrize("count", [0, 7, 7.0])
def test_each_place_of_each_table_is_read(table, kind, path, count):
    tokens, notes = read(usage_at(path, count), table)
    assert getattr(tokens, kind) == count
    assert notes == []


@pytest.mark.parametrize(("table", "kind", "path"), ROWS)
def test_a_wrong_type_in_any_place_is_unknown_with_a_note(table, kind, path):
    assert read(usage_at(path, "7"), table) == (None, ["usage_wrong_type"])


@pytest.mark.parametrize(("table", "kind", "path"), ROWS)
def test_the_first_place_that_holds_a_count_wins(table, kind, path):
    paths = table[kind]
    later = paths[paths.index(path) + 1 :]
    usage = usage_at(path, 3)
    for other in later:
        merge(usage, usage_at(other, 9))
    assert getattr(read(usage, table)[0], kind) == 3


def merge(one, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(one.setdefault(key, {}), dict):
            merge(one[key], value)
        else:
            one[key] = value


def test_openais_chat_usage_holds_the_cached_tokens_in_its_input():
    usage = {
        "prompt_tokens": 1200,
        "completion_tokens": 50,
        "total_tokens": 1250,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 40, "rejected_prediction_tokens": 2},
    }
    assert said(read(usage)[0]) == {
        "input_reported": 1200,
        "input_total": 1200,
        "input_uncached": 176,
        "cache_read": 1024,
        "output": 50,
        "total": 1250,
        "reasoning": 40,
        "input_audio": 3,
        "rejected_prediction": 2,
    }


def test_anthropics_usage_has_the_cache_apart_from_its_input():
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
        "output_tokens": 5,
    }
    assert said(read(usage, ANTHROPIC)[0]) == {
        "input_reported": 10,
        "input_total": 1110,
        "input_uncached": 10,
        "cache_read": 100,
        "cache_write": 1000,
        "cache_write_5m": 400,
        "cache_write_1h": 600,
        "output": 5,
    }


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "num_cached_tokens": 4}, {"cache_read": 4, "input_uncached": 5}),
        (
            {
                "prompt_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 4},
                "prompt_token_details": {"cached_tokens": 3},
            },
            {"cache_read": 4, "input_uncached": 5},
        ),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, {"cache_read": 4, "input_uncached": 5}),
        ({"prompt_tokens": 9, "cached_tokens": 0}, {"cache_read": 0, "input_uncached": 9}),
        ({"prompt_tokens": 9, "reasoning_tokens": 2}, {"reasoning": 2}),
        ({"input_tokens": 9, "input_token_details": {"audio_tokens": 8}}, {"input_audio": 8}),
        ({"input_tokens": 9, "output_tokens_details": {"image_tokens": 8}}, {"output_image": 8}),
    ],
    ids=["mistral", "mistral twice", "deepseek", "together", "perplexity", "transcription", "images"],
)
def test_vendors_write_the_same_count_in_other_places(usage, expected):
    tokens, notes = read(usage)
    assert said(tokens) == {"input_reported": 9, "input_total": 9, **expected}
    assert notes == []


@given(fresh=COUNTS, read_=COUNTS | st.none(), written=COUNTS | st.none())
def test_the_same_prompt_has_the_same_views_on_both_wires(fresh, read_, written):
    cached = [count for count in (read_, written) if count is not None]
    details = {"cached_tokens": read_, "cache_write_tokens": written}
    ours, _ = read({"prompt_tokens": fresh + sum(cached), "prompt_tokens_details": details})
    theirs, _ = read(
        {"input_tokens": fresh, "cache_read_input_tokens": read_, "cache_creation_input_tokens": written},
        ANTHROPIC,
    )
    assert ours.input_total == theirs.input_total == fresh + sum(cached)
    assert theirs.input_uncached == fresh
    # Without a cache field OpenAI's count says nothing of the cache.
    assert ours.input_uncached == (fresh if cached else None)


@given(total=COUNTS, cached=COUNTS, written=COUNTS)
def test_the_parts_of_input_never_exceed_it(total, cached, written):
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    tokens, _ = read({"input_tokens": total, "input_tokens_details": details})
    is_possible = cached + written <= total
    assert tokens.input_uncached == (total - cached - written if is_possible else None)
    assert (tokens.input_total, tokens.cache_read, tokens.cache_write) == (total, cached, written)


@pytest.mark.parametrize(
    ("table", "usage", "written"),
    [
        (ANTHROPIC, {"cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}}, 7),
        (ANTHROPIC, {"cache_creation": {"ephemeral_1h_input_tokens": 4}}, 4),
        (
            ANTHROPIC,
            {"cache_creation": {"ephemeral_1h_input_tokens": 4}, "cache_creation_input_tokens": 9},
            9,
        ),
        (
            OPENAI,
            {
                "input_tokens_details": {
                    "cache_write_tokens_details": {"ttl_30m_tokens": 3, "ttl_12h_tokens": 2}
                }
            },
            5,
        ),
    ],
)
def test_writes_by_time_to_live_are_summed_where_no_sum_is_given(table, usage, written):
    assert read(usage, table)[0].cache_write == written


def test_bedrocks_own_count_says_nothing_of_the_cache():
    tokens, _ = read({"inputTokenCount": 12, "outputTokenCount": 3}, ANTHROPIC)
    assert said(tokens) == {"input_reported": 12, "input_total": 12, "output": 3}


def test_bedrocks_own_cache_counts_are_added():
    tokens, _ = read({"inputTokenCount": 12, "cacheReadInputTokenCount": 3}, ANTHROPIC)
    assert (tokens.input_total, tokens.input_uncached) == (15, 12)


def test_a_lone_total_is_input_only_where_there_is_no_output():
    assert read({"total_tokens": 9}, is_input_only=True)[0].input_total == 9
    assert read({"total_tokens": 9})[0] == Tokens(total=9)
    assert read({"total_tokens": 9, "prompt_tokens": 8}, is_input_only=True)[0].input_total == 8


@pytest.mark.parametrize("table", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize("usage", [None, {}, [], 7, "x", {"cost": 1}, {"prompt_tokens": None}])
def test_a_usage_without_counts_is_none(table, usage):
    assert read(usage, table) == (None, [])


@pytest.mark.parametrize("table", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
def test_zeros_are_zeros(table):
    tokens, _ = read({"input_tokens": 0, "output_tokens": 0}, table)
    assert (tokens.input_total, tokens.output, tokens.cache_read) == (0, 0, None)


@given(usage=VALUES, table=st.sampled_from([OPENAI, ANTHROPIC]), is_input_only=st.booleans())
@settings(deadline=None)
def test_any_usage_can_be_read(usage, table, is_input_only):
    tokens, notes = read(usage, table, is_input_only=is_input_only)
    assert set(notes) <= {"usage_wrong_type"}
    assert all(type(count) is int and count >= 0 for count in said(tokens or Tokens()).values())
    for numbers in (flat_numbers(usage), server_tool_counts(usage)):
        msgspec.json.encode(numbers)
    cost = stated_cost(usage)
    assert cost is None or f"{Decimal(cost):f}" == cost


def test_numbers_keep_their_dotted_names_and_values():
    usage = {"a": 1, "b": {"c": 0.5, "d": {"e": -2}}, "text": "x", "flag": True, "none": None, "list": [1]}
    assert flat_numbers(usage) == {"a": 1, "b.c": 0.5, "b.d.e": -2}


@pytest.mark.parametrize("key", ["a b", "ä", "", "x" * 81, "a\n", "a/b"])
def test_a_key_that_is_no_name_is_left_out(key):
    assert flat_numbers({key: 1, "a": 2}) == {"a": 2}


def test_numbers_are_bounded_in_count_and_depth():
    assert len(flat_numbers({f"k{number}": number for number in range(1000)})) == MAX_NUMBERS
    deep = 1
    for _ in range(5000):
        deep = {"a": deep}
    assert flat_numbers(deep) == {}


@pytest.mark.parametrize("usage", [None, [], 7, "x"])
def test_without_a_usage_there_are_no_numbers(usage):
    assert flat_numbers(usage) is None


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"server_tool_use": {"web_search_requests": 2, "x": None}}, {"web_search_requests": 2}),
        ({"server_tool_use": None, "server_tool_use_details": {"a": 0}}, {"a": 0}),
        ({"server_side_tool_usage_details": {"a": 1, "b": "1", "c d": 1}}, {"a": 1}),
        ({"server_tool_use": {}}, None),
        ({"server_tool_use": 3}, None),
        (None, None),
    ],
)
def test_uses_of_hosted_tools_are_the_providers_count(usage, counts):
    assert server_tool_counts(usage) == counts


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"cost": 0.00041}, "0.00041"),
        ({"cost": 1e-7}, "0.0000001"),
        ({"cost": 0}, "0"),
        ({"cost": {"total_cost": 0.006}}, "0.006"),
        ({"cost": {"total_cost": None}}, None),
        ({"cost": "0.1"}, None),
        ({"cost": True}, None),
        ({"cost": None}, None),
        ({}, None),
        (None, None),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}, "0.21"),
        ({"cost": 0.01, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.2}}, "0.01"),
        ({"cost": 0.01, "is_byok": True, "cost_details": {}}, "0.01"),
    ],
)
def test_the_cost_that_a_provider_states_is_a_decimal_text(usage, cost):
    assert stated_cost(usage) == cost
