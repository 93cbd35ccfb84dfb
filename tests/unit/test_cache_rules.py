"""Which caching rule holds for a call, by provider, wire, model name and date."""

from datetime import UTC, datetime

import pytest

from llm_observer.cache.rules import rule_for
from llm_observer.cache.rules._names import ModelName, claude_of, gpt_of, parse
from llm_observer.cache.rules._spec import Dated, at_date
from llm_observer.cache.rules.anthropic import CLAUDE
from llm_observer.cache.rules.deepseek import BLOCKS, UNITS
from llm_observer.cache.rules.generic import GENERIC
from llm_observer.cache.rules.openai import BREAKPOINTS, GPT_5_5, INCREMENTS, KEPT_LONG


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = day("2026-11-21")
ALL_RULES = [CLAUDE, BREAKPOINTS, INCREMENTS, KEPT_LONG, GPT_5_5, UNITS, BLOCKS, *GENERIC.values()]


@pytest.mark.parametrize(
    ("name", "vendor", "base"),
    [
        ("claude-opus-4-8", "", "claude-opus-4-8"),
        ("claude-opus-4-8@20260501", "", "claude-opus-4-8"),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic", "claude-3-5-haiku-20241022-v1"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic", "claude-sonnet-4-20250514-v1"),
        ("global.anthropic.claude-opus-4-6-v1", "anthropic", "claude-opus-4-6-v1"),
        (
            "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic",
            "claude-haiku-4-5-20251001-v1",
        ),
        ("anthropic/claude-sonnet-4.6:thinking", "anthropic", "claude-sonnet-4.6"),
        ("openai/gpt-5.6-sol", "openai", "gpt-5.6-sol"),
        ("openrouter/openai/gpt-4o", "openai", "gpt-4o"),
        ("openai.gpt-5.6-luna", "openai", "gpt-5.6-luna"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "", "gpt-4o-mini-2024-07-18"),
        ("x-ai/grok-4.1-fast", "x-ai", "grok-4.1-fast"),
        ("google/gemini-2.0-flash-exp:free", "google", "gemini-2.0-flash-exp"),
        ("", "", ""),
    ],
)
def test_a_name_is_freed_from_route_region_and_variant(name, vendor, base):
    assert ModelName(vendor, base) == parse(name)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("claude-opus-4-8", ("opus", (4, 8))),
        ("claude-opus-4.8", ("opus", (4, 8))),
        ("claude-opus-4-20250514", ("opus", (4, 0))),
        ("claude-sonnet-4-0", ("sonnet", (4, 0))),
        ("claude-sonnet-4-5-20250929-v1", ("sonnet", (4, 5))),
        ("claude-haiku-4-5-20251001", ("haiku", (4, 5))),
        ("claude-3-5-haiku-20241022-v1", ("haiku", (3, 5))),
        ("claude-3-7-sonnet-latest", ("sonnet", (3, 7))),
        ("claude-3-opus-20240229", ("opus", (3, 0))),
        ("claude-fable-5-1", ("fable", (5, 1))),
        ("claude-mythos-preview", ("mythos", (4, 99))),
        ("claude-opus-12", ("opus", (12, 0))),
        ("claude-2.1", None),
        ("claude-instant-1.2", None),
        ("gpt-4o", None),
    ],
)
def test_a_claude_name_tells_family_and_version(base, expected):
    assert expected == claude_of(base)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("gpt-5.6-sol", (5, 6)),
        ("gpt-6-astra", (6, 0)),
        ("gpt-6.1-terra", (6, 1)),
        ("gpt-10", (10, 0)),
        ("gpt-5", (5, 0)),
        ("gpt-5-2025-08-07", (5, 0)),
        ("gpt-5.1-codex-max", (5, 1)),
        ("gpt-4.1-nano-2025-04-14", (4, 1)),
        ("gpt-4o-2024-11-20", (0, 0)),
        ("chatgpt-4o-latest", (0, 0)),
        ("o1", (0, 0)),
        ("o3-mini-2025-01-31", (0, 0)),
        ("gpt-4", None),
        ("gpt-4-turbo-2024-04-09", None),
        ("gpt-4-0613", None),
        ("gpt-3.5-turbo", None),
        ("gpt-oss-120b", None),
        ("opus", None),
    ],
)
def test_an_openai_name_tells_the_version(base, expected):
    assert expected == gpt_of(base)


