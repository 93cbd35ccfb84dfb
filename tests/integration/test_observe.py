"""Does `observe()` hold for what is inside it, for nothing else, and with whatever values the app has?"""

import asyncio
import enum
import os
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import llm_observer
from integration.exchanges import ask, plain
from integration.sdks import make_client
from llm_observer import guard
from llm_observer.context import current_observation


@pytest.fixture
def client(events):
    return make_client("openai", plain("openai"))


def attributes(events):
    return [event.get("attributes", {}) for event in events]


def test_threads_that_share_one_object_leave_nothing_behind(client, events):
    search, both_are_in = llm_observer.observe(feature="search"), threading.Barrier(2)

    def work(n):
        with search:
            both_are_in.wait(30)
            ask(client)
            if n:
                left.wait(30)
        left.set()
        ask(client)
        return current_observation()

    left = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == [None, None]
    assert sorted(map(len, attributes(events))) == [0, 0, 1, 1]
    assert search.session.calls == 2


def test_tasks_that_share_one_object_leave_nothing_behind(events):
    search = llm_observer.observe(feature="search")

    async def first(both_are_in, is_left):
        async with search:
            await both_are_in.wait()
        is_left.set()
        return current_observation()

    async def second(both_are_in, is_left):
        async with search:
            both_are_in.set()
            await is_left.wait()
        return current_observation()

    async def main():
        steps = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(first(*steps), second(*steps))

    assert asyncio.run(main()) == [None, None]


def streamed_to(user, client):
    with llm_observer.observe(user=user, **{user: True}) as session:
        yield session
        ask(client)
        yield session


def test_generators_that_end_in_the_order_they_began_leave_nothing_behind(client, events):
    ada, bob = streamed_to("ada", client), streamed_to("bob", client)
    ada_session, bob_session = next(ada), next(bob)
    next(ada)
    list(ada)
    next(bob)  # what is left of it is in its own `with` alone
    list(bob)
    ask(client)
    assert attributes(events)[1:] == [{"user": "bob", "bob": True}, {}]
    assert (ada_session.calls, bob_session.calls) == (1, 2)  # the first call was made while both were open
    assert current_observation() is None


def test_what_was_set_around_a_generator_stays_when_it_ends_between(client, events):
    with llm_observer.observe(job="night"):
        ada = streamed_to("ada", client)
        next(ada)
        with llm_observer.observe(step=1):
            trace = current_observation().trace_id
            ada.close()
            assert dict(current_observation().attributes) == {"job": "night", "step": 1}
            assert current_observation().trace_id == trace
        assert dict(current_observation().attributes) == {"job": "night"}


def test_an_object_that_is_entered_twice_is_left_twice(client, events):
    with llm_observer.observe(a=1) as session:
        again = llm_observer.observe(b=2)
        with again, again:
            ask(client)
        ask(client)
    assert attributes(events) == [{"a": 1, "b": 2}, {"a": 1}]
    assert (session.calls, again.session.calls) == (2, 1)


def test_an_end_in_another_context_takes_nothing_away_there(events):
    ada = streamed_to("ada", None)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(next, ada).result(30)
        with llm_observer.observe(job="night"):
            ada.close()
            assert dict(current_observation().attributes) == {"job": "night"}


class Word(str):
    __slots__ = ()

    def __str__(self):
        return "not what it holds"


class Score(float):
    __slots__ = ()


class Level(enum.IntEnum):
    HIGH = 3


class Proxy:
    """As of a web framework: it says that it is a text."""

    __class__ = str

    def __str__(self):
        return "u1"


WIDE = uuid.UUID(int=1 << 127).int
VALUES = {
    "subclass of str": (Word("u1"), "u1"),
    "subclass of float": (Score(0.5), 0.5),
    "enum": (Level.HIGH, 3),
    "the largest int": ((1 << 63) - 1, (1 << 63) - 1),
    "the smallest int": (-(1 << 63), -(1 << 63)),
    "uuid4().int": (WIDE, str(WIDE)),
    "below int64": (-(1 << 63) - 1, str(-(1 << 63) - 1)),
    "10**400": (10**400, str(10**400)),
    "bool": (True, True),
    "proxy": (Proxy(), "u1"),
}


@pytest.mark.parametrize(("value", "plain_value"), VALUES.values(), ids=VALUES)
def test_a_value_of_the_apps_own_type_is_written_plain(client, events, value, plain_value):
    with llm_observer.observe(value=value) as session:
        ask(client)
    assert attributes(events) == [{"value": plain_value}]
    (row,) = session.to_dicts()
    assert len(row["attributes"]) == session.calls == 1


def test_values_of_numpy_are_written_plain(client, events):
    numpy = pytest.importorskip("numpy")
    with llm_observer.observe(user=numpy.str_("u1"), score=numpy.float64(0.5)) as session:
        ask(client)
    assert attributes(events) == [{"user": "u1", "score": 0.5}]
    assert session.calls == 1


class Row:
    def __str__(self):
        raise RuntimeError("Instance is not bound to a Session")


@pytest.mark.parametrize(("value", "shown"), [(Row(), "Row"), (10**5000, "int")], ids=["raises", "digits"])
def test_a_value_that_cannot_be_shown_is_the_name_of_its_type_and_raises_nothing(value, shown):
    strict = guard.strict(False)
    try:
        with llm_observer.observe(user=value):
            assert dict(current_observation().attributes) == {"user": shown}
    finally:
        guard.strict(strict)


def test_a_session_that_fails_costs_no_other_and_no_sink(client, events, monkeypatch):
    with (
        llm_observer.observe(a=1) as outer,
        llm_observer.observe(b=2) as inner,
        monkeypatch.context() as broken,
    ):
        broken.setattr(guard, "_strict", False)
        broken.setattr(guard, "_counts", Counter())
        broken.setattr(outer, "_state", None)
        ask(client)
        llm_observer.flush(30)
        assert guard.caught() == {"session:AttributeError": 1}
    assert attributes(events) == [{"a": 1, "b": 2}]
    assert inner.calls == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps the folder that somebody is in")
def test_calls_are_told_after_the_working_directory_was_deleted(client, events, tmp_path, monkeypatch):
    gone = tmp_path / "release"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ask(client)
    names = {"create": client.chat.completions.create}
    exec(compile("def page(): create(model='m', messages=[])", "<template>", "exec"), names)
    names["page"]()
    assert [call["call_site"]["file"] for call in events.calls] == ["exchanges.py", "<template>"]
