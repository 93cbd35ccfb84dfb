"""Does the demo run without a key or a network, quickly, and without showing a prompt?"""

import json
import os
import re
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from llm_observer.demo.agent import HANDBOOK
from llm_observer.demo.cached_provider import TURNS, BreakpointCache, CachedProvider, PrefixCache
from llm_observer.demo.provider import Provider, choose
from llm_observer.demo.recordings import recordings, requests_of

ROOT = Path(__file__).parents[2]
RECORDINGS = recordings()
SHORTEST_TELLING = 25
MARK = {"cache_control": {"type": "ephemeral"}}
JOBS = 4
"""Conversations of the agent."""


def run_demo(*arguments, cwd, **variables):
    return subprocess.run(
        [sys.executable, "-m", "llm_observer", "demo", *arguments],
        cwd=cwd,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment():
    """No key, and no proxy or setting of the machine that the tests run on."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LLM_OBSERVER_", "OPENAI_", "ANTHROPIC_"))
    }


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    state = folder / "state"
    done = run_demo("--file", "events.jsonl", cwd=folder, XDG_STATE_HOME=str(state))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, folder / "events.jsonl"


@pytest.fixture(scope="module")
def events(ran):
    return [json.loads(line) for line in ran[1].read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def calls(events):
    """Those with recorded answers."""
    return [event["llm_call"] for event in events if event["attributes"]["app"] == "demo"]


@pytest.fixture(scope="module")
def totals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("totals")
    done = run_demo("--json", "--file", "events.jsonl", cwd=folder, XDG_STATE_HOME=str(folder))
    return json.loads(done.stdout), (folder / "events.jsonl").read_text("utf-8").splitlines()


def texts_of(value):
    """Every text that a user or a model wrote, long enough not to occur by accident."""
    if isinstance(value, str):
        return {line for line in value.splitlines() if len(line) >= SHORTEST_TELLING and " " in line}
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for each in inside for text in texts_of(each)}


def test_the_demo_says_where_the_events_are(ran):
    output, events = ran
    assert str(events) in output


def test_the_demo_shows_every_call(calls):
    assert len(calls) == len(RECORDINGS) - 1, "one recording is the failed attempt of another"


def test_the_demo_has_every_kind_of_call(calls):
    assert {"complete", "closed_early", "error"} <= {call.get("ending", "complete") for call in calls}
    assert 1 in {call.get("retries", 0) for call in calls}
    assert {"chat", "responses", "embeddings"} <= {call["operation"] for call in calls}
    assert any(call.get("tokens", {}).get("cache_read", 0) > 0 for call in calls)
    assert any(call.get("tokens", {}).get("cache_write_5m", 0) > 0 for call in calls)
    assert any(call.get("is_stream") and "tokens" not in call for call in calls)


def test_the_demo_prices_what_has_a_usage(calls):
    unpriced = [call["cost"] for call in calls if "tokens" in call and "total_usd" not in call["cost"]]
    assert unpriced == []


def test_no_text_of_a_prompt_or_an_answer_is_shown_or_written(ran):
    output, events = ran
    written = output + events.read_text("utf-8")
    known = {text for each in RECORDINGS for text in texts_of(dict(each.request))} | texts_of(HANDBOOK)
    assert known
    assert [text for text in known if text in written] == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_only_the_owner_can_read_the_events(ran):
    assert stat.S_IMODE(ran[1].stat().st_mode) == 0o600


def test_json_totals_fit_the_events(totals):
    shown, lines = totals
    agent = [shown["agent"][variant]["totals"]["calls"] for variant in ("before", "after")]
    assert agent == [JOBS * TURNS] * 2
    assert shown["totals"]["calls"] + sum(agent) == len(lines)


def test_each_breaker_of_the_agent_is_found_at_its_place(totals):
    found = {(fix["kind"], fix["path"]) for fix in totals[0]["agent"]["before"]["cache"]["findings"]}
    assert found >= {
        ("timestamp", "system[0]"),
        ("breakpoint_missing", None),
        ("tool_order", "tools"),
        ("request_id", "tools[3].function.description"),
    }


def test_the_fixed_agent_loses_nothing(totals):
    cache = totals[0]["agent"]["after"]["cache"]
    assert cache["missed_usd"] == "0"
    assert set(cache["verdicts"]) == {"first", "hit"}


def test_the_fixed_agent_saves_what_was_foretold(totals):
    before, after = (totals[0]["agent"][variant] for variant in ("before", "after"))
    saved = Decimal(before["totals"]["cost_usd"]) - Decimal(after["totals"]["cost_usd"])
    assert saved == pytest.approx(Decimal(before["cache"]["missed_usd"]), rel=Decimal("0.02"))


def test_the_demo_shows_the_agent_before_and_after(ran):
    output = ran[0]
    before, after = output.partition("The same agent twice, with simulated usage")[2].split("After these")
    assert re.search(
        r"^\$0\.\d+ of \$0\.\d+ could have been saved by the prompt cache$", before, re.MULTILINE
    )
    assert len(re.findall(r"^\$0\.\d+: agent\.py:\d+ ask, ", before, re.MULTILINE)) == 3
    assert "could have been saved" not in after
    assert re.search(r"^The same work for \$\S+ instead of \$\S+: \d\d % saved$", after, re.MULTILINE)


def test_claude_s_cache_reads_what_was_written_at_a_breakpoint_and_nothing_else():
    cache, system = BreakpointCache(), {"type": "text", "text": "x" * 8000}
    start = {"role": "user", "content": [{"type": "text", "text": "y" * 800}]}
    request = {"model": "m", "system": [{**system, **MARK}], "messages": [start]}
    first, second = cache.usage(request), cache.usage(request)
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] > 2000
    assert (first["cache_read_input_tokens"], second["cache_creation_input_tokens"]) == (0, 0)
    assert cache.usage({**request, "system": [system]})["cache_read_input_tokens"] == 0
    assert cache.usage({**request, "model": "n"})["cache_read_input_tokens"] == 0


@pytest.mark.parametrize(("more", "is_read"), [(19, True), (20, False)])
def test_claude_s_cache_looks_back_20_blocks(more, is_read):
    cache, blocks = BreakpointCache(), [{"type": "text", "text": "x" * 5000}]
    later = [*blocks, *[{"type": "text", "text": "y"}] * more]
    for content in (blocks, later):
        marked = [*content[:-1], {**content[-1], **MARK}]
        usage = cache.usage({"model": "m", "messages": [{"role": "user", "content": marked}]})
    assert (usage["cache_read_input_tokens"] > 0) is is_read


def test_a_prompt_below_the_minimum_is_not_cached():
    claude, gpt, text = BreakpointCache(), PrefixCache(), "x" * 3900
    block = {"type": "text", "text": text, **MARK}
    for _ in range(2):
        usage = claude.usage({"model": "m", "messages": [{"role": "user", "content": [block]}]})
        details = gpt.usage({"model": "m", "messages": [{"role": "user", "content": text}]})
    assert (usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]) == (0, 0)
    assert details["prompt_tokens_details"] == {"cached_tokens": 0}


def test_openai_s_cache_reads_whole_steps_of_what_prompts_share():
    cache = PrefixCache()
    usages = [
        cache.usage({"model": "m", "messages": [{"role": "user", "content": "x" * 8000 + end}]})
        for end in ("a", "b")
    ]
    assert [usage["prompt_tokens_details"]["cached_tokens"] for usage in usages] == [0, 1920]


def test_two_providers_share_no_cache():
    content = [{"type": "text", "text": "x" * 8000, **MARK}]
    request = {
        "model": "m",
        "tools": [{"name": "t"}],
        "messages": [{"role": "user", "content": content}],
    }
    for _ in range(2):
        with CachedProvider() as provider:
            body = json.loads(provider.answer("/v1/messages", request).body)
        assert body["usage"]["cache_read_input_tokens"] == 0


def test_without_an_sdk_the_demo_names_what_to_install(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['anthropic'] = None\n")
    done = run_demo(cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "pip install openai anthropic" in done.stderr
    assert done.stdout == ""


def test_turned_off_the_demo_says_so(tmp_path):
    done = run_demo(cwd=tmp_path, LLM_OBSERVER_ENABLED="0")
    assert done.returncode == 2
    assert "LLM_OBSERVER_ENABLED" in done.stderr


def test_each_recorded_request_gets_its_own_answer():
    for each in RECORDINGS:
        assert each in choose(RECORDINGS, each.path, each.request)


def test_a_request_of_ones_own_gets_the_nearest_answer():
    mine = {"model": "gpt-4o", "messages": [{"role": "user", "content": "mine"}], "stream": True}
    found = choose(RECORDINGS, "/v1/chat/completions", mine)
    assert {(each.is_stream, each.request["model"]) for each in found} == {(True, "gpt-4o")}


def test_answers_to_the_same_request_come_in_turn():
    with Provider(pause_s=0) as provider:
        (request,) = requests_of("retry")
        statuses = [provider.answer("/v1/messages", request).status for _ in range(2)]
    assert statuses == [429, 200]


def test_an_unknown_path_is_not_found():
    with Provider(pause_s=0) as provider:
        assert provider.answer("/v1/nothing", {"model": "m"}).status == 404


def test_the_provider_listens_on_this_machine_only():
    with Provider(pause_s=0) as provider:
        assert provider.url.startswith("http://127.0.0.1:")
        (request, _) = requests_of("weather")
        sent = Request(f"{provider.openai_url}/chat/completions", json.dumps(request).encode(), method="POST")
        with urlopen(sent) as answer:
            assert answer.status == 200
            assert json.load(answer)["model"] == "gpt-4o-2024-08-06"


def test_every_recording_names_its_licence():
    from importlib import resources

    data = resources.files("llm_observer.demo")
    licences = data.joinpath("LICENCES.md").read_text("utf-8")
    for line in data.joinpath("exchanges.jsonl").read_text("utf-8").splitlines():
        exchange = json.loads(line)
        assert f"`{exchange['id']}`" in licences
        assert exchange["source"]["repo"] in licences
        assert exchange["source"]["licence"] in licences


def test_the_readme_shows_what_the_demo_prints(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import build_docs

    assert not build_docs.is_stale(build_docs.BLOCKS["demo"])
