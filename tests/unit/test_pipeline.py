"""The queue between the app's thread and the worker: bounded, fork-safe, never in the way."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llm_observer import log
from llm_observer.config import load
from llm_observer.guard import caught, strict
from llm_observer.pipeline import Pipeline
from llm_observer.running import Running


class Item:
    """Stands where an ended exchange stands."""

    def __init__(self, name):
        self.name = name
        self.is_released = False

    def release(self):
        self.is_released = True


class ListSink:
    name = "list"

    def __init__(self):
        self.got = []
        self.is_closed = False

    def write(self, events):
        self.got.extend(events)

    def close(self):
        self.is_closed = True


class BlockedSink(ListSink):
    def __init__(self):
        super().__init__()
        self.may_go = threading.Event()
        self.is_reached = threading.Event()

    def write(self, events):
        self.is_reached.set()
        self.may_go.wait(30)
        super().write(events)


@pytest.fixture
def sink():
    return ListSink()


@pytest.fixture
def pipeline(sink):
    made = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=100, is_patient=False)
    yield made
    made.close(1)


def submit(pipeline, *names):
    for name in names:
        pipeline.submit(Item(name), wake=True)


def test_events_reach_the_sinks_in_order(pipeline, sink):
    submit(pipeline, *range(90))
    assert pipeline.flush(30)
    assert sink.got == list(range(90))


def test_nothing_starts_before_the_first_item(sink):
    before = set(threading.enumerate())
    Pipeline(lambda: (lambda item: item, [sink]), max_queue=1, is_patient=False)
    assert set(threading.enumerate()) <= before


def test_a_finaliser_starts_no_thread_and_its_item_is_not_lost(pipeline, sink):
    before = set(threading.enumerate())  # those that another test left may end in between
    pipeline.submit(Item("collected"), wake=False)
    assert set(threading.enumerate()) <= before
    assert pipeline.flush(30)
    assert sink.got == ["collected"]


def test_a_full_queue_drops_and_counts_and_gives_the_bytes_back():
    sink = BlockedSink()
    pipeline = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=2, is_patient=True)
    items = [Item(n) for n in range(5)]
    for item in items:
        pipeline.submit(item, wake=False)
    assert [item.is_released for item in items] == [False, False, True, True, True]
    assert pipeline.stats().dropped == 3
    sink.may_go.set()
    assert pipeline.close(30)


def test_flush_gives_up_at_its_deadline_and_says_so():
    sink = BlockedSink()
    pipeline = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=9, is_patient=False)
    submit(pipeline, "slow")
    assert pipeline.flush(0.05) is False
    assert pipeline.close(0.05) is False
    assert sink.is_closed is False, "closing a sink that hangs would hang"
    sink.may_go.set()


def test_one_bad_item_and_one_bad_sink_cost_nobody_else(sink):
    class BrokenSink(ListSink):
        name = "broken"

        def write(self, events):
            raise OSError("disk full")

    def build(item):
        if item.name == "bad":
            raise ValueError("cannot build")
        return item.name

    pipeline = Pipeline(lambda: (build, [BrokenSink(), sink]), max_queue=9, is_patient=False)
    before = strict(False)
    try:
        submit(pipeline, "a", "bad", "b")
        assert pipeline.flush(30)
    finally:
        strict(before)
    assert sink.got == ["a", "b"]
    assert caught()["event:ValueError"] >= 1
    assert caught()["sink broken:OSError"] >= 1


def test_close_flushes_and_closes_the_sinks(pipeline, sink):
    submit(pipeline, "last")
    assert pipeline.close(30)
    assert (sink.got, sink.is_closed) == (["last"], True)


class Sending(ListSink):
    """Notes how long it may take to send, and needs no time."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def deliver(self, *, deadline, is_last):
        self.given_s = deadline - time.monotonic()
        return True

    def stats(self):
        return {}


def test_each_sending_sink_has_its_share_of_the_end_and_the_one_with_a_spool_what_is_left():
    running = Running(load({}), dict, dict, lambda: None)
    endpoint, other = running._sinks = [Sending("http"), Sending("otlp")]
    assert running.close(100.0)
    assert 40 < other.given_s <= 50
    assert 80 < endpoint.given_s <= 100


def test_a_caller_that_never_waits_leaves_the_worker_enough_to_lose_nothing(sink):
    def load():
        for _ in range(400):  # as an import does: each of these gives the GIL away
            Path(__file__).stat()
        return (lambda item: item.name), [sink]

    pipeline = Pipeline(load, max_queue=2000, is_patient=False)
    for name in range(6000):
        sum(range(5000))
        pipeline.submit(Item(name), wake=True)
    assert pipeline.close(20)
    assert (pipeline.stats().dropped, sink.got) == (0, list(range(6000)))


