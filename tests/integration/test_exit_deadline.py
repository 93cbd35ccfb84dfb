"""Does the process end in time, whatever the endpoint does, and is all of it in the spool afterwards?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integration import endpoints
from integration.test_chaos import environment, in_the_spool

MOST_S = 4.0
"""`exit_timeout_s` is 2; the rest is for a machine that is busy."""
PATIENCE_S = 60
CALLS = 5
APP = f"""
import os, sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from integration.exchanges import ask, plain
from integration.sdks import make_client
if os.environ["CHAOS_OBSERVED"] == "1":
    import llm_observer
    llm_observer.patch()
client = make_client("openai", plain("openai"))
for _ in range({CALLS}):
    ask(client)
if os.environ["CHAOS_OBSERVED"] == "1":
    assert llm_observer.session().calls == {CALLS}  # the worker has its parts by now
"""
ENDS = "print(time.monotonic(), flush=True)"
WAITS_FOR_A_SIGNAL = """
import threading
print("ready", flush=True)
threading.Event().wait()
"""
ENDPOINTS = ("refused", "failing", "silent", "dripping", "unknown_host", "self_signed")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are POSIX's")


def start(program, url, folder):
    command = [sys.executable, "-c", APP + program]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # An attempt takes longer than the exit may: it is the deadline that ends it.
        env=environment(url, folder) | {"LLM_OBSERVER_ATTEMPT_TIMEOUT_S": "30"},
    )


def seconds_of_the_end(url, folder):
    """From the app's last line to the end of the process (the clock is the same in both)."""
    process = start(ENDS, url, folder)
    out, err = process.communicate(timeout=PATIENCE_S)
    ended = time.monotonic()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return ended - float(out)


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_the_end_takes_no_longer_than_allowed_and_all_events_are_in_the_spool(
    kind, tmp_path, record_property
):
    alone_s = seconds_of_the_end(None, tmp_path)
    with getattr(endpoints, kind)(tmp_path) as endpoint:
        more_s = seconds_of_the_end(endpoint.url, tmp_path) - alone_s
    record_property("more_s", round(more_s, 2))
    assert more_s < MOST_S
    assert in_the_spool(endpoint.url, tmp_path) == CALLS


def interrupted(url, folder, signals):
    """Code, seconds and standard error of a process that gets Ctrl+C so often."""
    process = start(WAITS_FOR_A_SIGNAL, url, folder)
    assert process.stdout.readline() == "ready\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    for _ in range(signals - 1):
        with pytest.raises(subprocess.TimeoutExpired):  # the end waits for the endpoint
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, time.monotonic() - started, err


@pytest.mark.parametrize("signals", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_ctrl_c_ends_the_process_as_without_us(kind, signals, tmp_path):
    code, alone_s, _ = interrupted(None, tmp_path, 1)
    with getattr(endpoints, kind)(tmp_path) as endpoint:
        found, took_s, err = interrupted(endpoint.url, tmp_path, signals)
    assert (found, err.count("Traceback")) == (code, 1), err
    assert took_s - alone_s < MOST_S
    assert in_the_spool(endpoint.url, tmp_path) == CALLS
