"""Measure one scenario under one subject in a process of its own; prints one JSON object.

    python tests/bench/measure.py SUBJECT SCENARIO

SUBJECT: `bare`, `llm_observer`, or a peer. Calls are timed bare and observed in turns in one process.
The provider is a transport in memory: what is measured is the SDK and what is added to it, never a network.
"""

import asyncio
import gc
import json
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10},
    }
).encode()
CHUNK = (
    b"data: "
    + json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "delta": {"content": "word "}}],
        }
    ).encode()
    + b"\n\n"
)
CHUNKS = 200
SMALL = [{"role": "user", "content": "hello"}]
LARGE = [
    {"role": ("user", "assistant")[n % 2], "content": f"turn {n}: " + "some words of a long talk " * 50}
    for n in range(190)
]
"""About 250 kB: some 50,000 tokens."""


class Bare:
    """The SDK alone."""

    def on(self):
        """Nothing."""

    off = on


class Ours:
    def __init__(self):
        import llm_observer

        self.on, self.off = llm_observer.patch, llm_observer.unpatch


class Openinference:
    def __init__(self):
        from openinference.instrumentation.openai import OpenAIInstrumentor

        self._instrumentor = OpenAIInstrumentor()

    def on(self):
        from opentelemetry.sdk.trace import TracerProvider

        self._instrumentor.instrument(tracer_provider=TracerProvider())

    def off(self):
        self._instrumentor.uninstrument()


SUBJECTS = {"bare": Bare, "llm_observer": Ours, "openinference": Openinference}


def _client(*, is_async=False):
    from integration.loopback import Answer
    from integration.sdks import client_on, transport_module
    from integration.transports import transports

    def respond(received):
        if b'"stream":true' in received.body:
            return Answer(
                headers=(("content-type", "text/event-stream"),),
                steps=(*[CHUNK] * CHUNKS, b"data: [DONE]\n\n"),
            )
        return Answer(steps=(BODY,))

    made = transports(transport_module("openai"), respond)
    _deliveries.append(made.deliveries)
    return client_on("openai", made.asynchronous if is_async else made.sync, is_async=is_async)


_deliveries = []
"""What the transports remember of each call, for tests; it would count as memory here."""


def _quartile(times):
    """The lower quartile, in microseconds: what the code takes when the machine leaves it alone."""
    return statistics.quantiles(times, n=4)[0] / 1000


def _taking_turns(subject, rounds, block):
    """Run *block* bare and observed, in turns, in one process: what each gives, and the CPU it takes."""
    bare, observed, bare_cpu, cpu = [], [], 0.0, 0.0
    for number in range(rounds + 1):
        subject.off()
        start = time.process_time()
        given = block()
        between = time.process_time()
        subject.on()
        began = time.process_time()
        given_then = block()
        _settle()
        if number:  # the first round warms up
            bare += given
            observed += given_then
            bare_cpu += between - start
            cpu += time.process_time() - began
    subject.off()
    return bare, observed, (bare_cpu, cpu)


def _plain(subject, messages, size, rounds):
    chat = _client().chat.completions

    def block():
        times = []
        for _ in range(size):
            start = time.perf_counter_ns()
            chat.create(model="gpt-4o-mini", messages=messages)
            times.append(time.perf_counter_ns() - start)
        return times

    bare, observed, cpus = _taking_turns(subject, rounds, block)
    bare_cpu, cpu = (spent / size / rounds * 1e6 for spent in cpus)
    return {"bare_us": _quartile(bare), "us": _quartile(observed), "bare_cpu_us": bare_cpu, "cpu_us": cpu}


def _settle():
    for remembered in _deliveries:
        remembered.clear()
    ours = sys.modules.get("llm_observer")
    if ours is not None:
        ours.flush(60)


def plain_small(subject):
    return _plain(subject, SMALL, 50, 40)


def plain_50k_tokens(subject):
    return _plain(subject, LARGE, 5, 40)


def stream(subject):
    """Per chunk over a whole stream, and from the call to the first chunk."""
    chat = _client().chat.completions

    def block():
        times = []
        for _ in range(3):
            start = time.perf_counter_ns()
            iterator = iter(chat.create(model="gpt-4o-mini", messages=SMALL, stream=True))
            next(iterator)
            first = time.perf_counter_ns()
            for _ in iterator:
                pass
            times.append((first - start, (time.perf_counter_ns() - first) / (CHUNKS - 1)))
        return times

    bare, observed, _ = _taking_turns(subject, 40, block)
    return {
        "bare_first_us": _quartile([first for first, _ in bare]),
        "first_us": _quartile([first for first, _ in observed]),
        "bare_us": _quartile([chunk for _, chunk in bare]),
        "us": _quartile([chunk for _, chunk in observed]),
    }


def async_200_tasks(subject):
    """Per call, with 200 tasks at once."""

    async def main():
        chat = _client(is_async=True).chat.completions
        start = time.perf_counter_ns()
        await asyncio.gather(*(chat.create(model="gpt-4o-mini", messages=SMALL) for _ in range(200)))
        return [(time.perf_counter_ns() - start) / 200]

    bare, observed, _ = _taking_turns(subject, 10, lambda: asyncio.run(main()))
    return {"bare_us": _quartile(bare), "us": _quartile(observed)}


def loop_lag(subject):
    """How late a 1 ms timer fires (p99) while 250 kB prompts are sent, first call included."""
    subject.on()

    async def main():
        chat = _client(is_async=True).chat.completions
        late, done = [], asyncio.Event()

        async def watch():
            while not done.is_set():
                start = time.perf_counter_ns()
                await asyncio.sleep(0.001)
                late.append((time.perf_counter_ns() - start) / 1e6 - 1)

        watcher = asyncio.create_task(watch())
        await asyncio.sleep(0.01)
        for _ in range(60):
            await chat.create(model="gpt-4o-mini", messages=LARGE)
            await asyncio.sleep(0.03)
        done.set()
        await watcher
        return {"p99_ms": statistics.quantiles(late, n=100)[98], "max_ms": max(late)}

    return asyncio.run(main())


def _rss_mb():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rss_100k_calls(subject):
    subject.on()
    chat = _client().chat.completions
    marks = []
    for block in range(10):
        for _ in range(10_000):
            chat.create(model="gpt-4o-mini", messages=SMALL)
        _settle()
        if block in (1, 9):
            gc.collect()
            marks.append(_rss_mb())
    return {"after_20k_mb": marks[0], "after_100k_mb": marks[1]}


def rss_10k_abandoned(subject):
    subject.on()
    client = _client()
    marks = []
    for block in range(10):
        for _ in range(1000):
            for _ in client.chat.completions.create(model="gpt-4o-mini", messages=SMALL, stream=True):
                break
        gc.collect()
        _settle()
        if block in (1, 9):
            marks.append(_rss_mb())
    return {"after_2k_mb": marks[0], "after_10k_mb": marks[1]}


def process_one_call(subject):
    """Nothing more than one call: the driver times the whole process."""
    subject.on()
    _client().chat.completions.create(model="gpt-4o-mini", messages=SMALL)
    return {}


SCENARIOS = {
    f.__name__: f
    for f in (
        plain_small,
        plain_50k_tokens,
        stream,
        async_200_tasks,
        loop_lag,
        rss_100k_calls,
        rss_10k_abandoned,
        process_one_call,
    )
}


if __name__ == "__main__":
    name, scenario = sys.argv[1:]
    print(json.dumps(SCENARIOS[scenario](SUBJECTS[name]())))
