"""Does every way to run Python processes give one event per call, with none lost at a graceful end?"""

import http.client
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from integration.exchanges import plain, streamed
from integration.loopback import Loopback
from integration.receiving import Receiver, assert_one_event_per_call

TESTS = Path(__file__).parents[1]
APPS = Path(__file__).parent / "apps"
MATRIX = TESTS.parent / "docs" / "compatibility-matrix.md"
CALLS = 12
START_S = 60.0
PATIENCE_S = 110
END_S = 20.0
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks are POSIX's")


def needs(*packages):
    missing = [name for name in packages if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


class World(NamedTuple):
    """A provider, a receiver, and the environment of processes that call the one and send to the other."""

    provider: Loopback
    receiver: Receiver
    folder: Path
    env: dict[str, str]

    def events(self):
        return self.receiver.all_events(self.folder)

    def run(self, *words):
        """A process that ends by itself, well."""
        done = subprocess.run(
            [sys.executable, *words], env=self.env, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert (done.returncode, done.stderr) == (0, "")

    @contextmanager
    def running(self, *words, **options):
        """A process that is told to end by SIGTERM, and does so in time and well."""
        log = (self.folder.parent / "log").open("w+")
        process = subprocess.Popen([sys.executable, *words], env=self.env, stderr=log, **options)
        try:
            yield process
            process.terminate()
            assert process.wait(2 * END_S) in {0, -signal.SIGTERM}
            log.seek(0)
            assert "Traceback" not in log.read()
        finally:
            process.kill()
            process.wait()
            log.close()


@pytest.fixture
def world(tmp_path):
    with Loopback(answer) as provider, Receiver() as receiver:
        yield World(provider, receiver, tmp_path / "spool", environment(provider, receiver, tmp_path))


def environment(provider, receiver, tmp_path):
    return {
        **os.environ,
        **receiver.settings(tmp_path / "spool"),
        "XDG_STATE_HOME": str(tmp_path),
        "PROVIDER": provider.url,
        "PYTHONPATH": str(TESTS),
        # A machine that is busy with other tests takes its time; an attempt that is given up comes twice.
        "LLM_OBSERVER_EXIT_TIMEOUT_S": str(END_S),
        "LLM_OBSERVER_ATTEMPT_TIMEOUT_S": str(END_S),
        "PYTHONWARNINGS": "ignore",
    }


def answer(received):
    sdk = "openai" if "completions" in received.path else "anthropic"
    is_stream = b'"stream":true' in received.body.replace(b": ", b":")
    return streamed(sdk) if is_stream else plain(sdk)


@pytest.fixture
def listening():
    """A socket that a server inherits: what comes before it is ready waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as made:
        yield made


def visit(port, number):
    """The process that answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", f"/?call={number}")
        response = connection.getresponse()
        assert response.status == 200
        return int(response.read())
    finally:
        connection.close()


def visit_both_workers(port):
    """How many visits it took until two processes had answered, and the usual number at least."""
    seen, number, until = set(), 0, time.monotonic() + START_S
    while number < CALLS or len(seen) < 2:
        assert time.monotonic() < until, f"one worker answers all: {seen}"
        seen.add(visit(port, number))
        number += 1
        if number >= CALLS:
            time.sleep(0.01)  # the other one may still be starting
    return number


@needs("gunicorn")
@pytest.mark.parametrize("more", [(), ("--preload",)], ids=["pre-fork", "preload"])
def test_gunicorn(world, listening, more):
    visit_gunicorn(world, listening, more)


@needs("gunicorn", "gevent")
@pytest.mark.parametrize("more", [(), ("--preload",)], ids=["pre-fork", "preload"])
def test_gunicorn_with_gevent(world, listening, more):
    visit_gunicorn(world, listening, ("--worker-class", "gevent", *more))


def visit_gunicorn(world, listening, more):
    bind = ("--bind", f"fd://{listening.fileno()}", "--workers", "2", *more)
    words = ("-m", "gunicorn", *bind, "integration.apps.wsgi_app:app")
    with world.running(*words, pass_fds=[listening.fileno()]):
        calls = visit_both_workers(listening.getsockname()[1])
    assert_one_event_per_call(world.events(), calls)


@needs("uvicorn")
def test_uvicorn_with_workers(world, listening):
    words = (
        "-m",
        "uvicorn",
        "--fd",
        str(listening.fileno()),
        "--workers",
        "2",
        "integration.apps.asgi_app:app",
    )
    with world.running(*words, pass_fds=[listening.fileno()], stdout=subprocess.DEVNULL):
        calls = visit_both_workers(listening.getsockname()[1])
    assert_one_event_per_call(world.events(), calls)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing_process(world, method):
    world.run(str(APPS / "processes.py"), "process", method)
    assert_one_event_per_call(world.events(), CALLS)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing_pool_that_is_joined(world, method):
    world.run(str(APPS / "processes.py"), "joined_pool", method)
    assert_one_event_per_call(world.events(), CALLS)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing_pool_that_is_terminated(world, method):
    world.run(str(APPS / "processes.py"), "killed_pool", method)
    assert_one_event_per_call(world.events(), CALLS)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_process_pool_executor(world, method):
    world.run(str(APPS / "processes.py"), "executor", method)
    assert_one_event_per_call(world.events(), CALLS)


@needs("celery")
@pytest.mark.parametrize("tasks_per_child", ["1", "6"])
def test_celery(world, tasks_per_child):
    world.env["BROKER"] = str(world.folder.parent / "broker")
    pool = ("--pool", "prefork", "--concurrency", "2", "--max-tasks-per-child", tasks_per_child)
    alone = ("--without-gossip", "--without-mingle")
    words = ("-m", "celery", "-A", "integration.apps.celery_app", "worker", *pool, *alone)
    with world.running(*words, stdout=subprocess.DEVNULL):
        world.run("-c", f"from integration.apps.celery_app import work_all; work_all({CALLS})")
    assert_one_event_per_call(world.events(), CALLS)


def test_thread_pool_executor(world):
    world.run(str(APPS / "processes.py"), "threads")
    assert_one_event_per_call(world.events(), CALLS)


def test_asyncio(world):
    world.run(str(APPS / "processes.py"), "loop")
    assert_one_event_per_call(world.events(), CALLS)


@needs("uvloop")
def test_asyncio_on_uvloop(world):
    world.run(str(APPS / "processes.py"), "uvloop")
    assert_one_event_per_call(world.events(), CALLS)


@needs("trio")
def test_trio(world):
    world.run(str(APPS / "processes.py"), "trio")
    assert_one_event_per_call(world.events(), CALLS)


@pytest.fixture
def function(world):
    """A serverless function, by how it ends an invocation."""
    started = []

    def start(ending):
        words = [sys.executable, str(APPS / "function.py"), ending]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(words, env=world.env, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def invoke(process, number):
    """Thaw, invoke, freeze, as AWS Lambda does; what the handler returned."""
    os.kill(process.pid, signal.SIGCONT)
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    told = process.stdout.readline().strip()
    os.kill(process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    return told


def test_a_function_that_flushes_has_sent_all_before_it_is_frozen_and_killed(world, function):
    process = function("flush")
    for number in range(3):
        assert invoke(process, number) == "True"
        assert len(world.receiver.events) == number + 1
    process.kill()
    process.wait()
    assert_one_event_per_call(world.events(), 3)


def test_a_frozen_function_that_does_not_flush_goes_on_where_it_was(world, function):
    process = function("leave")
    for number in range(3):
        invoke(process, number)
    os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=2 * END_S)
    assert process.returncode == 0
    assert_one_event_per_call(world.events(), 3)


def test_every_row_of_the_matrix_is_a_test_and_every_test_a_row():
    named = re.findall(r"`(test_\w+)` \|$", MATRIX.read_text("utf-8"), re.MULTILINE)
    here = re.findall(r"^def (test_\w+)\(world", Path(__file__).read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(here)
