"""What time is it, on a clock that nobody sets and that all processes of the machine share?"""

import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Moment", "boot_id", "steady"]


class Moment(NamedTuple):
    """now: the wall clock. steady: the clock that nobody sets. boot: which run of the machine that counts."""

    now: float
    steady: float
    boot: str


def steady() -> float:
    """Seconds since the machine started, sleep included where the system counts it."""
    with suppress(AttributeError, OSError):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def boot_id() -> str:
    """What is another after each start of the machine; empty where the system has no such thing."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    return ""
