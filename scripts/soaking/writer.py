"""What does an app with very many calls do? It gives event after event to the sink: a program of its own.

Prints one line of JSON: what the library counted, and the processor time that all of it took.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator

import msgspec

from llm_observer.call import CallSite, Cost, LLMCall, SegmentPrint, Timing, Tokens
from llm_observer.config import load
from llm_observer.event import Event, Sdk, Service, encode
from llm_observer.sinks.http import HttpSink
from llm_observer.telemetry.setup import delivery_of, spool_of
from llm_observer.telemetry.spool import Spool

BATCH = 64
"""What the worker gives to a sink at most."""
LOOK_EVERY = 32
FULL_BYTES = 16 << 20
"""The soak asks whether anything is lost, so it never lets the spool's own bound drop the oldest."""
PATIENCE_S = 300.0
KINDS = ("system", "user", "assistant", "user")


def main() -> None:
    """Write, wait until all is delivered, tell."""
    options = _options()
    settings = {
        "enabled": True,
        "endpoint": options.endpoint,
        "api_key": "sk-soak",
        "spool_dir": options.folder,
    }
    config = load(settings, environ={}, cwd=options.folder)
    spool = spool_of(config)
    delivery = delivery_of(config, spool)
    sink = HttpSink(spool, delivery, sample_rate=config.sample_rate, max_bytes=config.batch_max_bytes)
    event_bytes = _write(sink, spool, options)
    _drain(sink, spool)
    sink.deliver(deadline=time.monotonic() + 5, is_last=True)
    told = {**delivery.stats(), "cpu_s": time.process_time(), "event_bytes": event_bytes}
    sys.stdout.write(json.dumps(told) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--first", type=int, required=True, help="number of the first event")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    return parser.parse_args()


def _write(sink: HttpSink, spool: Spool, options: argparse.Namespace) -> float:
    """Write all events, waiting where the spool fills up; how long an event is on average."""
    events, size = _events(options.first, options.events, options.seed), 0
    for turn, start in enumerate(range(0, options.events, BATCH)):
        batch = [next(events) for _ in range(min(BATCH, options.events - start))]
        size += len(encode(batch[0])) if turn % LOOK_EVERY == 0 else 0
        sink.write(batch)
        while turn % LOOK_EVERY == 0 and spool.stats().waiting_bytes > FULL_BYTES:
            time.sleep(0.05)
    return size / len(range(0, options.events, BATCH * LOOK_EVERY))


def _drain(sink: HttpSink, spool: Spool) -> None:
    """Until the spool is empty: other writers' events count too, as they are sent from here as well."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        sink.deliver(deadline=time.monotonic() + 1, is_last=False)
        stats = spool.stats()
        if not stats.waiting + stats.leased:
            return
        time.sleep(0.2)


def _events(first: int, events: int, seed: int) -> Iterator[Event]:
    """Calls of an agent, each with an id that ends in its number."""
    rng = random.Random(seed)  # noqa: S311 - a test's
    for number in range(first, first + events):
        millis = f"{time.time_ns() // 1_000_000:012x}"
        yield msgspec.structs.replace(
            _TEMPLATE,
            event_id=f"{millis[:8]}-{millis[8:]}-7{rng.getrandbits(12):03x}-8{rng.getrandbits(12):03x}-{number:012x}",
            trace_id=f"{rng.getrandbits(128):032x}",
            span_id=f"{rng.getrandbits(64):016x}",
        )


_CALL = LLMCall(
    provider="anthropic",
    wire="anthropic",
    operation="chat",
    sdk="anthropic",
    client="Anthropic",
    model_requested="claude-sonnet-4-6",
    model_responded="claude-sonnet-4-6-20250929",
    status=200,
    tokens=Tokens(input_total=5210, cache_read=4096, output=212),
    cost=Cost(status="exact", total_usd="0.0077508", input_usd="0.003342", output_usd="0.00318"),
    timing=Timing(duration_ms=2410.5),
    segments=tuple(
        SegmentPrint(path=f"messages[{at}]", kind=kind, bytes=300 + at, hash=f"{at:016x}")
        for at, kind in enumerate(KINDS)
    ),
    segment_count=len(KINDS),
    call_site=CallSite(file="app/agent.py", line=42, function="plan_step"),
)
_TEMPLATE = Event(
    schema_version="1.1",
    event_id="",
    type="llm_call",
    time="2026-11-21T12:00:00.000000Z",
    trace_id="",
    span_id="",
    service=Service(name="soak", environment="test"),
    sdk=Sdk(name="llm_observer", version="0"),
    attributes={"tenant": "t-17", "feature": "summary"},
    llm_call=_CALL,
)

if __name__ == "__main__":
    main()
