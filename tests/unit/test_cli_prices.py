"""Does `prices` show what calls are priced with, and say what to do where nothing is known?"""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner

from costing import call_of, cost_of
from llm_observer.call import Tokens
from llm_observer.cli import main
from llm_observer.cli._price_list import PriceList
from llm_observer.config import load

DAY = "2026-11-20"
AT = datetime.fromisoformat(DAY).replace(tzinfo=UTC)
MILLION = 10**6


@pytest.fixture(autouse=True)
def _own_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(main, ["prices", *arguments])


def told(*arguments, code=0):
    result = run(*arguments, "--at", DAY, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def counts(kind, count, whole):
    """Usage with *count* tokens of *kind*, in a prompt of *whole* tokens."""
    if kind == "input":
        return Tokens(input_total=whole, output=0)
    if kind == "output":
        return Tokens(input_total=whole, output=count)
    fields = {"cache_write": count} if kind.startswith("cache_write") else {}
    return Tokens(input_total=whole, output=0, **{**fields, kind: count})


MODELS = {
    "gpt-5": "openai",
    "gpt-6.1-sol": "openai",
    "gpt-4o-audio-preview": "openai",
    "claude-sonnet-4-6": "anthropic",
    "claude-opus-4-1": "anthropic",
    "gemini-2.5-pro": "google",
    "deepseek-chat": "deepseek",
    "llama-3.3-70b-versatile": "groq",
}


@pytest.mark.parametrize(("model", "provider"), MODELS.items(), ids=MODELS)
def test_the_figures_are_those_that_a_call_is_priced_with(model, provider):
    found = PriceList(load({})).find(model, provider, AT)
    for line in found.lines:
        whole = max(line.over_tokens + 1, 1000)
        asked = {} if line.tier == "standard" else {"service_tier": line.tier}
        for kind, usd in line.usd.items():
            count = whole if kind == "input" else 1000
            call = call_of(model, counts(kind, count, whole), provider=provider, **asked)
            cost = cost_of(call, at=f"{DAY}T00:00:00")
            part = "cache_read" if kind == "cache_read" else kind
            assert Decimal(getattr(cost, f"{part}_usd")) == usd * count / MILLION, (line.tier, kind)


def test_the_vendor_of_a_model_is_found_or_named():
    assert told("claude-sonnet-4-6")["provider"] == "anthropic"
    assert told("anthropic/claude-sonnet-4-6")["price_id"] == "anthropic/claude-sonnet-4-6"
    assert told("llama-3.3-70b-versatile", "--provider", "groq")["provider"] == "groq"
    assert told("openai/gpt-5", "--provider", "openrouter")["provider"] == "openrouter"


def test_lifetimes_of_cache_writes_and_tiers_are_told_apart():
    (standard, batch) = told("claude-sonnet-4-6")["usd_per_million"]
    assert (standard["cache_write_5m"], standard["cache_write_1h"], standard["cache_read"]) == (
        "3.75",
        "6",
        "0.3",
    )
    assert (batch["tier"], batch["input"], batch["output"]) == ("batch", "1.5", "7.5")


def test_cached_input_without_a_rate_in_a_tier_is_said():
    doubts = {line["tier"]: line["doubts"] for line in told("gpt-4.1")["usd_per_million"]}
    assert doubts["batch"] == ["cache reads at the rate of the standard tier"]
    assert doubts["standard"] == []


def test_long_prompts_have_a_line_of_their_own():
    lines = told("gemini-2.5-pro")["usd_per_million"]
    assert [(line["tier"], line["over_tokens"]) for line in lines][:2] == [
        ("standard", 0),
        ("standard", 200_000),
    ]
    assert "standard, prompts over 200,000" in run("gemini-2.5-pro").stdout


def test_a_price_of_another_day_is_another_price():
    assert (
        len(json.loads(run("claude-sonnet-4-6", "--at", "2026-02-01", "--json").stdout)["usd_per_million"])
        > 2
    )


def configured(path, text):
    (path / "llm_observer.toml").write_text(text)


def test_a_private_price_wins_and_is_named(tmp_path):
    configured(
        tmp_path, '[prices."gpt-5"]\ninput = 1\noutput = 2\n[prices."gpt-5".tiers.batch]\ninput = 0.5\n'
    )
    found = told("gpt-5")
    assert found["source"] == "override"
    assert [(line["tier"], line["input"], line["output"]) for line in found["usd_per_million"]] == [
        ("standard", "1", "2"),
        ("batch", "0.5", "2"),
    ]
    assert f"your own price, set by file {tmp_path / 'llm_observer.toml'}" in run("gpt-5").stdout


def test_a_discount_is_taken_off_and_said(tmp_path):
    configured(tmp_path, '[discount]\n"openai/*" = 0.2\n')
    found = told("gpt-5")
    assert (found["usd_per_million"][0]["input"], found["discount"]) == ("1", "0.2")
    assert "Your discount of 20 % is taken off" in run("gpt-5").stdout


def test_a_deployment_is_priced_as_its_model(tmp_path):
    configured(tmp_path, '[deployments]\nprod-chat = "gpt-4o"\n')
    assert told("prod-chat", "--provider", "azure.ai.openai")["price_id"].endswith("/gpt-4o")


def test_what_has_no_rate_of_its_own_is_said():
    assert told("llama-3.3-70b-versatile", "--provider", "groq")["usd_per_million"][0][
        "at_rate_of_input"
    ] == ["cache_read"]


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("gpt-5-turbo", "gpt-5"), ("claude-sonnet-4-7", "claude-sonnet-4-6"), ("sonet", "sonnet")],
)
def test_an_unknown_model_ends_with_1_and_close_names(typo, meant):
    found = told(typo, code=1)
    assert not found["is_known"]
    assert any(meant in name for name in found["close"])
    text = run(typo).stderr
    assert "unknown_model" in text
    assert "patch(prices={…})" in text


@pytest.mark.parametrize("name", ["", "/", "x" * 500, "\x1b[2J", "ü/ö"])
def test_odd_names_are_just_unknown(name):
    result = run(name)
    assert result.exit_code == 1
    assert result.stdout == ""


def test_the_age_of_the_prices_is_shown():
    assert "genai-prices" in run("gpt-5").stdout
    assert told("gpt-5")["price_data"]["newest"]


def test_wrong_usage_ends_with_2():
    assert run().exit_code == 2
    assert run("gpt-5", "--at", "soon").exit_code == 2
