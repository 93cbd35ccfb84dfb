"""Follow one call: it begins, answers come, their chunks are kept, each ends exactly once.

`OpenCall` is the logical SDK call, retries included. `OpenExchange` is one answer below it. On the
app's thread both only note times and keep references to what exists; the worker does the rest.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from llm_observer.capture.kept import KeptBody
from llm_observer.capture.site import call_site
from llm_observer.capture.tracker import tracker_of
from llm_observer.context import current_observation, new_span, new_trace, otel_span
from llm_observer.guard import guard

if TYPE_CHECKING:
    from types import TracebackType

    from llm_observer.capture.targets import Target
    from llm_observer.capture.tracker import Tracker, TrackerSource
    from llm_observer.context import Observation
    from llm_observer.wire import Closing

__all__ = ["Head", "OpenCall", "OpenExchange", "Sent", "current_call"]

_BEGIN = guard("begin")
_END = guard("end")
_current: ContextVar[OpenCall | None] = ContextVar("llm_observer_call", default=None)
current_call = _current.get
"""The innermost call that is open here."""


class OpenCall:
    """One logical SDK call, as a context manager around the SDK's own `request`.

    Once begun it knows what the app asked for (`method`, `route`, `model`), when (`started_ns` on the
    wall clock, `started` on `perf_counter_ns`), from where (`site`), and where it belongs (ids,
    `observation`). It never keeps the options: they hold the whole prompt.
    """

    tracker: Tracker | None = None
    is_over = False
    failed_answers = 0
    """Answers with an error status that a middleware saw."""
    target: Target
    client: str
    method: str
    route: str
    model: str | None = None
    is_stream: bool
    started_ns: int
    started: int
    trace_id: int
    span_id: int
    parent_span_id: int | None = None
    above: Any = None
    """The app's OpenTelemetry span around the call."""
    observation: Observation | None
    site: tuple[str, int, str] | None
    answers: list[OpenExchange]
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
        del self._given
        tracker = tracker_of(source)
        if tracker is not None:
            options = kwargs["options"] if "options" in kwargs else args[1]
            self.note(tracker, target, client, options, is_stream=bool(kwargs.get("stream")))
            self._token = _current.set(self)

    def note(self, tracker: Tracker, target: Target, client: Any, options: Any, *, is_stream: bool) -> None:
        """Note what *client* is about to do. Reads a few values of the app's options, iterates none."""
        self.tracker = tracker
        self.target = target
        self.client = type(client).__name__
        self.method = options.method
        self.route = options.url
        self.is_stream = is_stream
        for fields in (options.json_data, options.extra_json):  # of an upload, this is all there is
            if type(fields) is dict:
                self.model = fields.get("model", self.model)
                asked = fields.get("stream")
                self.is_stream |= asked is True or (type(asked) is str and asked == "true")
        self.answers = []
        self._place(_current.get())
        self.started_ns = time_ns()
        self.started = perf_counter_ns()

    def _place(self, outer: OpenCall | None) -> None:
        self.site = call_site()
        self.span_id = new_span()
        self.observation = observation = current_observation()
        if outer is not None and outer.tracker is not None:
            self.trace_id, self.parent_span_id, self.above = outer.trace_id, outer.span_id, outer.above
            return
        self.above = above = otel_span()
        if above is not None:
            ids = above.get_span_context()
            self.trace_id, self.parent_span_id = ids.trace_id, ids.span_id
        else:
            self.trace_id = observation.trace_id if observation is not None else new_trace()

    def _end(self, exc: BaseException | None) -> None:
        if self.tracker is None:
            return
        self.is_over = True
        _leave(self._token)
        answers, self.answers = self.answers, []
        if exc is not None:
            self._failed(exc, answers)
        elif not answers:
            answer = OpenExchange(self, self.tracker)
            answer.retries = self.failed_answers
            answer.end("local")
        for answer in answers:
            answer.returned()

    def _failed(self, exc: BaseException, answers: list[OpenExchange]) -> None:
        assert self.tracker is not None  # noqa: S101 - for the type checker
        if answers:
            answer = answers[-1]
        else:
            answer = OpenExchange(self, self.tracker)
            answer.failed_with(exc)
            answer.retries = max(answer.retries, self.failed_answers - 1)
        answer.error_type = type(exc).__name__
        closing = closing_of(exc)
        answer.response = None
        # The answer was whole, and the SDK could make nothing of it.
        answer.end("end_of_body" if answer.is_read and closing == "failed" else closing)

    def answer_for(self, response: Any) -> OpenExchange | None:
        """A new answer below this call, None if *response* has one already."""
        for answer in self.answers:
            if answer.response is response:
                return None
        assert self.tracker is not None  # noqa: S101 - for the type checker
        answer = OpenExchange(self, self.tracker)
        if self.answers:  # the first answer is the call itself, later ones lie below it
            answer.span_id = new_span()
        self.answers.append(answer)
        return answer


