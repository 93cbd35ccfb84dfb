"""Does sending leave the app alone: when it is off, at exit, after a fork, with endpoints that hang?"""

import json
import logging
import os
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import llm_observer
from integration.delivering import KEY, Dripping, Receiver, status, taken
from integration.exchanges import ask, plain
from integration.loopback import Wait
from integration.sdks import make_client
from llm_observer.telemetry.spool import Spool

HEAD = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from integration.exchanges import ask, plain
from integration.sdks import make_client
import atexit, time
import llm_observer
atexit.register(lambda: print(time.time() - before, flush=True))  # runs after ours
llm_observer.patch()
"""
ASK = 'ask(make_client("openai", plain("openai")))\n'
TRIES = 4
"""A machine that is busy with other tests may be late now and then; code that waits longer always is."""
STORED = "assert llm_observer._api._running.pipeline.flush(60)\n"
"""What has not reached the sinks by the end of the process cannot be in the spool."""


def call():
    ask(make_client("openai", plain("openai")))


def patch(endpoint, **settings):
    return llm_observer.patch(**{"enabled": True, "endpoint": endpoint, "api_key": KEY, **settings})


def run(program, tmp_path, endpoint, **environ):
    """The finished process, and the seconds that it waited for us at its end."""
    env = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path),
        "LLM_OBSERVER_ENABLED": "1",
        "LLM_OBSERVER_ENDPOINT": endpoint,
        "LLM_OBSERVER_API_KEY": KEY,
        "LLM_OBSERVER_EXIT_TIMEOUT_S": "30",
        "PYTHONWARNINGS": "ignore",
        **environ,
    }
    code = f"{HEAD}{program}\nbefore = time.time()\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=90)
    assert done.returncode == 0, done.stderr
    return done, float(done.stdout.split()[-1])


def spool_of(tmp_path, endpoint):
    return Spool(tmp_path / "llm_observer/spool", endpoint)


# Whether anything is sent ------------------------------------------------------------------------------


def test_with_three_settings_each_call_is_sent():
    with Receiver(taken()) as receiver:
        assert patch(receiver.endpoint).warnings == ()
        for _ in range(3):
            call()
        assert llm_observer.flush(20)
        assert [event["type"] for batch in receiver.batches for event in batch["events"]] == ["llm_call"] * 3
        found = llm_observer.stats()["delivery"]
        assert (found["delivered"], found["circuit"], found["spool"]["waiting"]) == (3, "closed", 0)
        assert llm_observer.shutdown(20)


@pytest.mark.parametrize(
    ("settings", "environ"),
    [
        ({"enabled": None}, {}),
        ({"endpoint": None}, {}),
        ({"api_key": None}, {}),
        ({}, {"DO_NOT_TRACK": "1"}),
        ({"endpoint": "http://receiver.example/v1"}, {}),
    ],
    ids=["not enabled", "no endpoint", "no key", "do not track", "in the clear"],
)
def test_otherwise_nothing_is_sent_or_spooled(tmp_path, monkeypatch, settings, environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = set(threading.enumerate())  # one of another test may still be about to end
    with Receiver(taken()) as receiver:
        patch(**{"endpoint": receiver.endpoint, **settings})
        call()
        assert llm_observer.flush(20)
        assert (receiver.requests, llm_observer.stats()["delivery"]) == ([], {})
    assert not list(tmp_path.rglob("spool"))
    assert "llm_observer delivery" not in {thread.name for thread in set(threading.enumerate()) - before}


def test_sampling_leaves_the_sums_alone():
    with Receiver(taken()) as receiver, llm_observer.observe() as session:
        patch(receiver.endpoint, sample_rate=0)
        for _ in range(4):
            call()
        assert llm_observer.flush(20)
        assert (session.calls, receiver.requests) == (4, [])
        assert llm_observer.stats()["delivery"]["not_sampled"] == 4


def test_the_key_is_in_no_log_and_no_number(caplog):
    with caplog.at_level(logging.DEBUG), Receiver(status(401), status(302)) as receiver:
        patch(receiver.endpoint, debug=True)
        call()
        llm_observer.flush(20)
        shown = json.dumps(llm_observer.stats()) + repr(llm_observer.stats())
        llm_observer.shutdown(20)
    assert KEY not in caplog.text + shown


def test_the_debug_log_follows_an_event_from_the_worker_to_the_endpoint(capfd):
    with Receiver(status(503), taken()) as receiver:
        patch(receiver.endpoint, debug=True, max_attempts=2)
        call()
        assert llm_observer.flush(40)
        llm_observer.shutdown(20)
    lines = [line for line in capfd.readouterr().err.splitlines() if "logger=llm_observer" in line]
    found = [dict(pair.split("=", 1) for pair in shlex.split(line)) for line in lines]
    assert all(line.keys() >= {"time", "level", "logger", "event"} for line in found)
    steps = [(line["event"], line.get("sinks"), line.get("events"), line.get("status")) for line in found]
    assert [step for step in steps if step[0] in {"worker", "spooled", "delivery"}] == [
        ("worker", "session,http", None, None),
        ("spooled", None, "1", None),
        ("delivery", None, "1", "503"),
        ("delivery", None, "1", "202"),
    ]
    assert len({line["batch"] for line in found if line["event"] == "delivery"}) == 1


def test_looking_at_the_session_waits_for_no_endpoint():
    wait = Wait.new()
    with Receiver(taken()._replace(framing="chunked", steps=(wait,))) as receiver:
        patch(receiver.endpoint, batch_max_age_s=0.1, attempt_timeout_s=60, exit_timeout_s=60)
        call()
        assert wait.reached.wait(20)
        start = time.monotonic()
        assert llm_observer.session().calls >= 1
        assert time.monotonic() - start < 20
        llm_observer.shutdown(0.3)
        wait.go.set()


def test_patching_again_hands_what_waits_to_the_next_one():
    with Receiver(status(503), status(503), status(503), taken()) as receiver:
        patch(receiver.endpoint, max_attempts=1)
        call()
        assert llm_observer.flush(20) is False
        patch(receiver.endpoint, max_attempts=2, batch_max_events=50)
        call()
        until = time.monotonic() + 20
        while not llm_observer.flush(20) and time.monotonic() < until:
            pass
        assert len({event["event_id"] for event in receiver.batches[-1]["events"]}) == 2


# Exit --------------------------------------------------------------------------------------------------


def test_the_last_call_before_the_end_is_sent(tmp_path):
    with Receiver(taken()) as receiver:
        done, _ = run(ASK, tmp_path, receiver.endpoint)
        assert (done.stderr, len(receiver.batches)) == ("", 1)
    assert spool_of(tmp_path, receiver.endpoint).stats().waiting == 0


def dead():
    with Receiver(taken()) as receiver:
        return receiver.endpoint


@pytest.mark.parametrize("warm", [False, True], ids=["idle", "under way"])
@pytest.mark.parametrize("kind", ["dead", "silent", "drips", "unresolvable"])
def test_an_endpoint_that_hangs_holds_up_no_exit_and_loses_nothing(tmp_path, kind, warm, record_property):
    wait = Wait.new()
    silent = Receiver(taken()._replace(framing="chunked", steps=(wait,)))
    with silent, Dripping(b"HTTP/1.1 202 A\r\n") as drips:
        endpoint = {
            "dead": dead(),
            "silent": silent.endpoint,
            "drips": drips.url,
            "unresolvable": "https://receiver.invalid/v1",
        }[kind]
        program = ASK * 3 + STORED + ("llm_observer.flush(0.5)" if warm else "")
        for count in range(1, TRIES + 1):
            _, took_s = run(program, tmp_path, endpoint, LLM_OBSERVER_EXIT_TIMEOUT_S="1")
            stats = spool_of(tmp_path, endpoint).stats()
            assert (stats.waiting, stats.leased) == (3 * count, 0)
            if took_s < 1.5:
                break
        wait.go.set()
    record_property("seconds", round(took_s, 2))
    assert took_s < 1.5, "no try was that quick"


QUIET = {
    "runs": ASK,
    "flushes": ASK + "assert llm_observer.flush(30)\n",
    "unpatches": ASK + "assert llm_observer.flush(30)\nllm_observer.unpatch()\n",
    "shuts down": ASK + "import gc\nassert llm_observer.shutdown(30)\ngc.collect()\n",
    "patches again": ASK + "llm_observer.patch(batch_max_events=7)\n" + ASK,
    "looks afterwards": "atexit.unregister(llm_observer._api._at_exit)\natexit.register(llm_observer.stats)\n"
    "atexit.register(llm_observer._api._at_exit)\n" + ASK,
}


@pytest.mark.parametrize("how", QUIET)
def test_pythons_development_mode_finds_nothing_left_open(tmp_path, how):
    """`-X dev` shows unclosed files, sockets and, from Python 3.13 on, connections of sqlite3."""
    with Receiver(taken()) as receiver:
        done, _ = run(QUIET[how], tmp_path, receiver.endpoint, PYTHONDEVMODE="1", PYTHONWARNINGS="error")
        assert (done.stderr, len(receiver.batches) > 0) == ("", True)


def test_what_one_process_leaves_the_next_one_sends(tmp_path):
    with Receiver(status(503)) as receiver:
        endpoint = receiver.endpoint
        run(ASK * 2, tmp_path, endpoint)
        receiver.respond = lambda _: taken()
        receiver.requests.clear()
        run(ASK, tmp_path, endpoint)
        assert sum(map(len, receiver.sent_ids)) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("warm", [True, False], ids=["thread runs", "no event yet"])
def test_forked_children_send_their_own_calls_once(tmp_path, warm):
    program = f"""
import os
client = make_client("openai", plain("openai"))
if {warm}:
    ask(client)
    assert llm_observer.flush(20)
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(5):
            ask(client)
        os._exit(0 if llm_observer.flush(20) else 1)
    children.append(child)
assert all(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) == 0 for c in children)
ask(client)
"""
    with Receiver(taken()) as receiver:
        run(program, tmp_path, receiver.endpoint)
        sent = [event_id for ids in receiver.sent_ids for event_id in ids]
        assert len(sent) == len(set(sent)) == 15 + 1 + warm


def test_a_home_that_cannot_be_written_still_lets_events_out(tmp_path):
    (tmp_path / "file").write_text("")
    with Receiver(taken()) as receiver:
        environ = {
            "XDG_STATE_HOME": str(tmp_path / "file"),
            "TMPDIR": str(tmp_path),
            "LLM_OBSERVER_HASH_KEY": "k" * 20,
        }
        done, _ = run(ASK, tmp_path, receiver.endpoint, **environ)
        assert len(receiver.batches) == 1
    assert "events wait in" in done.stderr
