"""Where do children of `llm-observer run` put their events? Into a file each, for one summary at the end."""

import os
from collections.abc import Sequence
from contextlib import suppress

from llm_observer import log
from llm_observer.event import Event, encode
from llm_observer.relay import Relay, is_owner

__all__ = ["RelaySink"]

MAX_BYTES = 64 << 20
_OWN = 0o600
_OWN_FOLDER = 0o700
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class RelaySink:
    """Appends to a file by the process's id. The owner of *relay* writes none: its session has its calls.

    The folder is made with mode 0700 by the first child that has a call: a run without such children leaves
    nothing behind, however it ends. Its name cannot be guessed.
    """

    name = "relay"

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def write(self, events: Sequence[Event]) -> None:
        """Append *events*, unless nobody will read them any more."""
        if is_owner() or not self._is_there():
            return
        process = os.getpid()
        path = os.path.join(self._relay.folder, f"{process}.jsonl")  # noqa: PTH118 - as it was given
        descriptor = os.open(path, _APPEND, _OWN)
        try:
            if os.fstat(descriptor).st_size < MAX_BYTES:
                _write_all(descriptor, b"".join(encode(event) + b"\n" for event in events))
            else:
                log.once("relay", "the summary of this run lacks later calls of process %d", process)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Nothing is open between two writes."""

    def _is_there(self) -> bool:
        """The folder; made anew only while its owner lives, for who else would remove it?"""
        if os.path.isdir(self._relay.folder):  # noqa: PTH112 - as it was given
            return True
        with suppress(PermissionError):  # the owner lives, as another user
            try:
                os.kill(self._relay.owner, 0)
            except ProcessLookupError:
                return False
        with suppress(FileExistsError):
            os.mkdir(self._relay.folder, _OWN_FOLDER)  # noqa: PTH102 - as it was given
        return True


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
