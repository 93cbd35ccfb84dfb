"""Place the two hooks on an SDK, and take them off: the only writer on foreign classes."""

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from llm_observer import log
from llm_observer.capture.exchange import OpenCall, OpenExchange, current_call
from llm_observer.capture.site import ignore_folder
from llm_observer.capture.tap import tap
from llm_observer.capture.targets import TARGETS, Target
from llm_observer.capture.tracker import Tracker
from llm_observer.capture.watch import when_imported
from llm_observer.guard import guard

__all__ = ["HookStatus", "Hooks"]

_IMPORT = guard("hook")
_RESPONSE = guard("response")


class HookStatus(NamedTuple):
    """How one SDK is observed.

    state: `placed`, `waiting` (not imported yet), `failed`, `off` (not asked for, or unpatched).
    version: of the SDK, None until it is imported.
    """

    sdk: str
    state: str
    version: str | None
    reason: str | None = None


class _Source:
    """Where the calls of one placement go. Taken off, it goes nowhere for good, whoever still calls it."""

    tracker: Tracker | None = None


class _Placed(NamedTuple):
    owner: type
    name: str
    wrapper: Any
    original: Any
    was_own: bool
    source: _Source


class Hooks:
    """All hooks of this process. One table drives placing and taking off."""

    def __init__(self) -> None:
        self._tracker: Tracker | None = None
        self._sdks: frozenset[str] = frozenset()
        self._placed: dict[str, list[_Placed]] = {}
        self._failed: dict[str, str] = {}
        self._registered: set[str] = set()
        self._lock = threading.RLock()

    def place(self, tracker: Tracker, sdks: frozenset[str]) -> None:
        """Observe *sdks* into *tracker*: those imported already now, the others when they are."""
        for target in TARGETS:
            if target.sdk in sdks:
                _await_import(target.module)  # without our lock: the importing thread may want it
        with self._lock:
            self._tracker, self._sdks = tracker, sdks
            for target in TARGETS:
                for entry in self._placed.get(target.sdk, ()):
                    entry.source.tracker = tracker if target.sdk in sdks else None
                if target.sdk in sdks and target.sdk not in self._registered:
                    self._registered.add(target.sdk)
                    when_imported(target.module, self._on_import(target))
                elif target.sdk in sdks and target.module in sys.modules:
                    self._on_import(target)(sys.modules[target.module])

    def remove(self) -> None:
        """Put the SDKs' own functions back; a hook below a foreign wrapper stays there, and is quiet."""
        with self._lock:
            self._tracker, self._sdks = None, frozenset()
            for entry in (entry for entries in self._placed.values() for entry in entries):
                _restore(entry)
            self._placed.clear()

    def status(self) -> tuple[HookStatus, ...]:
        """One line per SDK that we know."""
        return tuple(self._status(target) for target in TARGETS)

    def _status(self, target: Target) -> HookStatus:
        version = _version_of(target)
        if target.sdk not in self._sdks:
            return HookStatus(target.sdk, "off", version)
        if target.sdk in self._failed:
            return HookStatus(target.sdk, "failed", version, self._failed[target.sdk])
        return HookStatus(target.sdk, "placed" if self._placed.get(target.sdk) else "waiting", version)

    def _on_import(self, target: Target) -> Callable[[ModuleType], None]:
        def imported(module: ModuleType) -> None:
            with _IMPORT, self._lock:
                if target.sdk in self._sdks and not self._placed.get(target.sdk):
                    self._place_all(target, module)

        return imported

    def _place_all(self, target: Target, module: ModuleType) -> None:
        reason = _unfit(target, module)
        if reason is not None:
            self._failed[target.sdk] = reason
            log.once(f"hook:{target.sdk}", "%s is not observed: %s", target.sdk, reason)
            return
        ignore_folder(os.path.dirname(str(module.__file__)))
        source = _Source()
        source.tracker = self._tracker
        self._placed[target.sdk] = [
            _wrap(getattr(module, client), name, make(source, target), source)
            for client in target.clients
            for name, make in (("request", _on_request(client)), ("_process_response", _on_response))
        ]


