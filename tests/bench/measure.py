"""Measure one scenario under one subject in a process of its own; prints one JSON object.

    python tests/bench/measure.py SUBJECT SCENARIO

SUBJECT: `bare`, `llm_observer`, or a peer of `PEERS`. The provider is a transport in memory, so that
what is measured is the SDK and what is added to it, never a network.
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


def bare():
    """The SDK alone."""


def llm_observer():
    import llm_observer as ours

    ours.patch()


def openinference():
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    OpenAIInstrumentor().instrument(tracer_provider=TracerProvider())


def openllmetry():
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    OpenAIInstrumentor().instrument(tracer_provider=TracerProvider())


def otel_genai():
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    OpenAIInstrumentor().instrument(tracer_provider=TracerProvider())


SUBJECTS = {f.__name__: f for f in (bare, llm_observer, openinference, openllmetry, otel_genai)}


def _client(*, is_async=False):
    from integration.loopback import Answer
    from integration.sdks import make_client

    def respond(received):
        if b'"stream":true' in received.body:
            return Answer(
                headers=(("content-type", "text/event-stream"),),
                steps=(*[CHUNK] * CHUNKS, b"data: [DONE]\n\n"),
            )
        return Answer(steps=(BODY,))

    return make_client("openai", respond, is_async=is_async)


def _quartile(times):
    """The lower quartile, in microseconds: what the code takes when the machine leaves it alone."""
    return statistics.quantiles(times, n=4)[0] / 1000


def _timed(act, count):
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        act()
        times.append(time.perf_counter_ns() - start)
    return times


def _plain(messages, count):
    chat = _client().chat.completions

    def act():
        chat.create(model="gpt-4o-mini", messages=messages)

    _timed(act, 100)
    start = time.process_time()
    wall = _quartile(_timed(act, count))
    _settle()
    return {"us": wall, "cpu_us": (time.process_time() - start) / count * 1e6}


def _settle():
    ours = sys.modules.get("llm_observer")
    if ours is not None:
        ours.flush(60)


def plain_small():
    return _plain(SMALL, 1500)


def plain_50k_tokens():
    return _plain(LARGE, 200)


def stream():
    """Per chunk over a whole stream, and from the call to the first chunk."""
    chat = _client().chat.completions
    first, chunk = [], []
    for _ in range(80):
        start = time.perf_counter_ns()
        opened = chat.create(model="gpt-4o-mini", messages=SMALL, stream=True)
        iterator = iter(opened)
        next(iterator)
        first.append(time.perf_counter_ns() - start)
        start = time.perf_counter_ns()
        for _ in iterator:
            pass
        chunk.append((time.perf_counter_ns() - start) / (CHUNKS - 1))
    return {"us": _quartile(chunk[10:]), "first_us": _quartile(first[10:])}


def async_200_tasks():
    """Per call, with 200 tasks at once."""

    async def main():
        chat = _client(is_async=True).chat.completions
        times = []
        for _ in range(12):
            start = time.perf_counter_ns()
            await asyncio.gather(*(chat.create(model="gpt-4o-mini", messages=SMALL) for _ in range(200)))
            times.append((time.perf_counter_ns() - start) / 200)
        return {"us": _quartile(times[2:])}

    return asyncio.run(main())


def loop_lag():
    """How late a 1 ms timer fires (p99) while 250 kB prompts are sent, first call included."""

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


def rss_100k_calls():
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


def rss_10k_abandoned():
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


def process_one_call():
    """Nothing more than one call: the driver times the whole process."""
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
    subject, scenario = sys.argv[1:]
    SUBJECTS[subject]()
    print(json.dumps(SCENARIOS[scenario]()))
