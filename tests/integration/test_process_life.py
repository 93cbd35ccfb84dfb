"""Start, fork and exit: nothing before the first call, a worker per process, an end within its deadline."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAD = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from integration.exchanges import ask, plain, streamed
from integration.sdks import make_client
import llm_observer
"""


def run(program, tmp_path, **settings):
    """The finished process of *program* after the usual imports, and its events."""
    return finished(HEAD + program, tmp_path, **settings)


def finished(source, tmp_path, *, timeout=60, **environ):
    """The finished process and its events."""
    file = tmp_path / "events.jsonl"
    env = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path),
        "LLM_OBSERVER_FILE": str(file),
        "LLM_OBSERVER_EXIT_TIMEOUT_S": "40",  # a machine that is busy with other tests takes its time
        **environ,
    }
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, env=env, timeout=timeout
    )
    lines = file.read_text().splitlines() if file.exists() else []
    return done, [json.loads(line) for line in lines]


def test_the_last_call_before_the_end_is_not_lost(tmp_path):
    done, events = run('llm_observer.patch(); ask(make_client("openai", plain("openai")))', tmp_path)
    assert (done.returncode, done.stderr, len(events)) == (0, "", 1)


def test_the_summary_is_printed_at_exit(tmp_path):
    program = 'llm_observer.patch(); ask(make_client("openai", plain("openai")))'
    done, _ = run(program, tmp_path, LLM_OBSERVER_SUMMARY="1", COLUMNS="100")
    assert "gpt-4o-mini" in done.stderr
    assert "1 call" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX closes the stream")
def test_no_summary_gets_into_the_apps_output_where_standard_error_is_closed(tmp_path):
    program = """
import os
os.close(2)
sys.stderr = sys.__stderr__ = None
llm_observer.patch(summary=True); ask(make_client("openai", plain("openai")))
print("RESULT")
"""
    done, events = run(program, tmp_path)
    assert (done.returncode, done.stdout, len(events)) == (0, "RESULT\n", 1)


def test_import_and_patch_start_no_thread(tmp_path):
    program = "import threading; llm_observer.patch(); print(threading.active_count())"
    done, _ = run(program, tmp_path)
    assert done.stdout.strip() == "1"


def test_enabled_0_turns_the_whole_library_off_whatever_arguments_say(tmp_path):
    program = """
import openai._base_client as base
before = base.SyncAPIClient.request
report = llm_observer.patch(enabled=True, summary=True)
assert base.SyncAPIClient.request is before
assert report.is_enabled is False
ask(make_client("openai", plain("openai")))
"""
    done, events = run(program, tmp_path, LLM_OBSERVER_ENABLED="0")
    assert (done.returncode, done.stderr, events) == (0, "", [])


FORKING = """
import os
llm_observer.patch()
client = make_client("openai", plain("openai"))
ask(client)
if {warm}:
    llm_observer.flush()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(5):
            ask(client)
        assert llm_observer.session().calls == 5, llm_observer.session().calls
        os._exit(0)
    children.append(child)
assert all(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) == 0 for c in children)
ask(client)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("warm", [True, False], ids=["worker idle", "queue not empty"])
def test_forked_children_have_workers_of_their_own_and_repeat_nothing(tmp_path, warm):
    done, events = run(FORKING.format(warm=warm), tmp_path, PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stderr
    assert len(events) == len({event["event_id"] for event in events}) == 2 + 3 * 5
    assert len({event["span_id"] for event in events}) == 17


FORKING_EARLY = """
import os, signal, time
llm_observer.patch()
client = make_client("openai", *[plain("openai")] * 20)
start = time.monotonic()
ask(client)
children = []
for step in range(12):
    time.sleep(max(start + 0.02 * (step + 2) - time.monotonic(), 0))
    child = os.fork()
    if child == 0:
        signal.alarm(90)  # a lock that nobody opens in here would hold it for good
        import sqlite3
        ask(client)
        os._exit(0 if llm_observer.flush(80) else 1)
    children.append(child)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 12
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_while_the_worker_still_imports_its_parts_costs_the_child_nothing(tmp_path):
    done, events = run(FORKING_EARLY, tmp_path, timeout=110, PYTHONWARNINGS="ignore")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(events) == 13


WAITING_FOR_A_SIGNAL = """
import os, signal, time
llm_observer.patch()
ask(make_client("openai", plain("openai")))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
llm_observer.flush(30)
assert signal.sigwait({signal.SIGTERM}) == signal.SIGTERM
print("served to the end")
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks on this system")
def test_a_signal_that_the_app_has_masked_waits_for_the_app(tmp_path):
    done, events = run(WAITING_FOR_A_SIGNAL, tmp_path)
    assert (done.returncode, done.stdout, len(events)) == (0, "served to the end\n", 1)


FORKED_IN_A_STREAM = """
import os, sys
llm_observer.patch()
ask(make_client("openai", plain("openai")))
client = make_client("openai", streamed("openai"))
stream = client.chat.completions.create(model="gpt-4o", messages=[], stream=True)
next(iter(stream))
if os.fork() == 0:
    llm_observer.shutdown()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