class Head(NamedTuple):
    """What an answer says before its body. kind: the transport's class of responses."""

    status: int
    headers: Any
    kind: type[Any]


class Sent(NamedTuple):
    """The request as it went out. The transport's own object would hold its body, beyond all bounds."""

    url: Any
    headers: Any


class OpenExchange(AbstractContextManager["OpenExchange", None]):
    """One answer. As a context manager it stands around the reading of the answer's body."""

    span_id: int | None = None
    """Own span below the call's, None where the answer is the call itself."""
    error_type: str | None = None
    response: Any = None
    """Only while the call lasts: it holds the tap, and an open exchange must not keep that alive."""
    head: Head | None = None
    request: Any = None
    """`url` and `headers` of what went out."""
    inside: Any = None
    """The OpenTelemetry span that was active when the answer came: the SDK's own, or an instrumentation's."""
    retries = 0
    closing: Closing = "unread"
    ended_at: int | None = None
    first: int | None = None
    last = 0
    gap = 0
    count = 0
    is_read = False
    reading = 0
    """Which loop over the body the chunks came from: openai's async client drains it in a second one."""
    is_repeated: bool | None = None

    def __init__(self, call: OpenCall, tracker: Tracker) -> None:
        self.call = call
        self.tracker = tracker
        self.body = KeptBody(tracker.budget, tracker.max_exchange_bytes)
        self._unended = [True]

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _END:
            self.end("end_of_body" if exc is None else closing_of(exc))

    def answered(self, response: Any, retries: int) -> None:
        """Note *response*; its body, if it is read already, is kept by reference."""
        self.response = response
        self.inside = otel_span()
        self.head = Head(response.status_code, response.headers, type(response))
        self.retries = retries
        body = None
        try:
            if response.is_closed:
                body = response.content
                self.is_read = True
        except RuntimeError:  # ResponseNotRead, of either transport: closed unread
            self.is_read = False
        self._sent(response, body)

    def _sent(self, message: Any, body: bytes | None = None) -> None:
        """Note the request of *message*, a response or an exception, and keep its body by reference."""
        sent = None
        try:
            request = message.request
            self.request = Sent(request.url, request.headers)
            sent = request.content
        except RuntimeError:  # an upload (RequestNotRead), or a response that a middleware built itself
            self.body.request_state = "not_kept"
        self.body.hold(sent, body)

    def failed_with(self, exc: BaseException) -> None:
        """Note what an SDK exception carries: the failed answer, or only the request."""
        response = getattr(exc, "response", None)
        if response is not None:
            self.answered(response, 0)
        elif getattr(exc, "request", None) is not None:
            self._sent(exc)
        if self.request is not None:
            count = self.request.headers.get("x-stainless-retry-count", "")
            self.retries = int(count) if count.isdecimal() else 0

    def chunk(self, chunk: bytes, reading: int) -> None:
        """Keep one chunk and when it came; what is read after the end is not of this exchange.

        reading: tells the loops apart in which the body is read.
        """
        if not self._unended or (reading != self.reading and self._is_repeated(chunk, reading)):
            return
        now = perf_counter_ns()
        if self.first is None:
            self.first = now
        elif now - self.last > self.gap:
            self.gap = now - self.last
        self.last = now
        self.count += 1
        self.body.add(chunk)

    def _is_repeated(self, chunk: bytes, reading: int) -> bool:
        """Whether another reading gives the same bytes again (a mock), or goes on (a transport)."""
        if self.first is None:
            self.reading = reading
            return False
        if self.is_repeated is None:
            self.is_repeated = self.body.starts_with(chunk)
        return self.is_repeated

    def opened(self) -> None:
        """The body is going to be read by the app: until its end the exchange counts as open."""
        self.tracker.open.add(self)

    def returned(self) -> None:
        """The SDK gave the answer to the app: a body that was read already ends the exchange."""
        self.response = None
        if self.is_read:
            self.end("end_of_body")

    def release(self) -> None:
        """Let go of the kept bytes: the worker is done with them, or they were never queued."""
        self.body.release()

    def end(self, closing: Closing) -> None:
        """End the exchange, the first time; later calls do nothing.

        With `collected` it runs in a finaliser: it takes no lock and writes no log.
        """
        try:
            self._unended.pop()
        except IndexError:
            return
        self.closing = closing
        self.ended_at = perf_counter_ns()
        self.tracker.open.discard(self)
        self.tracker.submit(self, wake=closing != "collected")


def closing_of(exc: BaseException) -> Closing:
    """How the reading stopped, by the exception that stopped it."""
    if isinstance(exc, GeneratorExit):
        return "closed"
    # Cancellation is a BaseException in asyncio and trio alike, and so are Ctrl+C and exit.
    return "failed" if isinstance(exc, Exception) else "cancelled"


def _leave(token: Any) -> None:
    try:
        _current.reset(token)
    except ValueError:
        # The call ends in another context than it began in (a coroutine closed by its loop).
        return
