"""Who sees our own requests? Neither the app's traces nor its logs."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet", "unseen"]

_LOGGERS = ("connection", "http11", "http2", "proxy", "socks")
_KEYS = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
_here = threading.local()


class _Quiet(logging.Filter):
    """Drops what is logged below our own requests: on this thread, while one is under way."""

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        return not getattr(_here, "is_ours", False)


_filter = _Quiet()


def quiet(library: str) -> None:
    """Keep our requests out of the log of *library* (httpcore's); no level and no other record changes.

    A filter counts for the very logger that has it, so each of them gets it; a second time is no change.
    """
    for part in _LOGGERS:
        logging.getLogger(f"{library}.{part}").addFilter(_filter)


@contextmanager
def unseen() -> Iterator[None]:
    """Nothing that happens inside, on this thread, is logged by httpcore or traced by OpenTelemetry."""
    _here.is_ours = True
    context = sys.modules.get("opentelemetry.context")
    token = None if context is None else context.attach(_suppressed(context))
    try:
        yield
    finally:
        _here.is_ours = False
        if context is not None and token is not None:
            context.detach(token)


def _suppressed(context: object) -> object:
    """OpenTelemetry's current context with the keys that instrumentations ask for, old ones and new ones."""
    set_value = context.set_value  # type: ignore[attr-defined] # the module, taken without importing it
    found = set_value("suppress_instrumentation", True)  # noqa: FBT003 - the name of OpenTelemetry's switch
    for name in _KEYS:
        if hasattr(context, name):
            found = set_value(getattr(context, name), True, found)  # noqa: FBT003 - likewise
    return found