@pytest.mark.parametrize(
    ("provider", "model", "minimum"),
    [
        ("anthropic", "claude-opus-5-5", 512),
        ("anthropic", "claude-opus-5", 512),
        ("anthropic", "claude-opus-4-8", 1024),
        ("anthropic", "claude-opus-4-7", 2048),
        ("aws.bedrock", "us.anthropic.claude-opus-4-7-v1:0", 4096),
        ("anthropic", "claude-opus-4-6", 4096),
        ("anthropic", "claude-opus-4-5-20251101", 4096),
        ("anthropic", "claude-opus-4-1", 1024),
        ("anthropic", "claude-opus-4-20250514", 1024),
        ("anthropic", "claude-3-opus-20240229", 1024),
        ("anthropic", "claude-sonnet-5-5", 512),
        ("anthropic", "claude-sonnet-5", 1024),
        ("openrouter", "anthropic/claude-sonnet-4.6", 1024),
        ("anthropic", "claude-haiku-5-5", 512),
        ("aws.bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0", 4096),
        ("anthropic", "claude-3-5-haiku-20241022", 2048),
        ("anthropic", "claude-fable-5", 512),
        ("anthropic", "claude-fable-5-2", 512),
        ("anthropic", "claude-mythos-5-2", 512),
        ("anthropic", "claude-mythos-preview", 2048),
        ("gcp.vertex_ai", "claude-opus-4-8@20260528", 1024),
        ("anthropic", "claude-opus-7", 512),
    ],
)
def test_claude_has_a_minimum_by_model(provider, model, minimum):
    rule = rule_for(provider, "anthropic", model, NOW)
    assert ("anthropic", minimum, True, 4) == (rule.id, rule.minimum, rule.is_opt_in, rule.max_markers)


@pytest.mark.parametrize(
    ("provider", "merges"),
    [("anthropic", True), ("azure.ai.inference", True), ("aws.bedrock", False), ("gcp.vertex_ai", False)],
)
def test_runs_of_tool_blocks_are_one_position_only_where_the_vendor_says_so(provider, merges):
    assert merges is rule_for(provider, "anthropic", "claude-opus-5", NOW).merges_runs


@pytest.mark.parametrize(
    ("provider", "model", "rule"),
    [
        ("openai", "gpt-6.1-sol", BREAKPOINTS),
        ("openai", "gpt-5.6-terra", BREAKPOINTS),
        ("azure.ai.openai", "gpt-5.6-sol", BREAKPOINTS),
        ("aws.bedrock", "openai.gpt-5.6-luna", BREAKPOINTS),
        ("openrouter", "openai/gpt-6-luna", BREAKPOINTS),
        ("openai", "gpt-5.5-2026-04-23", GPT_5_5),
        ("openai", "gpt-5.5-pro", GPT_5_5),
        ("openai", "gpt-5.4", KEPT_LONG),
        ("openai", "gpt-5", KEPT_LONG),
        ("openai", "gpt-5-codex", KEPT_LONG),
        ("openai", "gpt-4.1", KEPT_LONG),
        ("openai", "gpt-5.1-codex-mini", KEPT_LONG),
        ("openai", "gpt-5.4-mini", INCREMENTS),
        ("openai", "gpt-4.1-nano", INCREMENTS),
        ("openai", "gpt-4o", INCREMENTS),
        ("azure.ai.openai", "gpt-4o-mini", INCREMENTS),
        ("openai", "o4-mini", INCREMENTS),
        ("openai", "ft:gpt-4o-2024-08-06:org::id", INCREMENTS),
    ],
)
def test_openai_changed_its_rule_with_5_5_and_5_6(provider, model, rule):
    assert rule == rule_for(provider, "openai", model, NOW)


