"""Which answers are in a file of batch results? One a line, read as the answer that it is."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from llm_observer.adapters.answer import Answer, Format, fields_of
from llm_observer.adapters.fields import Notes
from llm_observer.adapters.more_usage import more_usage_of
from llm_observer.adapters.usage import server_tool_counts, tokens_of
from llm_observer.decoded import BatchResult
from llm_observer.wire import Exchange

__all__ = ["Results", "results_of"]

OPERATIONS = frozenset({"files.content:get", "messages.batches.results:get"})
"""Downloads that may be batch results; an OpenAI file may be anything else too."""
_NONE = msgspec.Raw()
_BAD_REQUEST = 400


class _Response(msgspec.Struct):
    """OpenAI's `response`; null where the request could not be run."""

    status_code: int = 0
    body: msgspec.Raw = _NONE


class _Result(msgspec.Struct):
    """Anthropic's `result`: `succeeded`, with a message, or `errored`, `canceled`, `expired`."""

    type: str
    message: msgspec.Raw = _NONE


class _Line(msgspec.Struct):
    """A line of either kind. Both start with a `custom_id`, and only results have an answer.

    https://developers.openai.com/api/docs/guides/batch and
    https://platform.claude.com/docs/en/build-with-claude/batch-processing, 2026-11-21.
    """

    custom_id: str
    response: _Response | None = None
    result: _Result | None = None
    error: msgspec.Raw = _NONE

    @property
    def is_result(self) -> bool:
        """Whether this is an answer, not a request or another file's line."""
        return self.response is not None or self.result is not None or bool(self.error)

    @property
    def answer(self) -> msgspec.Raw:
        """The answer as it would have come by itself; empty where none came."""
        if self.response is not None and self.response.status_code < _BAD_REQUEST:
            return self.response.body
        return self.result.message if self.result is not None else _NONE


_lines = msgspec.json.Decoder(_Line)


class Results(NamedTuple):
    """The answers of a file. is_whole: all of the file was read and kept."""

    answers: tuple[BatchResult, ...]
    is_whole: bool


def results_of(exchange: Exchange, operation: str, wire: Format, notes: Notes) -> Results | None:
    """The answers that *exchange* downloaded; None if it did not download any."""
    if operation not in OPERATIONS or not exchange.response_body:
        return None
    lines = exchange.response_body.splitlines()
    first = _line(lines[0])
    if first is None or not first.is_result:
        return None
    read = [_line(line) for line in lines if line.strip()]
    answers = tuple(_answers([line for line in read if line is not None], wire, notes))
    is_read = exchange.response_state == "kept" and exchange.closing == "end_of_body"
    return Results(answers, is_whole=is_read and None not in read)


def _line(data: bytes) -> _Line | None:
    try:
        return _lines.decode(data)
    except (ValueError, RecursionError):  # another kind of file; a line that was cut
        return None


def _answers(lines: Sequence[_Line], wire: Format, notes: Notes) -> Iterator[BatchResult]:
    for line in lines:
        document = fields_of(line.answer) if line.answer else None
        if document is not None:
            answer = wire.read(document, notes, False)  # noqa: FBT003 - the shape of `Format.read`
            yield _result(answer, wire, notes)


def _result(answer: Answer, wire: Format, notes: Notes) -> BatchResult:
    return BatchResult(
        model=answer.model,
        tokens=tokens_of(answer.usage, wire.usage, notes),
        server_tool_use=server_tool_counts(answer.usage, answer.tool_usage),
        hosted=answer.hosted,
        more_usage=more_usage_of(answer, wire.usage, notes),
    )
