"""What can go wrong, and how is it made to? Run as a program, it is an app with one fault: `chaos.py NAME`.

It calls real SDK clients twelve times and writes JSON lines to standard output: what the calls gave, then
`llm_observer.stats()`. With `CHAOS_OBSERVED=0` it is the same app without us. Faults of our own parts are
made by putting a function that raises in the place of ours.
"""

import atexit
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from integration.exchanges import ask, failed, plain, streamed
from integration.sdks import make_client

IS_OBSERVED = os.environ.get("CHAOS_OBSERVED") == "1"
SDKS = ("openai", "anthropic")
ROUND = 3 * len(SDKS)
CALLS = 2 * ROUND
FLUSH_S = 30.0
_MONTH_S = 30 * 86_400


def nothing():
    """No fault at this point."""


class Fault(NamedTuple):
    """One row of the matrix.

    step: what fails, in words. seen: where stats() shows it, the beginning of `part.name`. becomes: what
    becomes of the events. endpoint: a name of `endpoints.py`. first, ready, midway, last: called before
    `patch()`, after it, between two rounds of calls, and at the end. is_ours: it cannot happen without us.
    """

    step: str
    seen: str = ""
    becomes: str = "delivered"
    endpoint: str = "taking"
    first: Callable[[], object] = nothing
    ready: Callable[[], object] = nothing
    midway: Callable[[], object] = nothing
    last: Callable[[], object] = nothing
    is_ours: bool = True
    code: int = 0


def say(**line):
    """A line that the test reads."""
    print(json.dumps(line), flush=True)  # noqa: T201 - it is what the program is for


def calls():
    """What one round of calls gives: an answer, a stream and an error of each SDK."""
    return [outcome for sdk in SDKS for outcome in _outcomes(sdk)]


@cache
def _client(sdk, answer):
    """Made once: to make one opens files."""
    return make_client(sdk, answer(sdk))


def _refusal(sdk):
    return failed()


def _outcomes(sdk):
    yield ask(_client(sdk, plain)).model_dump(mode="json")
    yield [part.model_dump(mode="json") for part in ask(_client(sdk, streamed), stream=True)]
    try:
        ask(_client(sdk, _refusal))
    except Exception as exc:  # noqa: BLE001 - whatever the app would get
        yield [type(exc).__name__, str(exc)]


def tell_stats():
    """Write stats() as it is after a flush."""
    if IS_OBSERVED:
        import llm_observer

        llm_observer.flush(FLUSH_S)
        say(stats=llm_observer.stats())


def raising(*places, error=RuntimeError):
    """Put functions that raise *error* at *places*, each `module:name` or `module:Class.name`."""

    def broken(*args, **kwargs):
        raise error("chaos")

    def arrange():
        for place in places:
            module, _, path = place.partition(":")
            *owners, name = path.split(".")
            owner = import_module(f"llm_observer.{module}")
            for part in owners:
                owner = getattr(owner, part)
            setattr(owner, name, broken)

    return arrange


def no_thread(*names):
    """The system has no thread for those of *names*."""

    def arrange():
        start = threading.Thread.start

        def refuse(thread):
            if thread.name in names:
                raise RuntimeError("can't start new thread")
            start(thread)

        threading.Thread.start = refuse

    return arrange


def clock_jumps():
    """Each look at the wall clock is a month from the one before."""
    now, now_ns, jumps = time.time, time.time_ns, cycle((0, _MONTH_S, -_MONTH_S))
    time.time = lambda: now() + next(jumps)
    time.time_ns = lambda: now_ns() + next(jumps) * 1_000_000_000


def disk_full():
    """No file may grow (SQLite and our own files alike get EFBIG; Python ignores the signal)."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def no_descriptors():
    """No file and no socket can be opened any more."""
    import resource

    tell_stats()
    free = os.dup(1)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def read_only():
    """Our files belong where nothing can be made."""
    place = "/proc/llm_observer" if os.geteuid() == 0 else _locked_folder()
    os.environ["LLM_OBSERVER_FILE"] = f"{place}/events.jsonl"
    os.environ["LLM_OBSERVER_SPOOL_DIR"] = f"{place}/spool"


def _locked_folder():
    folder = Path(os.environ["TMPDIR"], "locked")
    folder.mkdir(mode=0o500)
    return str(folder)


def fork():
    """A child makes a round of calls of its own, and ends at once."""
    child = os.fork()
    if child == 0:
        calls()
        tell_stats()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def call_at_exit():
    """Calls after our own end: what was registered earlier runs later."""

    def late():
        say(late=calls())
        tell_stats()

    atexit.register(late)


def send(number):
    """A signal to this process."""
    return lambda: os.kill(os.getpid(), number)


def exit_on_sigterm():
    """As servers do: SIGTERM ends the program in order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))


def interrupt_a_stream():
    """Ctrl+C while an answer is read."""
    for _ in ask(make_client("openai", streamed("openai")), stream=True):
        os.kill(os.getpid(), signal.SIGINT)


_ENCODE = ("sinks.jsonl:encode", "sinks.http:encode")
_WORKER, _SENDER = "llm_observer", "llm_observer delivery"