@pytest.mark.parametrize(
    ("provider", "model", "step", "minimum"),
    [
        ("x_ai", "grok-4.3", 64, 64),
        ("x_ai", "grok-4-fast", 1, 1),
        ("openrouter", "x-ai/grok-4.1-fast", 1, 1),
        ("azure.ai.inference", "grok-4-1-fast-non-reasoning", 1, 1),
        ("groq", "openai/gpt-oss-120b", 128, 128),
        ("mistral_ai", "mistral-small-latest", 16, 16),
        ("openrouter", "mistralai/mistral-large", 16, 16),
        ("zai", "glm-4.7-flash", 1, 1),
        ("vllm", "Qwen/Qwen3-8B", 16, 16),
        ("together", "meta-llama/Llama-3.3-70B", 16, 16),
        ("local", "qwen3", 1, 1),
        ("gcp.gemini", "gemini-3.8-flash", 1, 4096),
        ("gcp.vertex_ai", "google/gemini-2.5-pro", 1, 2048),
    ],
)
def test_other_servers_have_a_plain_prefix_cache(provider, model, step, minimum):
    rule = rule_for(provider, "openai", model, NOW)
    assert ("prefix", step, minimum, False) == (rule.id, rule.step, rule.minimum, rule.is_opt_in)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "text-embedding-3-small"),
        ("openai", "omni-moderation-latest"),
        ("openai", "gpt-4o-transcribe"),
        ("openai", "gpt-4o-mini-tts"),
        ("openai", "gpt-image-1"),
        ("openai", "gpt-3.5-turbo"),
        ("openai", "gpt-4-turbo"),
        ("openai", "davinci-002"),
        ("azure.ai.openai", "my-deployment"),
        ("x_ai", "grok-imagine-image"),
        ("perplexity", "sonar"),
        ("anthropic", "claude-2.1"),
    ],
)
def test_nothing_is_known_of_models_without_a_prompt_cache(provider, model):
    assert rule_for(provider, "openai", model, NOW) is None


@pytest.mark.parametrize(
    ("at", "rule"), [("2026-04-23", BLOCKS), ("2026-04-24", UNITS), ("2026-11-21", UNITS)]
)
def test_deepseek_keeps_whole_units_since_v4(at, rule):
    assert rule == rule_for("deepseek", "openai", "deepseek-chat", day(at))


def test_deepseek_has_its_own_rule_on_anthropics_wire_too():
    assert rule_for("deepseek", "anthropic", "deepseek-v4-pro", NOW) == UNITS


def test_a_vendor_that_takes_cache_control_has_claudes_rule_on_that_wire_only():
    kinds = [rule_for("minimax", wire, "MiniMax-M2.7", NOW).id for wire in ("anthropic", "openai")]
    assert kinds == ["anthropic", "prefix"]


def test_geminis_minimum_changed_with_its_guide():
    minima = [
        rule_for("gcp.gemini", "openai", "gemini-2.5-pro", day(at)).minimum
        for at in ("2026-06-01", "2026-08-01")
    ]
    assert minima == [4096, 2048]


@pytest.mark.parametrize(("at", "value"), [("2025-12-31", 1), ("2026-01-01", 2), ("2026-03-01", 3)])
def test_a_dated_number_holds_from_its_day_on(at, value):
    rows = (Dated("", 1), Dated("2026-01-01", 2), Dated("2026-02-01", 3))
    assert value == at_date(rows, day(at))


def test_before_its_first_day_a_dated_number_is_the_first_one():
    assert at_date((Dated("2026-01-01", 2),), day("2020-01-01")) == 2


@pytest.mark.parametrize(
    ("rule", "asked", "live"),
    [
        (CLAUDE, None, 300),
        (CLAUDE, 300, 300),
        (CLAUDE, 3600, 3600),
        (BREAKPOINTS, None, 1800),
        (BREAKPOINTS, 43200, 43200),
        (INCREMENTS, None, 300),
        (INCREMENTS, 600, 300),
        (INCREMENTS, 86400, 1800),
        (KEPT_LONG, None, 1800),
        (KEPT_LONG, 600, 300),
        (GPT_5_5, 600, 1800),
        (UNITS, 60, 10800),
    ],
)
def test_a_lifetime_is_what_can_be_relied_on(rule, asked, live):
    assert live == rule.live_s(asked)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: f"{rule.id}-{rule.source[8:30]}")
def test_every_rule_names_its_source_and_when_it_was_checked(rule):
    assert rule.source
    assert not rule.checked or datetime.fromisoformat(rule.checked).year == 2026
    assert rule.minimum >= rule.step >= 1
    assert list(rule.ttls_s) == sorted(rule.ttls_s)
