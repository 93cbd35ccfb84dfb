"""What went over the wire, as data: the only thing that an adapter sees.

An `Exchange` is one HTTP request and its answer. The capture layer fills it from live traffic, a
recording (HAR, cassette, log) fills it from a file; nothing in it is an SDK object.
"""

from typing import Literal

import msgspec

Headers = tuple[tuple[str, str], ...]
BodyState = Literal["kept", "empty", "not_kept", "truncated", "undecodable"]
Closing = Literal["end_of_body", "closed", "failed", "cancelled", "collected", "unread", "exit", "local"]

__all__ = ["BodyState", "Closing", "Exchange", "Headers", "Options"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the app asked for, before the client rewrote URL and body.

    route: path as the SDK method names it, without base path or query ("/chat/completions").
    model: model named in the options or in a form field, None where none is.
    """

    method: str
    route: str
    model: str | None = None


class Exchange(msgspec.Struct, kw_only=True):
    """One request and its answer. Times are nanoseconds; bodies are without any content coding."""

    sdk: str
    """The SDK's import name (`openai`, `anthropic`, a vendor's built on the same base client)."""
    sdk_version: str | None = None
    client: str | None = None
    """Class name of the client (`AzureOpenAI`, `AnthropicBedrock`), None in a recording."""
    options: Options
    url: str
    """As sent, query included; it never leaves the worker. Empty where no request was built."""
    request_headers: Headers = ()
    request_body: bytes | None = None
    request_state: BodyState = "empty"
    status: int | None = None
    response_headers: Headers = ()
    response_body: bytes = b""
    response_state: BodyState = "empty"
    stream_requested: bool = False
    """The SDK was asked for a stream (not: the answer is one)."""
    closing: Closing = "end_of_body"
    """How the reading of the answer stopped; the adapter decides the ending from the bytes."""
    error_type: str | None = None
    """Class name of the exception that the app got, None if it got none."""
    started_ns: int
    """Wall clock at the start of the logical call, nanoseconds since the epoch."""
    duration_ns: int | None = None
    first_chunk_ns: int | None = None
    """From the start to the first chunk of the body; streams only."""
    last_chunk_ns: int | None = None
    largest_gap_ns: int | None = None
    chunk_count: int | None = None
    retries: int = 0
    event_id: str = ""
    """Id of the event that it becomes."""
    account: str | None = None
    """Whose cache: keeps the caches of several accounts apart in one file."""

    def header(self, *names: str) -> str | None:
        """The first non-empty response header among *names* (lower case), in that order."""
        return _first(self.response_headers, names)

    def request_header(self, *names: str) -> str | None:
        """The first non-empty request header among *names* (lower case), in that order."""
        return _first(self.request_headers, names)


def _first(headers: Headers, names: tuple[str, ...]) -> str | None:
    for name in names:
        for key, value in headers:
            if value and key.lower() == name:
                return value
    return None
