"""Does the process end in time, whatever the endpoint does, and is all of it in the spool afterwards?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integration import endpoints
from integration.collecting import HttpCollector, attributes_of
from integration.test_chaos import environment, in_the_file, in_the_spool

ALLOWED_S = 2.0
"""`exit_timeout_s`; an attempt may take much longer."""
MARGIN_S = 0.5
TRIES = 4
"""A machine that is busy with other tests may be late now and then; code that waits longer always is."""
PATIENCE_S = 90
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
    assert llm_observer._api._running.pipeline.flush(60)  # the worker has its parts by now
"""
ENDS = "print(time.monotonic(), flush=True)"
WAITS_FOR_A_SIGNAL = """
import threading
print("ready", flush=True)
threading.Event().wait()
"""
ENDPOINTS = ("refused", "failing", "silent", "dripping", "unknown_host", "self_signed")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are POSIX's")


def start(program, url, folder, **more):
    command = [sys.executable, "-c", APP + program]
    settings = {
        "LLM_OBSERVER_ATTEMPT_TIMEOUT_S": "30",  # longer than the exit may take
        "LLM_OBSERVER_EXIT_TIMEOUT_S": str(ALLOWED_S),
    }
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(url, folder) | settings | more,
    )


def seconds_of_the_end(url, folder, program=ENDS, **more):
    """From the app's last line to the end of the process (the clock is the same in both)."""
    process = start(program, url, folder, **more)
    out, err = process.communicate(timeout=PATIENCE_S)
    ended = time.monotonic()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return ended - float(out)


def is_in_time(took_s, alone_s):
    """Whether an end took no longer than allowed; where it is slow without us, all that we do is, too."""
    return took_s - alone_s < ALLOWED_S + MARGIN_S + alone_s


@pytest.mark.parametrize("kind", ENDPOINTS)
def test_the_end_takes_no_longer_than_allowed_and_all_events_are_in_the_spool(
    kind, tmp_path, record_property
):
    with getattr(endpoints, kind)(tmp_path) as endpoint:
        for count in range(1, TRIES + 1):
            alone_s = seconds_of_the_end(None, tmp_path)
            took_s = seconds_of_the_end(endpoint.url, tmp_path)
            assert in_the_spool(endpoint.url, tmp_path) == count * CALLS
            if is_in_time(took_s, alone_s):
                break
    record_property("more_s", round(took_s - alone_s, 2))
    assert is_in_time(took_s, alone_s), "no try was that quick"


CHILD = """
import multiprocessing
def work():
    ask(client)
    assert llm_observer._api._running.pipeline.flush(60)
    print(time.monotonic(), flush=True)
child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
os._exit(child.exitcode)
"""


def test_the_end_of_a_forked_child_takes_no_longer_and_its_events_are_in_the_spool(tmp_path):
    with endpoints.silent(tmp_path) as endpoint:
        for count in range(1, TRIES + 1):
            alone_s = seconds_of_the_end(None, tmp_path)
            took_s = seconds_of_the_end(endpoint.url, tmp_path, CHILD)
            assert in_the_spool(endpoint.url, tmp_path) == count * (CALLS + 1)
            if is_in_time(took_s, alone_s):
                break
    assert is_in_time(took_s, alone_s), "no try was that quick"


OTLP = {
    "LLM_OBSERVER_OTLP": "1",
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}
"""Nothing goes out before the end."""


def exported(collector, name):
    """Our own numbers, by their names in `stats()`."""
    metric = collector.metrics[name]
    points = getattr(metric, metric.WhichOneof("data")).data_points
    return {attributes_of(point)["llm_observer.stat"]: point.as_int for point in points}


def test_an_endpoint_that_is_silent_leaves_opentelemetry_its_time(tmp_path):
    with endpoints.silent(tmp_path) as endpoint, HttpCollector() as collector:
        more = OTLP | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "LLM_OBSERVER_EXIT_TIMEOUT_S": "10"}
        took_s = seconds_of_the_end(endpoint.url, tmp_path, **more)
    assert (len(collector.spans), in_the_spool(endpoint.url, tmp_path)) == (CALLS, CALLS)
    assert exported(collector, "llm_observer.stats")["delivery.spooled"] == CALLS
    assert exported(collector, "llm_observer.levels")["delivery.waiting_in_memory"] == 0
    assert in_the_file(tmp_path) == CALLS
    assert took_s < 20


def test_a_collector_that_is_silent_leaves_the_endpoint_its_time(tmp_path):
    with endpoints.taking(tmp_path) as endpoint, endpoints.silent(tmp_path) as collector:
        address = collector.url.removesuffix("/v1/events")
        more = OTLP | {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "LLM_OBSERVER_BATCH_MAX_AGE_S": "600"}
        took_s = seconds_of_the_end(endpoint.url, tmp_path, **more, LLM_OBSERVER_EXIT_TIMEOUT_S="10")
    assert (len(endpoint.events), in_the_spool(endpoint.url, tmp_path)) == (CALLS, 0)
    assert 4 < took_s < 20, "half of the time is the collector's"


def interrupted(url, folder, signals):
    """Code, seconds and standard error of a process that gets Ctrl+C so often."""
    process = start(WAITS_FOR_A_SIGNAL, url, folder)
    assert process.stdout.readline() == "ready\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = b""
    while b"KeyboardInterrupt" not in said:  # it has begun to end
        said += os.read(process.stderr.fileno(), 4096) or b"KeyboardInterrupt is not in it"
    for _ in range(signals - 1):
        with pytest.raises(subprocess.TimeoutExpired):  # the end waits for the endpoint
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, time.monotonic() - started, said.decode() + err


@pytest.mark.parametrize("signals", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_ctrl_c_ends_the_process_as_without_us(kind, signals, tmp_path):
    with getattr(endpoints, kind)(tmp_path) as endpoint:
        for count in range(1, TRIES + 1):
            code, alone_s, _ = interrupted(None, tmp_path, 1)
            found, took_s, err = interrupted(endpoint.url, tmp_path, signals)
            assert (found, err.count("Traceback")) == (code, 1), err
            assert in_the_spool(endpoint.url, tmp_path) == count * CALLS
            if is_in_time(took_s, alone_s):
                break
    assert is_in_time(took_s, alone_s), "no try was that quick"
