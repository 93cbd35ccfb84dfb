"""Place the hooks on an SDK, put those back that were lost, and take them off."""

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from llm_observer import log
from llm_observer.capture.exchange import OpenCall, OpenExchange, current_call
from llm_observer.capture.placing import Placed, Source, hook_of, place_on, restore
from llm_observer.capture.shadows import shadows
from llm_observer.capture.site import ignore_folder
from llm_observer.capture.socket_hooks import makers
from llm_observer.capture.tap import tap
from llm_observer.capture.targets import SDKS, TARGETS, Target, version_of
from llm_observer.capture.tracker import Tracker, tracker_of
from llm_observer.capture.watch import when_imported
from llm_observer.guard import guard

__all__ = ["HookStatus", "Hooks"]

_IMPORT = guard("hook")
_RESPONSE = guard("response")
_COVER = guard("cover")
_METHODS = ("request", "_process_response")
_LOST = "its hooks were taken off: the next patch() puts them back"


class HookStatus(NamedTuple):
    """How one SDK is observed.

    state: `placed`, `waiting` (not imported yet), `failed`, `off` (not asked for, or unpatched).
    version: of the SDK, None until it is imported.
    """

    sdk: str
    state: str
    version: str | None
    reason: str | None = None


class Hooks:
    """All hooks of this process. One table drives placing and taking off."""

    def __init__(self) -> None:
        self._tracker: Tracker | None = None
        self._sdks: frozenset[str] = frozenset()
        self._placed: dict[str, list[Placed]] = {}
        self._failed: dict[str, str] = {}
        self._registered: set[str] = set()
        self._lock = threading.RLock()

    def place(self, tracker: Tracker, sdks: frozenset[str]) -> None:
        """Observe *sdks* into *tracker*: those imported already now, the others when they are."""
        for target in TARGETS:
            if target.sdk in sdks:
                for module in _modules(target):
                    _await_import(module)  # without our lock: the importing thread may want it
        with self._lock:
            self._tracker, self._sdks = tracker, sdks
            for target in TARGETS:
                for entry in (one for module in _modules(target) for one in self._placed.get(module, ())):
                    entry.source.tracker = tracker if target.sdk in sdks else None
                if target.sdk in sdks:
                    self._await(target)

    def _await(self, target: Target) -> None:
        for module in _modules(target):
            if module not in self._registered:
                self._registered.add(module)
                when_imported(module, self._on_import(target))
            elif module in sys.modules:
                self._on_import(target)(sys.modules[module])

    def remove(self) -> None:
        """Put the SDKs' own functions back; a hook below a foreign wrapper stays there, and is quiet."""
        with self._lock:
            self._tracker, self._sdks = None, frozenset()
            for entry in (entry for entries in self._placed.values() for entry in entries):
                restore(entry)
            self._placed.clear()

    def status(self) -> tuple[HookStatus, ...]:
        """One line per SDK that we know; a vendor's only where the app has imported it."""
        return tuple(
            self._status(target) for target in TARGETS if target in SDKS or target.module in sys.modules
        )

    def _status(self, target: Target) -> HookStatus:
        version = version_of(target.sdk)
        if target.sdk not in self._sdks:
            return HookStatus(target.sdk, "off", version)
        module = sys.modules.get(target.module)
        if module is not None and self._are_there(target, module):
            return HookStatus(target.sdk, "placed", version)
        if target.sdk in self._failed:
            return HookStatus(target.sdk, "failed", version, self._failed[target.sdk])
        if module is not None and self._placed.get(target.module):
            return HookStatus(target.sdk, "failed", version, _LOST)
        return HookStatus(target.sdk, "waiting", version)

    def _are_there(self, target: Target, module: ModuleType) -> bool:
        there = {
            (entry.owner, entry.name) for entry in self._placed.get(module.__name__, ()) if entry.is_there
        }
        wanted = ((getattr(module, client, None), name) for client in target.clients for name in _METHODS)
        return there.issuperset(wanted)

    def _on_import(self, target: Target) -> Callable[[ModuleType], None]:
        def imported(module: ModuleType) -> None:
            with _IMPORT, self._lock:
                if target.sdk not in self._sdks:
                    return
                if module.__name__ != target.module:
                    self._place_sockets(target, module)
                elif self._is_fit(target, module):
                    self._place_all(target, module)
                    self._cover(target, module)

        return imported

    def _is_fit(self, target: Target, module: ModuleType) -> bool:
        """Whether the hooks can be placed. If not, those of before stay: a mock may lie on them."""
        reason = None if self._are_there(target, module) else _unfit(target, module)
        if reason is None:
            self._failed.pop(target.sdk, None)
            return True
        self._failed[target.sdk] = reason
        log.once(f"hook:{target.sdk}", "%s is not observed: %s", target.sdk, reason)
        return False

    def _place_all(self, target: Target, module: ModuleType) -> None:
        ignore_folder(os.path.dirname(str(module.__file__)))
        self._place_missing(
            module,
            [
                (getattr(module, client), name, _made(make, target))
                for client in target.clients
                for name, make in zip(_METHODS, (_on_request(client), _on_response), strict=True)
            ],
        )

    def _place_sockets(self, target: Target, module: ModuleType) -> None:
        """Hook the making of a connection; a version that has no such class has nothing to hook."""
        self._place_missing(
            module,
            [
                (owner, name, _made(make, target, sockets))
                for sockets in target.sockets
                if sockets.module == module.__name__
                for owner, name, make in makers(module, sockets)
            ],
        )

    def _place_missing(self, module: ModuleType, points: list[tuple[type, str, Callable[..., Any]]]) -> None:
        """Hook those of *points* that carry no hook of ours, or none any more: a mock was there, and went.

        An SDK that was imported twice has its classes twice, and the app may use both.
        """
        entries = self._placed.setdefault(module.__name__, [])
        there = [entry for entry in entries if entry.is_there]
        for lost in (entry for entry in entries if not entry.is_there):
            lost.source.tracker = None
        held = {(entry.owner, entry.name) for entry in there}
        missing = (point for point in points if point[:2] not in held)
        entries[:] = [*there, *(place_on(*point, self._tracker) for point in missing)]

    def _cover(self, target: Target, module: ModuleType) -> None:
        """Hook what hides our hooks too; beside wrappers of others, look again before each call.

        Who takes off a wrapper that was there before us takes ours off instead, or puts the SDK's own
        function on top of it.
        """
        entries = self._placed.get(module.__name__, [])
        hooks = [hook_of(entry.wrapper) for entry in entries]
        entries += [
            place_on(cls, entry.name, entry.make, self._tracker)
            for entry in tuple(entries)
            for cls in shadows(entry.owner, entry.name, entry.original, lambda f: hook_of(f) in hooks)
        ]
        options = getattr(module, "FinalRequestOptions", None)
        is_watched = any(entry.owner is options for entry in entries)
        if options is None or is_watched or not any(_is_foreign(entry.original, module) for entry in entries):
            return
        # Each method of the SDK makes such options, and then looks up `request`.
        entries.append(
            place_on(options, "construct", lambda _: self._on_options(target, module), self._tracker)
        )

    def _on_options(self, target: Target, module: ModuleType) -> Callable[..., Any]:
        def construct(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
            with _COVER:
                self._look_again(target, module)
            return wrapped(*args, **kwargs)

        return construct

    def _look_again(self, target: Target, module: ModuleType) -> None:
        for entry in self._placed.get(module.__name__, ()):
            if vars(entry.owner).get(entry.name) is not entry.wrapper:
                self._on_import(target)(module)
                return


def _made(make: Callable[..., Callable[..., Any]], *given: Any) -> Callable[[Source], Callable[..., Any]]:
    return lambda source: make(source, *given)


def _modules(target: Target) -> Iterator[str]:
    yield target.module
    yield from (sockets.module for sockets in target.sockets)


def _await_import(module: str) -> None:
    """Let another thread finish its import of *module*, of which only a part may exist yet."""
    if module in sys.modules:
        with contextlib.suppress(ImportError):  # its import failed: the app learns that by itself
            importlib.import_module(module)


def _unfit(target: Target, module: ModuleType) -> str | None:
    import inspect

    for client in target.clients:
        for name in _METHODS:
            if not inspect.isfunction(getattr(getattr(module, client, None), name, None)):
                return f"{target.module}.{client}.{name} is no function in version {version_of(target.sdk)}"
    return None


def _is_foreign(original: Any, module: ModuleType) -> bool:
    """Whether this is no function of the SDK's own, but what somebody put on it or in its place."""
    return hasattr(original, "__wrapped__") or getattr(original, "__module__", None) != module.__name__


def _on_request(client: str) -> Callable[[Source, Target], Callable[..., Any]]:
    # By name: another library's wrapper around a coroutine function need not be one itself.
    return _async_request if client.startswith("Async") else _sync_request


def _sync_request(source: Source, target: Target) -> Callable[..., Any]:
    def request(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with OpenCall(source, target, instance, (args, kwargs)):
            return wrapped(*args, **kwargs)

    return request


def _async_request(source: Source, target: Target) -> Callable[..., Any]:
    async def request(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with OpenCall(source, target, instance, (args, kwargs)):
            return await wrapped(*args, **kwargs)

    return request


def _on_response(source: Source, target: Target) -> Callable[..., Any]:
    def process_response(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        with _RESPONSE:
            _answered(tracker_of(source), target, instance, kwargs)
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
