"""Does the demo run without a key or a network, quickly, and without showing a prompt?"""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from llm_observer.demo.provider import Provider, choose
from llm_observer.demo.recordings import recordings, requests_of

ROOT = Path(__file__).parents[2]
RECORDINGS = recordings()
SHORTEST_TELLING = 25


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
def calls(ran):
    return [json.loads(line)["llm_call"] for line in ran[1].read_text("utf-8").splitlines()]


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
    known = {text for each in RECORDINGS for text in texts_of(dict(each.request))}
    assert known
    assert [text for text in known if text in written] == []


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_only_the_owner_can_read_the_events(ran):
    assert stat.S_IMODE(ran[1].stat().st_mode) == 0o600


def test_json_totals_fit_the_events(tmp_path):
    done = run_demo("--json", "--file", "events.jsonl", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    totals = json.loads(done.stdout)
    lines = (tmp_path / "events.jsonl").read_text("utf-8").splitlines()
    assert totals["totals"]["calls"] == len(lines)


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
