"""The library's own log: a standard logger, every message scrubbed, one line per kind of trouble."""

import logging

__all__ = ["logger", "once"]

logger = logging.getLogger("llm_observer")
_seen: set[str] = set()


def once(kind: str, message: str, *args: object) -> None:
    """Log *message* as a warning the first time that *kind* happens in this process."""
    if kind not in _seen:
        _seen.add(kind)
        logger.warning(message, *args)
