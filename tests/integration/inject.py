"""Raise once at every executed line of llm_observer, in a forked process per line, under a real SDK call.

Of the parts that only the worker runs, every function is taken at one of its lines.

    python tests/integration/inject.py KIND        prints one JSON object

KIND is one of `plain`, `stream`, `failing`, `async_plain`, `async_stream`, `async_failing`. The app's
call must return the same value or raise the same error as without us; lines where it does not leak.
"""

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
from pathlib import Path

import openai

import llm_observer

sys.path.insert(0, str(Path(__file__).parents[1]))
from integration.loopback import Loopback, json_answer, sse_answer

PACKAGE = str(Path(llm_observer.__file__).parent) + os.sep
WORKER_ONLY = ("adapters", "cache", "enrichers", "sinks", "telemetry")
"""Folders whose code never runs on the app's thread: what a fault does there, it does at any line alike."""
AT_ONCE = 4
HELLO = [{"role": "user", "content": "hello"}]
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10},
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "delta": {"content": "hi"}}],
}
STREAM = (*[b"data: " + json.dumps(CHUNK).encode() + b"\n\n"] * 3, b"data: [DONE]\n\n")
ERROR = {"error": {"message": "no", "type": "invalid_request_error", "code": "bad"}}


def answer_of(kind):
    if "stream" in kind:
        return sse_answer(*STREAM)
    if "failing" in kind:
        return json_answer(json.dumps(ERROR).encode(), status=400)
    return json_answer(json.dumps(COMPLETION).encode())


def call(kind, url):
    """The outcome of one call as the app sees it."""
    try:
        if kind.startswith("async_"):
            return asyncio.run(_async_call(kind, url))
        client = openai.OpenAI(api_key="k", base_url=url, max_retries=0)
        result = client.chat.completions.create(model="gpt-4o-mini", messages=HELLO, stream="stream" in kind)
        return [c.model_dump() for c in result] if "stream" in kind else result.model_dump()
    except Exception as exc:  # noqa: BLE001 - whatever the app would see is the outcome
        return f"{type(exc).__name__}: {exc}"


async def _async_call(kind, url):
    async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
        result = await client.chat.completions.create(
            model="gpt-4o-mini", messages=HELLO, stream="stream" in kind
        )
        return [c.model_dump() async for c in result] if "stream" in kind else result.model_dump()


def executed_lines(act):
    """Every (file, line) of ours that runs while *act* does, in any thread."""
    seen = {}

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            seen[frame.f_code.co_filename, frame.f_lineno] = frame.f_code.co_name
        return trace

    _with_trace(trace, act)
    return seen


def taken(lines):
    """*lines*, but only the first one of each function that only the worker runs."""
    kept, functions = {}, set()
    for (file, line), name in sorted(lines.items()):
        if Path(file).relative_to(PACKAGE).parts[0] in WORKER_ONLY:
            if (file, name) in functions:
                continue
            functions.add((file, name))
        kept[file, line] = name
    return kept


def raising_at(file, line):
    """A trace function that raises at the first visit of that line."""
    fired = []

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line" and not fired and (frame.f_code.co_filename, frame.f_lineno) == (file, line):
            fired.append(True)
            raise RuntimeError("injected")
        return trace

    return trace


def _with_trace(trace, act):
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        return act()
    finally:
        sys.settrace(None)
        threading.settrace(None)


def child_that_faults(file, line, act, expected):
    """A forked process that makes the call with a fault at that line; it exits 1 if the app sees it."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    same = False
    try:
        same = _with_trace(raising_at(file, line), act) == expected
    finally:
        os._exit(0 if same else 1)


def leaks(lines, act, expected):
    """Those of *lines* where a fault changes what the app sees; a few children at a time."""
    running, found = [], []
    for place in [*lines, *[None] * AT_ONCE]:
        if place is None or len(running) == AT_ONCE:
            done, child = running.pop(0) if running else (None, None)
            if child and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
                found.append(done)
        if place is not None:
            running.append((place, child_that_faults(*place, act, expected)))
    return found


def observed(kind, url):
    """One call under `patch()`, carried through to its event."""
    outcome = call(kind, url)
    with contextlib.suppress(RuntimeError):  # a fault in `flush()` itself is not one in the app's call
        gc.collect()
        llm_observer.flush(1.0)
    return outcome


def main(kind):
    with Loopback(answer_of(kind)) as provider:
        url = f"{provider.url}/v1"
        expected = call(kind, url)
        llm_observer.patch()
        observed(kind, url)  # imports and caches are warm: what follows is an ordinary call
        llm_observer.shutdown()
        llm_observer.patch()  # with a worker thread that is traced as well
        lines = executed_lines(lambda: observed(kind, url))
        lines = taken(lines)
        gc.collect()
        gc.freeze()  # a child collects what it made itself
        found = leaks(sorted(lines), lambda: observed(kind, url), expected)
    llm_observer.shutdown()
    named = [f"{os.path.relpath(file, PACKAGE)}:{line} {lines[file, line]}" for file, line in found]
    print(json.dumps({"kind": kind, "lines": len(lines), "leaks": named}))


if __name__ == "__main__":
    main(sys.argv[1])
