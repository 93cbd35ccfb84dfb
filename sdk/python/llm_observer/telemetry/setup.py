"""Put spool, delivery and sender together from the settings."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from llm_observer import log
from llm_observer.telemetry.batch import room_for_events
from llm_observer.telemetry.circuit import Circuit
from llm_observer.telemetry.client import Client
from llm_observer.telemetry.delivery import Delivery, Limits
from llm_observer.telemetry.sender import Sender
from llm_observer.telemetry.spool import Spool

if TYPE_CHECKING:
    from llm_observer.config import Config

__all__ = ["delivery_of", "sender_of", "spool_of"]


def spool_of(config: Config) -> Spool:
    """The spool of the endpoint that *config* names."""
    return Spool(
        _folder(config),
        str(config.endpoint),
        max_bytes=config.spool_max_bytes,
        max_age_s=config.spool_max_age_s,
        max_entry_bytes=room_for_events(config.batch_max_bytes, 1),
    )


def _folder(config: Config) -> str:
    """Where the spool lies: in a container without a home that can be written, in the temporary folder."""
    if config.spool_dir is not None and _can_be_used(Path(config.spool_dir)):
        return config.spool_dir
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"llm_observer-{user}"
    log.once("spool folder", "the spool's folder cannot be used: events wait in %s", str(folder))
    return str(folder)


def _can_be_used(folder: Path) -> bool:
    there = next((one for one in (folder, *folder.parents) if one.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def sender_of(config: Config, circuit: Circuit, counts: Counter[str]) -> Sender:
    """What sends a batch. Raises ConfigError where the extra `http` is not installed."""
    client = Client(str(config.endpoint), str(config.api_key), attempt_timeout_s=config.attempt_timeout_s)
    return Sender(client, circuit, counts=counts, max_attempts=config.max_attempts)


def delivery_of(config: Config, spool: Spool) -> Delivery:
    """What empties *spool*."""
    limits = Limits(
        max_events=config.batch_max_events,
        max_bytes=config.batch_max_bytes,
        max_age_s=config.batch_max_age_s,
        timeout_s=config.delivery_timeout_s,
    )
    return Delivery(spool, lambda circuit, counts: sender_of(config, circuit, counts), limits)
