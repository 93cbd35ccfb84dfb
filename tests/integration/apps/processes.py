"""Processes and threads that the standard library starts: `processes.py HOW`, twelve calls in two workers."""

import asyncio
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import llm_observer
from integration.apps.calling import call, call_async

llm_observer.patch()
CALLS = 12


def some(start):
    """The half of the calls that begins at *start*."""
    for number in range(start, CALLS, 2):
        call(number)
    return {thread.name for thread in threading.enumerate()}


def some_flushed(start):
    """As `some`, for a worker that is ended by a signal."""
    some(start)
    assert llm_observer.flush()
    return {thread.name for thread in threading.enumerate()}


def process(method):
    context = multiprocessing.get_context(method)
    started = [context.Process(target=some, args=(start,)) for start in range(2)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    assert [one.exitcode for one in started] == [0, 0]


def killed_pool(method):
    with multiprocessing.get_context(method).Pool(2) as workers:
        told = workers.map(some_flushed, range(2), chunksize=1)
    assert all({"llm_observer", "llm_observer delivery"} <= threads for threads in told), told


def joined_pool(method):
    workers = multiprocessing.get_context(method).Pool(2)
    told = workers.map(some, range(2), chunksize=1)
    workers.close()
    workers.join()
    assert all("llm_observer" in threads for threads in told), told


def executor(method):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as workers:
        told = list(workers.map(some, range(2)))
    assert all("llm_observer" in threads for threads in told), told


def threads():
    with ThreadPoolExecutor(4) as workers:
        assert len(list(workers.map(call, range(CALLS)))) == CALLS


async def together():
    await asyncio.gather(*(call_async(number, stream=number % 2 == 1) for number in range(CALLS)))


def uvloop():
    import uvloop as loops

    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        runner.run(together())


def trio():
    import trio as loops

    async def one(number):
        await call_async(number, "anthropic" if number % 4 > 1 else "openai", stream=number % 2 == 1)

    async def all_of_them():
        async with loops.open_nursery() as nursery:
            for number in range(CALLS):
                nursery.start_soon(one, number)

    loops.run(all_of_them)


def loop():
    asyncio.run(together())


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    globals()[name](*arguments)
