"""The library's own log: a standard logger, every message scrubbed, one line per kind of trouble."""

import logging

__all__ = ["configure", "fault", "logger", "once"]

logger = logging.getLogger("llm_observer")
_seen: set[str] = set()


def once(kind: str, message: str, *args: object) -> None:
    """Log *message* as a warning the first time that *kind* happens in this process."""
    if kind not in _seen:
        _seen.add(kind)
        logger.warning(message, *args)


def fault(step: str, exc: BaseException) -> None:
    """Tell once of a fault of our own that was caught."""
    once(f"{step}:{type(exc).__name__}", "a fault of our own in %s was caught: %s", step, type(exc).__name__)


def configure(*, debug: bool) -> None:
    """Set the level."""
    logger.setLevel(logging.DEBUG if debug else logging.NOTSET)
