"""Is the provider's own diagnosis kept beside ours, and does a disagreement show?"""

import json

import pytest

from llm_observer.cache.agreement import diagnosis_of
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.config import load
from llm_observer.offline import events_of
from llm_observer.recordings.open import read_files

TIMESTAMP = Finding(kind="timestamp", path="system[0]", confidence=0.95)
SUSPECTED = Finding(kind="timestamp", path="system[0]", confidence=0.4)
MODEL = Finding(kind="model_changed", path="model", confidence=0.95)


@pytest.mark.parametrize(
    ("reason", "findings", "agrees"),
    [
        ("system_changed", [TIMESTAMP], True),
        ("system_changed", [SUSPECTED], False),
        ("system_changed", [MODEL], False),
        ("model_changed", [TIMESTAMP, MODEL], True),
        ("tools_changed", [TIMESTAMP], False),
        ("unavailable", [], None),
        ("comparison_response_not_found", [], None),
        ("a_reason_of_next_year", [], None),
    ],
)
def test_the_same_part_of_the_request_is_agreement(reason, findings, agrees):
    said = diagnosis_of((reason, 5), CacheUse(verdict="breaker", findings=tuple(findings)))
    assert (said.reason, said.tokens, said.agrees) == (reason, 5, agrees)


@pytest.mark.parametrize(("verdict", "agrees"), [("hit", True), ("breaker", False)])
def test_a_hit_by_the_provider_is_a_hit_by_ours(verdict, agrees):
    assert diagnosis_of(("cache_hit", None), CacheUse(verdict=verdict)).agrees is agrees


def test_nothing_said_is_nothing_kept():
    assert diagnosis_of(None, CacheUse(verdict="hit")) is None


ANTHROPIC = {"diagnostics": {"cache_miss_reason": {"type": "model_changed", "cache_missed_input_tokens": 7}}}
OPENAI = {
    "prompt_cache_diagnostics": {"type": "cache_miss", "reason": "input_changed", "cache_missed_tokens": 8}
}


@pytest.mark.parametrize(
    ("url", "prompt", "answer", "told"),
    [
        ("https://api.anthropic.com/v1/messages", "messages", ANTHROPIC, ("model_changed", 7)),
        ("https://api.openai.com/v1/responses", "input", OPENAI, ("input_changed", 8)),
    ],
    ids=["anthropic", "openai"],
)
def test_an_answer_that_has_a_diagnosis_puts_it_on_the_event(tmp_path, url, prompt, answer, told):
    model = "claude-opus-4-8" if prompt == "messages" else "gpt-5.6"
    body = {"model": model, prompt: [{"role": "user", "content": "hello " * 2000}]}
    record = {
        "url": url,
        "request": {"body": json.dumps(body)},
        "status": 200,
        "response": {"body": json.dumps({"model": model, "usage": {"input_tokens": 2000}, **answer})},
    }
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps(record) + "\n", "utf-8")
    [(_, event)] = events_of(read_files([str(file)]), load({}))
    said = event.llm_call.cache.provider_diagnosis
    assert (said.reason, said.tokens) == told