def test_many_threads_lose_nothing():
    sink = ListSink()
    pipeline = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=10_000, is_patient=False)
    threads = [
        threading.Thread(target=submit, args=(pipeline, *[(n, i) for i in range(500)])) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pipeline.flush(30)
    assert sorted(sink.got) == sorted((n, i) for n in range(8) for i in range(500))
    pipeline.close(1)


FORK = """
import os, sys, threading
sys.path.insert(0, {tests!r})
from test_pipeline import Item, ListSink
from llm_observer.pipeline import Pipeline
sink = ListSink()
pipeline = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=100, is_patient=False)
pipeline.submit(Item("parent"), wake=True)
pipeline.flush(30)
pipeline.submit(Item("parent, queued at the fork"), wake=False)
child = os.fork()
if child == 0:
    pipeline.submit(Item("child"), wake=True)
    assert pipeline.flush(30)
    assert pipeline.stats()[:2] == (1, 1), pipeline.stats()  # it counts its own
    os._exit(0 if sink.got == ["parent", "child"] else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert pipeline.flush(30)
assert sink.got == ["parent", "parent, queued at the fork"], sink.got
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_a_worker_of_its_own_and_repeats_nothing():
    program = FORK.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_queue_is_worked_off_where_no_thread_can_be_started(sink, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread at interpreter shutdown")

    pipeline = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=9, is_patient=False)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    pipeline.submit(Item("a"), wake=False)
    assert pipeline.flush(30)
    assert sink.got == ["a"]


@pytest.fixture
def lenient():
    """Faults are caught and counted, as in an app."""
    before = strict(False)
    yield
    strict(before)


def counted(fault):
    return caught().get(fault, 0)


def test_parts_that_cannot_be_loaded_are_a_named_fault_of_each_event_and_hang_nobody(lenient):
    def load():
        raise ImportError("a broken installation")

    pipeline = Pipeline(load, max_queue=9, is_patient=False)
    before = counted("load:ImportError"), counted("event:NotLoadedError"), counted("event:AttributeError")
    items = [Item(n) for n in range(3)]
    for item in items:
        pipeline.submit(item, wake=True)
    assert pipeline.flush(30)
    after = counted("load:ImportError"), counted("event:NotLoadedError"), counted("event:AttributeError")
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 3, 0]
    assert (pipeline.stats().events, [item.is_released for item in items]) == (0, [True] * 3)


def test_parts_that_could_not_be_loaded_are_tried_again(sink, lenient):
    tries = []

    def load():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("too many open files")
        return (lambda item: item.name, [sink])

    pipeline = Pipeline(load, max_queue=9, is_patient=False)
    submit(pipeline, "a")
    assert pipeline.flush(30)
    pipeline._load_at = 0.0  # the pause is over
    submit(pipeline, "b")
    assert pipeline.flush(30)
    assert (sink.got, len(tries)) == (["b"], 2)


def hung():
    """A pipeline whose worker does not get past the first batch, with two items behind that."""
    sink = BlockedSink()
    pipeline = Pipeline(lambda: (lambda item: item.name, [sink]), max_queue=9, is_patient=False)
    submit(pipeline, "in hand")
    assert sink.is_reached.wait(30)
    submit(pipeline, "b", "c")
    return pipeline, sink


def test_what_the_end_does_not_wait_for_is_counted_and_told_once_with_its_number(caplog):
    pipeline, sink = hung()
    log._first.pop("end", None)
    assert pipeline.stats().queued == 3
    assert pipeline.close(0) is False
    pipeline.give_up()
    pipeline.give_up()
    assert (pipeline.stats().dropped, pipeline.stats().queued) == (2, 1)
    assert [line for line in caplog.messages if "not in all sinks" in line] == [
        "exit_timeout_s was too short at the end: 3 calls are not in all sinks"
    ]
    sink.may_go.set()


def test_what_the_end_does_not_wait_for_can_be_handed_on():
    pipeline, sink = hung()
    assert pipeline.close(0) is False
    assert [item.name for item in pipeline.take()] == ["b", "c"]
    sink.may_go.set()
    assert pipeline.stats().dropped == 0


def test_where_the_process_may_end_at_any_moment_each_item_wakes_the_worker(sink):
    asked, arrived = [], threading.Semaphore(0)

    def build(item):
        arrived.release()
        return item.name

    pipeline = Pipeline(
        lambda: (build, [sink]),
        max_queue=9,
        is_patient=False,
        starting=lambda: bool(asked.append(1) or True),
    )
    pipeline._poll_s = 3600.0
    for name in "ab":
        submit(pipeline, name)
        assert arrived.acquire(timeout=30)
    assert asked == [1]
    assert pipeline.close(30)


def test_after_close_calls_are_dropped_and_counted_and_flush_returns_at_once(pipeline, sink):
    assert pipeline.close(30)
    submit(pipeline, "late")
    assert pipeline.flush(30)
    assert (sink.got, pipeline.stats().dropped) == ([], 1)


NO_CHILD = """
import sys
before = set(sys.modules)  # a tool that measures may have imported it
from llm_observer.child_end import at_end_of_child, is_child
assert (is_child(), at_end_of_child(lambda: None)) == (False, False)
assert not {name for name in set(sys.modules) - before if name.startswith("multiprocessing")}
import multiprocessing.util
assert (is_child(), at_end_of_child(lambda: None)) == (False, False)
"""


def test_a_process_that_multiprocessing_did_not_start_is_no_child_and_nothing_is_imported():
    done = subprocess.run([sys.executable, "-c", NO_CHILD], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
