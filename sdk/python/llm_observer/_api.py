"""patch, unpatch, observe, session, flush, shutdown, stats: the only module that knows every part."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llm_observer import log
from llm_observer._sessions import Sessions
from llm_observer.capture.hooks import Hooks, HookStatus
from llm_observer.capture.targets import TARGETS
from llm_observer.config import load
from llm_observer.context import MAX_ATTRIBUTES, enter, leave
from llm_observer.guard import caught, guard
from llm_observer.interrupted import still_interrupted
from llm_observer.relay import current as current_relay
from llm_observer.relay import is_owner
from llm_observer.running import Running

if TYPE_CHECKING:
    from llm_observer.event_hooks import BeforeSend, OnEvent
    from llm_observer.sinks.session import Session

__all__ = ["PatchReport", "flush", "observe", "patch", "session", "shutdown", "stats", "unpatch"]

Plain = str | int | float | bool


class PatchReport(NamedTuple):
    """What `patch()` did.

    is_enabled: False where `LLM_OBSERVER_ENABLED=0` turned the library off.
    hooks: one line per SDK. warnings: settings that were wrong, and what was taken instead.
    """

    is_enabled: bool
    hooks: tuple[HookStatus, ...]
    warnings: tuple[str, ...]


_lock = threading.RLock()
_hooks = Hooks()
_running: Running | None = None
_sessions = Sessions(lambda: _running)


def _after_fork() -> None:
    """A child has its own calls, and its parent's lock may be held by a thread that it does not have."""
    global _lock  # noqa: PLW0603 - there is one per process
    _lock = threading.RLock()
    _sessions.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def patch(  # noqa: PLR0913 - each is a setting that people look for here
    *,
    providers: Sequence[str] | None = None,
    summary: bool | None = None,
    stdout: bool | None = None,
    file: str | None = None,
    service_name: str | None = None,
    service_version: str | None = None,
    environment: str | None = None,
    prices: Mapping[str, Mapping[str, Any]] | None = None,
    discount: float | str | Mapping[str, Any] | None = None,
    deployments: Mapping[str, str] | None = None,
    capture_content: bool | None = None,
    hash_key: str | None = None,
    sample_rate: float | None = None,
    on_event: OnEvent | None = None,
    before_send: BeforeSend | None = None,
    config_file: str | None = None,
    **settings: Any,
) -> PatchReport:
    """Observe every call of the `openai` and `anthropic` SDKs, and of those built alike, from now on.

    Works before or after the SDKs are imported and before or after clients are made; calling it again
    changes the settings. It never raises: a wrong setting is named in a warning, and falls back.

    Args:
        providers: import names of the SDKs to observe; all known ones by default.
        summary: print a summary when the process ends.
        stdout: write each event as a line to standard output.
        file: path of a JSON-lines file that each event is appended to (created with mode 0600).
        service_name: name of the app, on each event; service_version and environment likewise.
        service_version: version of the app.
        environment: where the app runs, such as `production`.
        prices: private prices, US dollars per million tokens: `{"my-model": {"input": 1, "output": 4}}`.
        discount: fraction off list prices, for all models or per `provider/model` pattern.
        deployments: Azure deployment name to base model.
        capture_content: keep bounded, scrubbed text of prompts and answers. Off by default.
        hash_key: key of the text hashes; a random one per installation by default.
        sample_rate: share of traces that is written and sent; sums on this machine are of all calls.
        on_event: called with each event, on the worker: for alerts and metrics of the app's own.
        before_send: called, on the worker, with each event before it is sent: returns the event, an edited
            copy, or None to drop it. If it raises, the event is not sent.
        config_file: path of a TOML file with settings.
        settings: any other setting of docs/configuration.md, by name.
    """
    given = {name: value for name, value in {**locals(), **settings}.items() if name != "settings"}
    report = PatchReport(is_enabled=False, hooks=(), warnings=())
    with guard("patch"):
        report = _patch({name: value for name, value in given.items() if value is not None})
    return report  # noqa: RET504 - the guard may have left the one above


def _patch(arguments: Mapping[str, Any]) -> PatchReport:
    global _running
    config = load(arguments)
    with _lock:
        if config.enabled is False:
            return PatchReport(is_enabled=False, hooks=_hooks.status(), warnings=config.warnings)
        log.configure(debug=config.debug)
        if _running is None or (arguments and _running.config != config):
            before, _running = _running, Running(config, _sessions.of_process, stats, _exit_early)
            _register_exit()
            if before is not None:
                before.tracker.submit = _running.pipeline.submit  # streams that are open end in the new one
                before.make_way()
            _sessions.keep(config.session_rows)
        known = frozenset(target.sdk for target in TARGETS)
        _hooks.place(_running.tracker, known & frozenset(config.providers or known))
        return PatchReport(is_enabled=True, hooks=_hooks.status(), warnings=config.warnings)