FAULTS = {
    "none": Fault("nothing fails", "delivery.delivered"),
    "adapter": Fault("the adapter raises", "faults.event:", "counted", first=raising("worker:decode")),
    "enricher": Fault(
        "an enricher raises", "faults.enrich:", first=raising("enrichers.cost:CostEnricher.__call__")
    ),
    "encode": Fault("the event cannot be encoded", "faults.sink http:", "counted", first=raising(*_ENCODE)),
    "session sink": Fault(
        "the session raises", "faults.sink session:", first=raising("sinks.session:SessionSink.write")
    ),
    "file sink": Fault(
        "the file sink raises", "faults.sink jsonl:", first=raising("sinks.jsonl:JsonlSink.write")
    ),
    "http sink": Fault(
        "the http sink raises", "faults.sink http:", "in the file", first=raising("sinks.http:HttpSink.write")
    ),
    "load": Fault(
        "the worker cannot be put together", "faults.load:", "counted", first=raising("worker:enrichers_of")
    ),
    "sender": Fault(
        "the sender raises", "faults.delivery:", "in the spool", first=raising("telemetry.sender:Sender.send")
    ),
    "sender made": Fault(
        "the sender cannot be made",
        "faults.delivery:",
        "in the spool",
        first=raising("telemetry.setup:Sender.__init__"),
    ),
    "spool put": Fault(
        "the spool raises on storing",
        "faults.sink http:",
        "in the file",
        first=raising("telemetry.spool:Spool.put"),
    ),
    "spool lease": Fault(
        "the spool raises on leasing",
        "faults.delivery:",
        "in the spool",
        first=raising("telemetry.spool:Spool.lease"),
    ),
    "spool ack": Fault(
        "the spool raises on acknowledging",
        "faults.delivery:",
        "delivered",
        first=raising("telemetry.spool:Spool.ack"),
    ),
    "memory, worker": Fault(
        "no memory on the worker",
        "faults.event:MemoryError",
        "counted",
        first=raising("assemble:Assembler.__call__", error=MemoryError),
    ),
    "memory, sender": Fault(
        "no memory on the sender",
        "faults.delivery:MemoryError",
        "in the spool",
        first=raising("telemetry.client:Client.post", error=MemoryError),
    ),
    "disk full": Fault("the disk is full", "faults.sink jsonl:", "counted", ready=disk_full, is_ours=False),
    "read-only": Fault("the folders are read-only", "faults.sink jsonl:", "counted", first=read_only),
    "descriptors, at first": Fault(
        "no file descriptors before the first event",
        "faults.",
        "counted",
        first=calls,
        ready=no_descriptors,
        is_ours=False,
    ),
    "descriptors, later": Fault(
        "no file descriptors from some time on",
        "faults.sink jsonl:",
        "counted",
        midway=no_descriptors,
        is_ours=False,
    ),
    "refused": Fault("nobody listens", "delivery.failed_attempts", "in the spool", "refused"),
    "failing": Fault("status 503", "delivery.failed_attempts", "in the spool", "failing"),
    "silent": Fault("no answer comes", "delivery.failed_attempts", "in the spool", "silent"),
    "dripping": Fault("the answer drips", "delivery.failed_attempts", "in the spool", "dripping"),
    "dns": Fault("the host has no address", "delivery.failed_attempts", "in the spool", "unknown_host"),
    "tls, self-signed": Fault(
        "the certificate is self-signed", "delivery.failed_attempts", "in the spool", "self_signed"
    ),
    "tls, none": Fault("the endpoint speaks no TLS", "delivery.failed_attempts", "in the spool", "not_tls"),
    "clock": Fault("the wall clock jumps by months", "delivery.delivered", first=clock_jumps, is_ours=False),
    "thread, worker": Fault("no thread for the worker", "faults.end:", first=no_thread(_WORKER)),
    "thread, sender": Fault("no thread for sending", "delivery.no_thread", first=no_thread(_SENDER)),
    "threads": Fault("no thread at all", "delivery.no_thread", first=no_thread(_WORKER, _SENDER)),
    "fork": Fault("the process forks", "delivery.delivered", midway=fork, is_ours=False),
    "interpreter shutdown": Fault("calls after our end", "dropped", first=call_at_exit, is_ours=False),
    "SIGTERM": Fault("SIGTERM", "delivery.delivered", last=send(signal.SIGTERM), is_ours=False, code=-15),
    "SIGTERM, handled": Fault(
        "SIGTERM, which the app handles",
        "delivery.delivered",
        first=exit_on_sigterm,
        last=send(signal.SIGTERM),
        is_ours=False,
        code=7,
    ),
    "SIGINT": Fault(
        "Ctrl+C in a stream", "delivery.delivered", last=interrupt_a_stream, is_ours=False, code=-2
    ),
    "os._exit": Fault("os._exit", "delivery.delivered", last=lambda: os._exit(3), is_ours=False, code=3),
    "SIGKILL": Fault("kill -9", "delivery.delivered", last=send(signal.SIGKILL), is_ours=False, code=-9),
}
"""By name. becomes: `delivered`, `in the spool` (after the end), `in the file`, `counted` (if lost)."""


def main(name):
    """The app."""
    fault = FAULTS[name]
    happens = IS_OBSERVED or not fault.is_ours
    first, ready, midway, last = fault[4:8] if happens else [nothing] * 4
    first()
    if IS_OBSERVED:
        import llm_observer

        llm_observer.patch()
    ready()
    found = calls()
    midway()
    say(results=[*found, *calls()])
    tell_stats()
    last()


if __name__ == "__main__":
    main(sys.argv[1])
