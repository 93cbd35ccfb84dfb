"""Follow one call: it begins, answers come, their chunks are kept, each ends exactly once.

`OpenCall` is the logical SDK call, retries included. `OpenExchange` is one answer below it. Both only
keep references to what exists; the worker turns them into a `wire.Exchange` with `finish()`.
"""

import time
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple

from llm_observer.capture.kept import KeptBody
from llm_observer.capture.site import call_site
from llm_observer.capture.targets import Target
from llm_observer.capture.tracker import Tracker, TrackerSource
from llm_observer.context import CallContext, current_observation, new_span, new_trace, otel_span
from llm_observer.guard import guard
from llm_observer.wire import Closing, Options

__all__ = ["Facts", "OpenCall", "OpenExchange", "current_call"]

_BEGIN = guard("begin")
_END = guard("end")
_current: ContextVar["OpenCall | None"] = ContextVar("llm_observer_call", default=None)


class Facts(NamedTuple):
    """What is known of a call before anything is sent."""

    target: Target
    client: str
    options: Options
    stream_requested: bool
    started_ns: int
    started: int
    """`perf_counter_ns` at the start."""
    context: CallContext


def current_call() -> "OpenCall | None":
    """The innermost call that is open here."""
    return _current.get()


class OpenCall:
    """One logical SDK call, as a context manager around the SDK's own `request`."""

    facts: Facts | None = None
    is_over = False
    failed_answers = 0
    """Answers with an error status that a middleware saw."""
    _token: Any = None

    def __init__(self, source: TrackerSource, target: Target, client: Any, given: tuple[Any, Any]) -> None:
        self._given = (source, target, client, *given)

    def __enter__(self) -> None:
        with _BEGIN:
            self._begin(*self._given)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _END:
            self._end(exc)

    def _begin(self, source: TrackerSource, target: Target, client: Any, args: Any, kwargs: Any) -> None:
        del self._given  # the options hold the whole prompt
        tracker = source.current(target)
        if tracker is None:
            return
        options = kwargs["options"] if "options" in kwargs else args[1]
        self.tracker = tracker
        self.answers: list[OpenExchange] = []
        self.facts = facts_of(target, client, options, stream=bool(kwargs.get("stream")), outer=_current.get())
        self._token = _current.set(self)

    def _end(self, exc: BaseException | None) -> None:
        if self.facts is None:
            return
        self.is_over = True
        _leave(self._token)
        if exc is not None:
            self._failed(exc, self.facts)
        elif not self.answers:
            answer = OpenExchange(self.tracker, self.facts)
            answer.retries = self.failed_answers
            answer.end("local")
        for answer in self.answers:
            answer.returned()

    def _failed(self, exc: BaseException, facts: Facts) -> None:
        answer = self.answers[-1] if self.answers else OpenExchange(self.tracker, facts)
        if not self.answers:
            answer.failed_with(getattr(exc, "response", None), getattr(exc, "request", None))
            answer.retries = max(answer.retries, self.failed_answers - 1)
        answer.error_type = type(exc).__name__
        answer.end(closing_of(exc))

    def answer_for(self, response: Any) -> "OpenExchange | None":
        """A new answer below this call, None if *response* has one already."""
        if self.facts is None or any(answer.response is response for answer in self.answers):
            return None
        context = self.facts.context
        if self.answers:  # the first answer is the call itself, later ones lie below it
            context = context._replace(span_id=new_span(), parent_span_id=context.span_id)
        answer = OpenExchange(self.tracker, self.facts, context)
        self.answers.append(answer)
        return answer


