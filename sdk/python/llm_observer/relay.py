"""Is this process one of `llm-observer run`, and where do its events go then? Known before the first call."""

import os
from typing import NamedTuple

__all__ = ["Relay", "begin", "current", "is_owner"]


class Relay(NamedTuple):
    """All processes of one run put their events into *folder*; the one with the id *owner* sums them up."""

    folder: str
    owner: int


_relays: list[Relay] = []


def begin(folder: str, owner: int) -> None:
    """This process, and whatever it forks, belongs to a run from now on."""
    if not _relays:
        _relays.append(Relay(folder, owner))


def current() -> Relay | None:
    """The run of this process, if it is one of a run with a summary."""
    return _relays[0] if _relays else None


def is_owner() -> bool:
    """This process sums up its run."""
    return any(relay.owner == os.getpid() for relay in _relays)
