"""What does the app notice of our threads? It joins them, hooks run on them, its tests put mocks there."""

import signal
import subprocess
import sys
import threading
import time
from unittest import mock

import pytest

import llm_observer
from integration.delivering import Receiver, taken
from integration.exchanges import ask, plain
from integration.sdks import make_client


@pytest.fixture
def client():
    llm_observer.patch()
    yield make_client("openai", plain("openai"))
    llm_observer.shutdown(30)


def threads_of_ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith("llm_observer")]


@pytest.mark.parametrize("is_sending", [False, True], ids=["local", "sending"])
def test_an_app_that_joins_all_threads_goes_on_and_so_do_we(client, is_sending):
    with Receiver(taken()) as receiver:
        if is_sending:
            llm_observer.patch(enabled=True, endpoint=receiver.endpoint, api_key="k")
        before = llm_observer.session().calls
        for count in (1, 2):
            ask(client)
            assert llm_observer.flush(30)
            ours = threads_of_ours()
            assert ours
            for thread in ours:
                thread.join(30)
                assert not thread.is_alive()
            assert llm_observer.session().calls - before == count
        llm_observer.shutdown(30)
        assert len(receiver.sent_ids) == (2 if is_sending else 0)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks on this system")
def test_what_a_hook_starts_can_be_stopped(client):
    """A mask is handed down to threads and programs."""
    ended = []

    def hook(_):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        process.terminate()
        ended.append(process.wait(30))

    llm_observer.patch(on_event=hook)
    ask(client)
    assert llm_observer.flush(60)
    assert ended == [-signal.SIGTERM]


def test_a_mock_of_the_apps_sees_nothing_of_us(client):
    before = llm_observer.session().calls
    with (
        mock.patch("time.sleep") as sleep,
        mock.patch("threading.Thread") as thread,
        mock.patch("time.perf_counter_ns", side_effect=[0, 5]),
        mock.patch("time.time_ns", side_effect=[7]),
        mock.patch("time.monotonic", side_effect=AssertionError),
    ):
        begin = time.perf_counter_ns()
        ask(client)
        assert (time.time_ns(), time.perf_counter_ns() - begin) == (7, 5)
        assert llm_observer.flush(30)
        assert (sleep.mock_calls, thread.mock_calls) == ([], [])
    assert llm_observer.session().calls - before == 1


def test_a_call_that_a_hook_makes_is_not_told(client):
    """It would make the next one, without end; also where no thread can be had, and a flush does the work."""
    answers = []

    def hook(_):
        answers.append(ask(make_client("openai", plain("openai"))).id)
        assert not llm_observer.flush(1)

    llm_observer.patch(on_event=hook)
    before = llm_observer.session().calls
    for count in (1, 2):
        ask(client)
        assert llm_observer.flush(30)
        assert (llm_observer.session().calls - before, len(answers)) == (count, count)
