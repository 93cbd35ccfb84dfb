"""Under gevent our thread is a greenlet: it does not starve, and keeps no app from its signals or its end."""

import signal

import pytest

from integration.test_process_life import HEAD, finished

pytest.importorskip("gevent")
GREEN = f"""
import gevent.monkey
gevent.monkey.patch_all()
import asyncio, gevent, signal, threading, time
{HEAD}
"""


def run(source, tmp_path):
    """The finished process and its events."""
    return finished(source, tmp_path, timeout=90, PYTHONWARNINGS="ignore")


FIVE_AT_ONCE = """
jobs = [gevent.spawn(lambda: ask(make_client("openai", plain("openai"))).id) for _ in range(5)]
gevent.joinall(jobs, raise_error=True)
assert llm_observer.flush(20)
"""


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f"{GREEN}llm_observer.patch()", id="before us"),
        pytest.param(f"{HEAD}llm_observer.patch()\n{GREEN}", id="after us"),
    ],
)
def test_calls_are_events_whenever_gevent_patches(head, tmp_path):
    done, events = run(f"{head}{FIVE_AT_ONCE}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(events) == 5


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks on this system")
def test_no_greenlet_misses_its_signals_while_our_thread_starts(tmp_path):
    """A lost SIGCHLD is a subprocess that is waited for without end."""
    program = """
llm_observer.patch()
masks = []
def look():
    while not calls.ready():
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        gevent.sleep(0)
client = make_client("openai", plain("openai"))
calls = gevent.spawn(ask, client)
gevent.joinall([calls, gevent.spawn(look)], raise_error=True)
assert len(masks) > 1 and not any(masks), next(filter(None, masks), masks)
"""
    done, _ = run(f"{GREEN}{program}", tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_app_that_waits_until_nothing_is_left_to_do_ends(tmp_path):
    program = """
llm_observer.patch()
client = make_client("openai", plain("openai"))
for _ in range(2):  # what has ended starts anew
    gevent.spawn(ask, client)
    assert gevent.wait(timeout=60)
try:
    gevent.event.Event().wait()
except gevent.exceptions.LoopExit:
    print("a deadlock is told")
"""
    done, events = run(f"{GREEN}import gevent.event\n{program}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a deadlock is told\n", "")
    assert len(events) == 2


def test_an_app_that_sends_ends_too(tmp_path):
    program = """
from integration.delivering import Receiver, taken
with Receiver(taken()) as receiver:
    llm_observer.patch(enabled=True, endpoint=receiver.endpoint, api_key="k")
    gevent.spawn(ask, make_client("openai", plain("openai"))).join()
    llm_observer.flush(40)
    print(len(receiver.requests))
    until = time.monotonic() + 60
    while "llm_observer delivery" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < until
        gevent.sleep(0.05)
"""
    done, _ = run(f"{GREEN}{program}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_calls_in_threads_of_a_pool_are_not_lost(tmp_path):
    """Nothing there gives way to other greenlets."""
    program = """
ask(make_client("openai", plain("openai")))  # the SDK may start a program, once: pools cannot wait for it
async def ask_async():
    return await ask(make_client("openai", plain("openai"), is_async=True))
llm_observer.patch()
for _ in range(4):
    gevent.get_hub().threadpool.apply(asyncio.run, (ask_async(),))
ask(make_client("openai", plain("openai")))
assert llm_observer.flush(40)
assert llm_observer.session().calls == 5
"""
    done, events = run(f"{GREEN}{program}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(events) == 5
