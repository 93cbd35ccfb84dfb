"""Nothing that a user or a model wrote, and no key, leaves the process: canaries in every place."""

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import llm_observer
from integration.exchanges import anthropic_message, ask, openai_completion
from integration.loopback import json_answer
from integration.sdks import make_client

CANARY = "c4n4ry-in-the-coal-mine"


def marked(place):
    """A text that tells, should it turn up, where it came from."""
    return f"{CANARY} {place} {CANARY}"


TOOLS = {
    "openai": [
        {
            "type": "function",
            "function": {
                "name": "look_up",
                "description": marked("tool description"),
                "parameters": {"type": "object", "properties": {CANARY: {"description": marked("schema")}}},
            },
        }
    ],
    "anthropic": [
        {
            "name": "look_up",
            "description": marked("tool description"),
            "input_schema": {"type": "object", "properties": {CANARY: {"description": marked("schema")}}},
        }
    ],
}
ANSWERS = {
    "openai": openai_completion(
        choices=[
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": marked("answer"),
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {
                                "name": "look_up",
                                "arguments": json.dumps({"q": marked("arguments")}),
                            },
                        }
                    ],
                },
            }
        ]
    ),
    "anthropic": anthropic_message(
        content=[
            {"type": "text", "text": marked("answer")},
            {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"q": marked("arguments")}},
        ]
    ),
}
ERROR = {"type": "error", "error": {"type": "invalid_request_error", "message": marked("error message")}}
HEADERS = (("x-request-id", "req_7"), ("openai-organization", f"org-{CANARY}"), ("set-cookie", CANARY))


def talk(sdk, status=200):
    """A call with the canary in every part of the request and of the answer."""
    body = ANSWERS[sdk] if status == 200 else ERROR
    client = make_client(
        sdk, json_answer(json.dumps(body).encode(), status=status, headers=HEADERS), api_key=CANARY
    )
    messages = [{"role": "user", "content": marked("prompt")}]
    system = {"system": marked("system")} if sdk == "anthropic" else {"user": marked("user")}
    options = {"extra_headers": {"x-secret": CANARY}, "extra_query": {"token": CANARY}, "tools": TOOLS[sdk]}
    return ask(client, messages=messages, **system, **options)


def test_a_canary_in_any_part_of_a_call_reaches_no_sink(sdk, events, tmp_path, capfd, caplog):
    events.patch(stdout=True, summary=True, debug=True)
    with caplog.at_level(logging.DEBUG, logger="llm_observer"), llm_observer.observe(feature="f") as session:
        talk(sdk)
        with pytest.raises(Exception, match=CANARY):
            talk(sdk, status=400)
    assert len(events) == 2
    from llm_observer.report.text import render

    told = [
        json.dumps(list(events)),
        json.dumps(llm_observer.session().to_dict(), default=str),
        json.dumps(session.to_dict(), default=str),
        render(llm_observer.session(), width=120, color=False),
        json.dumps(llm_observer.stats(), default=str),
        "".join(record.getMessage() for record in caplog.records if record.name.startswith("llm_observer")),
        *capfd.readouterr(),
        *(path.read_bytes().decode("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()),
    ]
    assert [text for text in told if CANARY in text] == []
    assert not any("org-" in text for text in told)


def test_content_that_was_switched_on_is_bounded_and_scrubbed(sdk, events):
    events.patch(capture_content=True, content_max_bytes=200)
    key = "sk-ant-api03-" + "a" * 80
    body = openai_completion() if sdk == "openai" else anthropic_message()
    client = make_client(sdk, json_answer(json.dumps(body).encode()))
    ask(client, messages=[{"role": "user", "content": f"mail ada@example.org, key {key}, " + "long " * 200}])
    content = events.calls[0]["content"]
    assert "ada@example.org" not in content["input"]
    assert key not in content["input"]
    assert len(content["input"].encode()) <= 200
    assert content["is_truncated"] is True
    assert content["output"] == "Hi there"


def test_a_dictionary_attack_on_a_known_prompt_finds_nothing(sdk, events):
    """Without the key, a hash cannot be compared with hashes of guesses."""
    body = openai_completion() if sdk == "openai" else anthropic_message()
    client = make_client(sdk, json_answer(json.dumps(body).encode()))
    prompt = "hello"
    ask(client)
    told = json.dumps(list(events))
    assert events.calls[0]["segments"]
    wire = {prompt, f'"{prompt}"', json.dumps({"role": "user", "content": prompt}, separators=(",", ":"))}
    wire |= {
        json.dumps({"role": "user", "content": prompt}),
        json.dumps([{"role": "user", "content": prompt}]),
    }
    for guess in wire:
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s", "sha3_256"):
            assert hashlib.new(name, guess.encode()).hexdigest()[:16] not in told
        for size in (8, 16, 32):
            assert hashlib.blake2b(guess.encode(), digest_size=size).hexdigest()[:16] not in told


def test_the_same_prompt_has_the_same_hash_and_another_key_gives_another(sdk, events):
    body = openai_completion() if sdk == "openai" else anthropic_message()
    answers = [json_answer(json.dumps({**body, "id": f"answer_{place}"}).encode()) for place in range(3)]
    ask(make_client(sdk, answers[0]))
    ask(make_client(sdk, answers[1]))
    llm_observer.patch(file=str(events._file), hash_key="another key")
    ask(make_client(sdk, answers[2]))
    first, second, third = events.calls
    hashes, other = ({s["hash"] for s in call["segments"]} for call in (first, third))
    assert second["cache"]["kept_segments"] == len(hashes)  # all of it is the same
    assert hashes
    assert not hashes & other


NO_SOCKET = """
import socket, sys
sys.path.insert(0, {tests!r})
from integration.exchanges import ask, plain
from integration.sdks import make_client
clients = [make_client(sdk, plain(sdk)) for sdk in ("openai", "anthropic")]
opened = []
class Denied(socket.socket):
    def connect(self, *a): opened.append(a); raise OSError("denied")
    connect_ex = sendto = connect
socket.socket = Denied
socket.create_connection = socket.getaddrinfo = lambda *a, **k: opened.append(a)
import llm_observer
llm_observer.patch(file={file!r}, summary=True)
for client in clients:
    ask(client)
assert llm_observer.flush(30)
assert llm_observer.session().calls == 2
print("opened:", opened)
"""


@pytest.mark.parametrize(
    "extra", [{}, {"LLM_OBSERVER_ENABLED": "1"}], ids=["default", "enabled without an endpoint"]
)
def test_we_open_no_socket(tmp_path, extra):
    program = NO_SOCKET.format(tests=str(Path(__file__).parents[1]), file=str(tmp_path / "e.jsonl"))
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path), **extra}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "opened: []"


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_our_files_are_for_their_owner_only(sdk, events, tmp_path):
    body = openai_completion() if sdk == "openai" else anthropic_message()
    ask(make_client(sdk, json_answer(json.dumps(body).encode())))
    assert len(events) == 1
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*") if path.is_file()}
    assert set(modes.values()) == {"0o600"}, modes