def unpatch() -> None:
    """Put the SDKs' own functions back. Calls that are open still become events; results stay readable."""
    with _lock, guard("unpatch"):
        _hooks.remove()


class observe:  # noqa: N801 - `with observe(user="ada") as session:`
    """Put attributes on every event of the calls inside, and collect those calls in a session.

    Args:
        attributes: up to 16 of text, number or bool. They appear on events as they are, so give an
            opaque id rather than a name or an address.
    """

    def __init__(self, **attributes: str | float | bool) -> None:
        self._attributes = attributes
        self.session = _sessions.new()

    def __enter__(self) -> Session:
        enter(_plain(self._attributes), self.session)
        return self.session

    def __exit__(self, *exc: object) -> None:
        leave(self.session)  # nothing is kept here: threads and tasks share the object

    async def __aenter__(self) -> Session:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        self.__exit__(*exc)


def _plain(attributes: Mapping[str, Any]) -> dict[str, Plain]:
    if len(attributes) > MAX_ATTRIBUTES:
        log.once("attributes", "observe() takes up to %d attributes; the last ones are kept", MAX_ATTRIBUTES)
    return {str.__str__(name): _plain_value(value) for name, value in attributes.items()}


def _plain_value(value: object) -> Plain:
    """*value* in a type that every sink can write; the name of its own where it cannot even be shown."""
    with guard("attribute"):
        return next(of for kind, of in _PLAIN if issubclass(type(value), kind))(value)
    return type(value).__name__


def _whole(value: int) -> int | str:
    whole = int.__int__(value)
    return whole if -_INT64 <= whole < _INT64 else str(whole)


_INT64 = 1 << 63
_PLAIN: Sequence[tuple[type, Callable[[Any], Plain]]] = (
    (bool, bool),
    (int, _whole),
    (float, float.__float__),
    (str, str.__str__),
    (object, lambda value: str.__str__(str(value))),
)
"""How a value of the app's becomes plain, by the first type that is its base: NumPy's are subclasses."""


def session() -> Session:
    """The calls of this process so far: totals, breakdowns, the latest 1,000, and rows of `session_rows`."""
    _sessions.settle()
    return _sessions.of_process()


def flush(timeout_s: float | None = None) -> bool:
    """Wait until every ended call has become an event, reached the sinks and, if sending is on, was sent.

    Args:
        timeout_s: seconds to wait at most; `exit_timeout_s` of the settings by default.

    Returns:
        False if the time was too short, or the endpoint did not take all: that waits in the spool.
    """
    running = _running
    if running is None:
        return True
    return running.flush(running.config.exit_timeout_s if timeout_s is None else timeout_s)


def shutdown(timeout_s: float | None = None) -> bool:
    """Unpatch, deliver what is queued, close the sinks. For serverless handlers and tests.

    Returns:
        False if *timeout_s* (default `exit_timeout_s`) was too short for what was queued, or the endpoint
        did not take all: that waits in the spool.
    """
    global _running
    unpatch()
    with _lock:
        running, _running = _running, None
    if running is None:
        return True
    running.tracker.sweep()
    return running.close(running.config.exit_timeout_s if timeout_s is None else timeout_s)


def stats() -> dict[str, Any]:
    """What the library itself did: counts of events, drops, open streams, caught faults; hooks; delivery.

    `delivery` is what docs/telemetry-opt-in.md lists, and empty where sending is off.
    """
    running = _running
    counts = running.pipeline.stats()._asdict() if running else {}
    return {
        **counts,
        "delivery": running.delivery_stats() if running else {},
        "open_exchanges": len(running.tracker.open) if running else 0,
        "faults": caught(),
        "hooks": {hook.sdk: hook.state for hook in _hooks.status()},
    }


_registered: list[bool] = []


def _register_exit() -> None:
    if not _registered:
        _registered.append(True)
        atexit.register(_at_exit)


def _exit_early() -> None:
    """Be called before what was registered since: the app's span processors take no spans after they were."""
    if _registered:
        atexit.unregister(_at_exit)
        atexit.register(_at_exit)


def _at_exit() -> None:
    _registered.clear()
    running = _running
    if running is None or not running.is_read_at_exit:
        return
    with contextlib.suppress(KeyboardInterrupt), guard("exit"):  # Ctrl+C once more: wait no longer
        if is_owner():  # `llm-observer run` ends all of it later, when the app's exit functions have run
            running.flush(running.config.exit_timeout_s)
            return
        running.tracker.sweep()
        running.close(running.config.exit_timeout_s)
        is_told = running.config.summary and current_relay() is None and sys.stderr is not None
        if is_told and session().calls:
            print(session().summary(), file=sys.stderr)  # noqa: T201 - the app asked for it
    still_interrupted()