def _await_import(module: str) -> None:
    """Let another thread finish its import of *module*, of which only a part may exist yet."""
    if module in sys.modules:
        with contextlib.suppress(ImportError):  # its import failed: the app learns that by itself
            importlib.import_module(module)


def _unfit(target: Target, module: ModuleType) -> str | None:
    import inspect

    for client in target.clients:
        for name in ("request", "_process_response"):
            if not inspect.isfunction(getattr(getattr(module, client, None), name, None)):
                return f"{target.module}.{client}.{name} is no function in version {_version_of(target)}"
    return None


def _wrap(owner: type, name: str, wrapper: Callable[..., Any], source: _Source) -> _Placed:
    import wrapt

    was_own = name in vars(owner)
    # What is in the class itself: looking it up by attribute would bind a wrapper of somebody else's.
    original = vars(owner)[name] if was_own else getattr(owner, name)
    placed = wrapt.FunctionWrapper(original, wrapper)
    setattr(owner, name, placed)
    return _Placed(owner, name, placed, original, was_own, source)


def _restore(entry: _Placed) -> None:
    entry.source.tracker = None
    if vars(entry.owner).get(entry.name) is not entry.wrapper:
        return  # somebody wrapped it after us: theirs stays, ours is quiet
    if entry.was_own:
        setattr(entry.owner, entry.name, entry.original)
    else:
        delattr(entry.owner, entry.name)


def _on_request(client: str) -> Callable[[_Source, Target], Callable[..., Any]]:
    # By name: another library's wrapper around a coroutine function need not be one itself.
    return _async_request if client.startswith("Async") else _sync_request


def _sync_request(source: _Source, target: Target) -> Callable[..., Any]:
    def request(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with OpenCall(source, target, instance, (args, kwargs)):
            return wrapped(*args, **kwargs)

    return request


def _async_request(source: _Source, target: Target) -> Callable[..., Any]:
    async def request(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with OpenCall(source, target, instance, (args, kwargs)):
            return await wrapped(*args, **kwargs)

    return request


def _on_response(source: _Source, target: Target) -> Callable[..., Any]:
    def process_response(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with _RESPONSE:
            _answered(source.tracker, target, instance, kwargs)
        return wrapped(*args, **kwargs)

    return process_response


def _answered(tracker: Tracker | None, target: Target, client: Any, given: dict[str, Any]) -> None:
    if tracker is None:
        return
    call, response, retries = current_call(), given["response"], given.get("retries_taken", 0)
    if call is None or call.is_over:
        _answered_late(tracker, target, client, given)
    elif response.status_code >= 400:  # noqa: PLR2004 - HTTP's own number; only a middleware sees it here
        call.failed_answers += 1
    elif (answer := call.answer_for(response)) is not None:
        _take(answer, response, max(retries, call.failed_answers))


def _answered_late(tracker: Tracker, target: Target, client: Any, given: dict[str, Any]) -> None:
    """An answer outside any call, such as one that a middleware fetched after `request` returned."""
    call = OpenCall.__new__(OpenCall)
    call.note(tracker, target, client, given["options"], is_stream=bool(given.get("stream")))
    answer = OpenExchange(call, tracker)
    _take(answer, given["response"], given.get("retries_taken", 0))
    answer.returned()


def _take(answer: OpenExchange, response: Any, retries: int) -> None:
    answer.answered(response, retries)
    if answer.is_read:
        return
    if tap(response, answer):
        answer.opened()
    else:
        answer.end("unread")


def _version_of(target: Target) -> str | None:
    """Version of the SDK, None until it is imported."""
    version = getattr(sys.modules.get(target.sdk), "__version__", None)
    return version if isinstance(version, str) else None
