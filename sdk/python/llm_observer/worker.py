"""Put the worker's parts together from the settings. Imported, with all that it needs, on the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llm_observer import log
from llm_observer.adapters import decode
from llm_observer.assemble import Assembler
from llm_observer.capture.exchange import OpenExchange
from llm_observer.config import Config
from llm_observer.enrichers._spec import Enricher
from llm_observer.enrichers.cache import CacheEnricher
from llm_observer.enrichers.cost import CostEnricher
from llm_observer.enrichers.fingerprint import Fingerprint
from llm_observer.enrichers.redact import Redact
from llm_observer.enrichers.usage_once import UsageOnce
from llm_observer.event import Event, Service
from llm_observer.privacy import Hasher
from llm_observer.relay import current as current_relay
from llm_observer.sinks._spec import Sink
from llm_observer.sinks.hooked import EditedHttp, Leaving, OnEventSink
from llm_observer.sinks.http import HttpSink
from llm_observer.sinks.jsonl import JsonlSink
from llm_observer.sinks.relay import RelaySink
from llm_observer.sinks.sampling import SampledSink
from llm_observer.sinks.session import Session, SessionSink
from llm_observer.sinks.stdout import StdoutSink
from llm_observer.telemetry.setup import delivery_of, spool_of

if TYPE_CHECKING:
    from llm_observer.sinks.otlp import OtlpSink

__all__ = ["enrichers_of", "load_worker", "service_of"]


Build = Callable[[Any], Event]


def load_worker(
    config: Config, session: Session, stats: Callable[[], Mapping[str, Any]] | None = None
) -> tuple[Build, Sequence[Sink]]:
    """What builds an event, and the sinks that *config* asks for. stats: the library's own counts."""
    build, leaving = _assembler(config), _leaving(config)
    otlp = _otlp(config, stats, leaving)
    sinks = [SessionSink(session), *_near(config), *_far(config, leaving), *([otlp] if otlp else ())]
    if config.on_event is not None:
        sinks.append(OnEventSink(config.on_event))
    return (build if otlp is None else _surrounded(build, otlp)), sinks


def _leaving(config: Config) -> Leaving | None:
    """What the app does to events that are sent, if any are and it does something."""
    is_sent = config.may_send or config.may_export
    return Leaving(config.before_send) if is_sent and config.before_send is not None else None


def _near(config: Config) -> list[Sink]:
    """Sinks that stay on this machine, as the app set them up; the relay feeds sums, which hold all calls."""
    relay = current_relay()
    written: list[Sink] = [StdoutSink()] if config.stdout else []
    if config.file:
        written.append(JsonlSink(config.file, max_bytes=config.file_max_bytes, backups=config.file_backups))
    sampled = [SampledSink(sink, config.sample_rate) for sink in written]
    return [*([] if relay is None else [RelaySink(relay)]), *sampled]


def _far(config: Config, leaving: Leaving | None) -> list[Sink]:
    """What the app does to events that leave, and the sink for the endpoint behind it."""
    before: list[Sink] = [] if leaving is None else [leaving]
    if not config.may_send:
        return before
    http = _http_sink(config)
    return [*before, http if leaving is None else EditedHttp(http, leaving)]


def _http_sink(config: Config) -> HttpSink:
    spool = spool_of(config)
    delivery = delivery_of(config, spool)
    return HttpSink(spool, delivery, sample_rate=config.sample_rate, max_bytes=config.batch_max_bytes)


def _otlp(
    config: Config, stats: Callable[[], Mapping[str, Any]] | None, leaving: Leaving | None
) -> OtlpSink | None:
    """The sink for OpenTelemetry, if the app asked for it and its extra is installed."""
    if not config.may_export:
        return None
    from llm_observer.sinks.otlp import OtlpSink

    try:
        return OtlpSink(
            vintage=config.otlp_names,
            stats=stats,
            sample_rate=config.sample_rate,
            leaving=list if leaving is None else leaving.of,
        )
    except ImportError:
        log.once("otlp", "the otlp sink needs: pip install 'llm-observer[otel]'")
        return None


def _surrounded(build: Build, otlp: OtlpSink) -> Build:
    """*build*, which also tells *otlp* what the event does not say: the spans around the call."""
    from llm_observer.sinks.otlp_peers import Surroundings

    def surrounded(ended: OpenExchange) -> Event:
        headers = {} if ended.request is None else ended.request.headers
        around = Surroundings(ended.call.above, ended.inside, headers.get("traceparent"))
        event = build(ended)
        otlp.surround(event.span_id, around)
        return event

    return surrounded


def enrichers_of(config: Config) -> list[Enricher]:
    """What adds to a call all that the wire does not say, in order."""
    hasher = Hasher(config.hash_key, config.state_dir)
    cost = CostEnricher(
        prices=config.prices,
        discount=config.discount,
        deployments=config.deployments,
        state_dir=config.state_dir,
    )
    enrichers: list[Enricher] = [
        UsageOnce(),
        cost,
        Fingerprint(hasher),
        CacheEnricher(hasher, cost.per_token),
    ]
    if config.capture_content:
        enrichers.append(Redact(max_bytes=config.content_max_bytes))
    return enrichers


def service_of(config: Config) -> Service:
    """The app, as its settings name it."""
    return Service(name=config.service_name, version=config.service_version, environment=config.environment)


def _assembler(config: Config) -> Assembler:
    service, with_content = service_of(config), config.capture_content
    return Assembler(decode, enrichers_of(config), service=service, with_content=with_content)
