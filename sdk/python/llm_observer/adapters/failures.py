"""What went wrong, as the provider says it? Type and code; of the message only that there is one."""

from llm_observer.adapters.fields import as_name, as_number, loads
from llm_observer.call import ErrorInfo
from llm_observer.wire import Exchange

__all__ = ["error_of"]

FAILED = 400
_MESSAGES = ("message", "Message", "detail")


def error_of(exchange: Exchange, stated: object) -> ErrorInfo | None:
    """The error of *exchange*, None if there is none.

    stated: the error in an answer, an object or a text; AWS, vLLM and FastAPI write its fields beside it.
    """
    is_failed = exchange.status is not None and exchange.status >= FAILED
    if not stated and not is_failed:
        return _of_the_app(exchange)
    beside = loads(exchange.response_body) if is_failed or isinstance(stated, str) else None
    fields = stated if isinstance(stated, dict) else beside if isinstance(beside, dict) else {}
    return ErrorInfo(
        type=as_name(fields.get("type")) or as_name(fields.get("__type")) or _amazon_type(exchange),
        code=_code(fields.get("code")),
        exception=exchange.error_type,
        message_present=bool(isinstance(stated, str) or any(fields.get(name) for name in _MESSAGES)),
    )


def _of_the_app(exchange: Exchange) -> ErrorInfo | None:
    """The exception that the app got, where the provider named no error."""
    return None if exchange.error_type is None else ErrorInfo(exception=exchange.error_type)


def _code(value: object) -> str | None:
    """A code as text; some vendors send a number."""
    number = as_number(value)
    return as_name(value) if number is None else str(number)


def _amazon_type(exchange: Exchange) -> str | None:
    """`ValidationException` of `ValidationException:http://internal.amazon.com/…`."""
    return as_name((exchange.header("x-amzn-errortype") or "").partition(":")[0])
