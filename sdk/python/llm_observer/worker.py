"""Put the worker's parts together from the settings. Imported, with all that it needs, on the worker."""

from collections.abc import Callable, Sequence
from typing import Any

from llm_observer.adapters import decode
from llm_observer.assemble import Assembler
from llm_observer.config import Config
from llm_observer.enrichers._spec import Enricher
from llm_observer.enrichers.cost import CostEnricher
from llm_observer.enrichers.fingerprint import Fingerprint
from llm_observer.enrichers.redact import Redact
from llm_observer.enrichers.usage_once import UsageOnce
from llm_observer.event import Event, Service
from llm_observer.privacy import Hasher
from llm_observer.sinks._spec import Sink
from llm_observer.sinks.jsonl import JsonlSink
from llm_observer.sinks.session import Session, SessionSink
from llm_observer.sinks.stdout import StdoutSink

__all__ = ["load_worker"]


def load_worker(config: Config, session: Session) -> tuple[Callable[[Any], Event], Sequence[Sink]]:
    """What builds an event, and the sinks that *config* asks for."""
    return _assembler(config), [SessionSink(session), *_sinks(config)]


def _sinks(config: Config) -> list[Sink]:
    sinks: list[Sink] = []
    if config.stdout:
        sinks.append(StdoutSink())
    if config.file:
        sinks.append(JsonlSink(config.file, max_bytes=config.file_max_bytes, backups=config.file_backups))
    return sinks


def _assembler(config: Config) -> Assembler:
    enrichers: list[Enricher] = [
        UsageOnce(),
        CostEnricher(
            prices=config.prices,
            discount=config.discount,
            deployments=config.deployments,
            state_dir=config.state_dir,
        ),
        Fingerprint(Hasher(config.hash_key, config.state_dir)),
    ]
    if config.capture_content:
        enrichers.append(Redact(max_bytes=config.content_max_bytes))
    service = Service(
        name=config.service_name, version=config.service_version, environment=config.environment
    )
    return Assembler(decode, enrichers, service=service, with_content=config.capture_content)