class OpenExchange(AbstractContextManager["OpenExchange", None]):
    """One answer. As a context manager it stands around the reading of the answer's body."""

    error_type: str | None = None
    response: Any = None
    request: Any = None
    retries = 0
    closing: Closing = "unread"
    ended_at: int | None = None
    first: int | None = None
    last = 0
    gap = 0
    count = 0
    is_read = False

    def __init__(self, tracker: Tracker, facts: Facts, context: CallContext | None = None) -> None:
        self.tracker = tracker
        self.facts = facts
        self.context = context or facts.context
        self.body = KeptBody(tracker.budget, tracker.max_exchange_bytes)
        self._unended = [True]
        tracker.open.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _END:
            self.end("end_of_body" if exc is None else closing_of(exc))

    def answered(self, response: Any, retries: int) -> None:
        """Note *response*; its body, if it is read already, is kept by reference."""
        self.response = response
        self.retries = retries
        body = _body_of(response)
        if body is not None:
            self.body.whole(body)
            self.is_read = True
        self.request = _request_of(response)
        self.body.request(self.request)

    def failed_with(self, response: Any, request: Any) -> None:
        """Note what an SDK exception carries: the failed answer, or only the request."""
        if response is not None:
            self.answered(response, 0)
        elif request is not None:
            self.request = request
            self.body.request(request)
        sent = getattr(self.request, "headers", None)
        count = sent.get("x-stainless-retry-count") if sent is not None else None
        if count is not None and count.isdecimal():
            self.retries = int(count)

    def chunk(self, chunk: bytes) -> None:
        """Keep one chunk and when it came."""
        now = time.perf_counter_ns()
        if self.first is None:
            self.first = now
        elif now - self.last > self.gap:
            self.gap = now - self.last
        self.last = now
        self.count += 1
        self.body.add(chunk)

    def release(self) -> None:
        """Let go of the kept bytes: the worker is done with them, or they were never queued."""
        self.body.release()

    def returned(self) -> None:
        """The SDK gave the answer to the app: a body that was read already ends the exchange."""
        if self.is_read:
            self.end("end_of_body")

    def end(self, closing: Closing) -> None:
        """End the exchange, the first time; later calls do nothing.

        With `collected` it runs in a finaliser: it takes no lock and writes no log.
        """
        try:
            self._unended.pop()
        except IndexError:
            return
        self.closing = closing
        self.ended_at = time.perf_counter_ns()
        self.tracker.open.discard(self)
        self.tracker.submit(self, wake=closing != "collected")


def facts_of(target: Target, client: Any, options: Any, *, stream: bool, outer: OpenCall | None) -> Facts:
    """What *client* is about to do with *options*. Reads two values of the app's data, iterates none."""
    data = options.json_data
    model = data.get("model") if type(data) is dict else None
    return Facts(
        target=target,
        client=type(client).__name__,
        options=Options(
            method=options.method.upper(), route=options.url, model=model if isinstance(model, str) else None
        ),
        stream_requested=stream,
        started_ns=time.time_ns(),
        started=time.perf_counter_ns(),
        context=_context(outer),
    )


def _context(outer: OpenCall | None) -> CallContext:
    span, observation = new_span(), current_observation()
    if outer is not None and outer.facts is not None:
        above = outer.facts.context
        trace, parent = above.trace_id, above.span_id
    else:
        trace, parent = otel_span() or (observation.trace_id if observation else new_trace(), None)
    return CallContext(trace, span, parent, span, observation, call_site())


def closing_of(exc: BaseException) -> Closing:
    """How the reading stopped, by the exception that stopped it."""
    if isinstance(exc, GeneratorExit):
        return "closed"
    # Cancellation is a BaseException in asyncio and trio alike, and so are Ctrl+C and exit.
    return "failed" if isinstance(exc, Exception) else "cancelled"


def _request_of(response: Any) -> Any:
    try:
        return response.request
    except RuntimeError:  # a middleware built the response without one
        return None


def _body_of(response: Any) -> bytes | None:
    if not response.is_closed:
        return None
    try:
        content: bytes = response.content
    except RuntimeError:  # ResponseNotRead, of either transport: closed unread
        return None
    return content


def _leave(token: Any) -> None:
    try:
        _current.reset(token)
    except ValueError:
        # The call ends in another context than it began in (a coroutine closed by its loop).
        return