list(stream)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_stream_that_is_open_at_a_fork_is_told_by_the_parent_alone(tmp_path):
    done, events = run(FORKED_IN_A_STREAM, tmp_path, PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stderr
    assert [event["llm_call"]["ending"] for event in events] == ["complete"] * 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_workers_record_their_calls(tmp_path, method):
    if method not in __import__("multiprocessing").get_all_start_methods():
        pytest.skip("not on this system")
    script = tmp_path / "app.py"
    script.write_text(
        HEAD
        + f"""
import multiprocessing
llm_observer.patch()

def work(n):
    ask(make_client("openai", plain("openai")))
    return llm_observer.flush(30)

if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        assert all(pool.map(work, range(6)))
"""
    )
    file = tmp_path / "events.jsonl"
    env = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path),
        "LLM_OBSERVER_FILE": str(file),
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=env, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(file.read_text().splitlines()) == 6


CHILD = """
import multiprocessing
llm_observer.patch()

def work():
    ask(make_client("openai", plain("openai")))
    {ends}

if __name__ == "__main__":
    child = multiprocessing.get_context({method!r}).Process(target=work)
    child.start()
    child.join()
    raise SystemExit(child.exitcode)
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.parametrize(
    ("ends", "code"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("1 / 0", 1)],
    ids=["returns", "exits", "fails"],
)
def test_a_child_of_multiprocessing_loses_nothing_however_its_function_ends(tmp_path, method, ends, code):
    script, file = tmp_path / "app.py", tmp_path / "events.jsonl"
    script.write_text(HEAD + CHILD.format(ends=ends, method=method))
    env = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path),
        "LLM_OBSERVER_FILE": str(file),
        "LLM_OBSERVER_EXIT_TIMEOUT_S": "40",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=env, timeout=100)
    assert done.returncode == code, done.stderr
    assert ("llm_observer" in done.stderr, len(file.read_text().splitlines())) == (False, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_the_end_of_a_child_waits_for_its_own_finalizers_calls(tmp_path):
    program = """
import multiprocessing, multiprocessing.util
llm_observer.patch()
client = make_client("openai", plain("openai"))

def work():
    multiprocessing.util.Finalize(None, ask, (client,), exitpriority=-50)
    ask(client)

child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join()
raise SystemExit(child.exitcode)
"""
    done, events = run(program, tmp_path, PYTHONWARNINGS="ignore")
    assert (done.returncode, done.stderr, len(events)) == (0, "", 2)


def test_settings_that_change_while_the_worker_is_busy_cost_no_call(tmp_path):
    """The first worker is still at its first import when the second one comes."""
    program = f"""
llm_observer.patch(exit_timeout_s=0)
ask(make_client("openai", plain("openai")))
llm_observer.patch(exit_timeout_s=40, file={str(tmp_path / "second.jsonl")!r})
"""
    done, events = run(program, tmp_path)
    second = (tmp_path / "second.jsonl").read_text().splitlines()
    assert (done.returncode, done.stderr, len(events) + len(second)) == (0, "", 1)


def test_what_the_end_does_not_wait_for_is_told_once_with_its_number(tmp_path):
    program = """
llm_observer.patch(exit_timeout_s=0)
client = make_client("openai", plain("openai"))
for _ in range(3):
    ask(client)
"""
    done, events = run(program, tmp_path)
    lost = 3 - len(events)
    told = [f"exit_timeout_s was too short at the end: {lost} calls are not in all sinks"]
    assert (done.returncode, done.stderr.splitlines()) == (0, told if lost else [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_sink_that_hangs_does_not_hold_up_the_exit(tmp_path):
    program = f"""
import os, threading
os.mkfifo({str(tmp_path / "full")!r})
held = os.open({str(tmp_path / "full")!r}, os.O_RDWR | os.O_NONBLOCK)
try:
    while True:
        os.write(held, b"x" * 4096)
except BlockingIOError:
    pass
blocked = os.open({str(tmp_path / "full")!r}, os.O_WRONLY)

class Full:
    def write(self, text): os.write(blocked, text.encode())
    def flush(self): pass

client = make_client("openai", plain("openai"))
sys.stdout = Full()
llm_observer.patch(stdout=True, exit_timeout_s=0.5)
ask(client)
"""
    start = time.monotonic()
    done, _ = run(program, tmp_path, timeout=50)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 30


def test_ctrl_c_while_a_stream_is_read_ends_the_process_as_ever(tmp_path):
    program = """
import os, signal
llm_observer.patch(summary=True)
for _ in ask(make_client("openai", streamed("openai")), stream=True):
    os.kill(os.getpid(), signal.SIGINT)
"""
    done, events = run(program, tmp_path)
    assert done.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in done.stderr
    assert len(events) == 1


def test_a_broken_disk_costs_the_events_and_one_log_line(tmp_path):
    """One line per kind of failure, however often it happens."""
    program = """
llm_observer.patch(file="/dev/full/no/such/place.jsonl")
client = make_client("openai", plain("openai"))
for _ in range(20):
    ask(client)
    llm_observer.flush()
assert llm_observer.session().calls == 20
assert any(kind.startswith("sink") for kind in llm_observer.stats()["faults"])
"""
    done, _ = run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    assert 1 <= len(done.stderr.splitlines()) <= 2
