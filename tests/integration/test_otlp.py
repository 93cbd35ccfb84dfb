"""What arrives at a collector? One GenAI span per call, the standard's metrics, and never a span too many."""

import os
import socket
import subprocess
import sys

import openai
import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

import llm_observer
from integration.collecting import GrpcCollector, HttpCollector, attributes_of
from integration.exchanges import ask, failed, plain, streamed
from integration.sdks import make_client, sdk_version

OURS = "llm_observer."
TRIES = 4
"""A machine that is busy with other tests may be late now and then; code that waits longer always is."""
ASKED = "gen_ai.client.inference."
WRITES = {
    "input_tokens": 8,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4,
    "output_tokens": 5,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
}
has_own_spans = pytest.mark.skipif(sdk_version("anthropic") < (1, 17), reason="this anthropic makes no spans")


@pytest.fixture(autouse=True)
def _no_otel(monkeypatch):
    """No provider and no variable of the machine, in each test; what a test sets is gone after it."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    for module, name in (
        (trace, "_TRACER_PROVIDER"),
        (metrics._internal, "_METER_PROVIDER"),
        (_logs._internal, "_LOGGER_PROVIDER"),
    ):
        monkeypatch.setattr(module, name, None)


@pytest.fixture(params=[HttpCollector, GrpcCollector], ids=["http", "grpc"])
def collector(request, monkeypatch):
    protocol = "grpc" if request.param is GrpcCollector else "http/protobuf"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with request.param() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


@pytest.fixture
def over_http(monkeypatch):
    with HttpCollector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


class App:
    """An app with OpenTelemetry set up; what it would export."""

    def __init__(self, monkeypatch, **options):
        self.exported = InMemorySpanExporter()
        self.provider = TracerProvider(resource=Resource.create({"service.name": "app"}), **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exported))
        self.reader = InMemoryMetricReader()
        self.logs = InMemoryLogRecordExporter()
        loggers = LoggerProvider()
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self.logs))
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", self.provider)
        monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", MeterProvider([self.reader]))
        monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", loggers)

    @property
    def spans(self):
        assert llm_observer.flush(30)
        return self.exported.get_finished_spans()

    @property
    def records(self):
        assert llm_observer.flush(30)
        return [one.log_record for one in self.logs.get_finished_logs()]

    @property
    def metrics(self):
        assert llm_observer.flush(30)
        data = self.reader.get_metrics_data()
        return {
            metric.name: metric.data.data_points
            for one in data.resource_metrics
            for scope in one.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def app(monkeypatch):
    return App(monkeypatch)


def observe_into(file=None, **settings):
    report = llm_observer.patch(
        otlp=True, hash_key="a key of the tests", file=None if file is None else str(file), **settings
    )
    assert report.warnings == ()


def all_sent():
    assert llm_observer.shutdown(30)


def standard(attributes):
    return {key: value for key, value in attributes.items() if not key.startswith(OURS)}


def only(attributes, *words):
    return {
        key: value
        for key, value in attributes.items()
        if key.startswith(tuple(OURS + word for word in words))
    }


def test_a_chat_is_one_client_span_with_exactly_the_standard_attributes(collector):
    observe_into(service_name="shop", environment="production")
    ask(make_client("openai", plain("openai")), temperature=0.5)
    all_sent()
    [span] = collector.spans
    assert (span.name, span.kind) == ("chat gpt-4o-mini", Span.SPAN_KIND_CLIENT)
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert standard(attributes_of(span)) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-7",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "openai.api.type": "chat_completions",
        "server.address": "api.openai.com",
        "server.port": 443,
    }
    assert only(attributes_of(span), "cost.") == {
        "llm_observer.cost.status": "exact",
        "llm_observer.cost.total_usd": pytest.approx(0.0000045),
        "llm_observer.cost.input_usd": pytest.approx(0.0000012),
        "llm_observer.cost.cache_read_usd": pytest.approx(0.0000003),
        "llm_observer.cost.output_usd": pytest.approx(0.000003),
        "llm_observer.cost.source": "genai-prices",
        "llm_observer.cost.price_id": "openai/gpt-4o-mini",
    }
    [resource] = [attributes_of(one.resource) for one in collector.resource_spans]
    assert resource["service.name"] == "shop"
    assert resource["deployment.environment.name"] == "production"


def test_a_stream_tells_when_its_first_chunk_came_in_seconds(collector):
    observe_into()
    stream = ask(
        make_client("openai", streamed("openai")), stream=True, stream_options={"include_usage": True}
    )
    list(stream)
    all_sent()
    [span] = collector.spans
    found = attributes_of(span)
    assert found["gen_ai.request.stream"] is True
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert found["gen_ai.usage.input_tokens"] == 12
    lasted_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    assert 0 < found["gen_ai.response.time_to_first_chunk"] <= lasted_s


def test_a_stream_that_was_left_says_that_its_finish_reason_did_not_come(over_http):
    observe_into()
    stream = ask(make_client("openai", streamed("openai")), stream=True)
    next(iter(stream))
    stream.close()
    all_sent()
    found = attributes_of(over_http.spans[0])
    assert found["gen_ai.response.finish_reasons"] == ["error"]
    assert found["llm_observer.ending"] == "closed_early"


def test_anthropics_input_is_summed_and_its_cache_writes_are_told_by_lifetime(collector):
    observe_into()
    ask(make_client("anthropic", plain("anthropic", usage=WRITES)), model="claude-sonnet-4-6")
    all_sent()
    [span] = collector.spans
    found = attributes_of(span)
    assert {key: value for key, value in found.items() if ".usage." in key} == {
        "gen_ai.usage.input_tokens": 312,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 300,
    }
    assert found["llm_observer.tokens.cache_write_5m"] == 100
    assert found["llm_observer.tokens.cache_write_1h"] == 200
    assert found["llm_observer.cost.cache_write_1h_usd"] > 0
    assert found["llm_observer.cache.verdict"]
    assert found["llm_observer.call_site.file"].endswith("exchanges.py")


def test_an_error_has_a_type_and_a_status_and_no_text(collector):
    observe_into()
    client = make_client("openai", failed(429, "rate_limit_error"), max_retries=0)
    with pytest.raises(Exception, match="429"):
        ask(client)
    all_sent()
    [span] = collector.spans
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message == ""
    assert attributes_of(span)["error.type"] == "rate_limit_error"
    assert len(span.events) == 0


def test_the_span_has_the_ids_and_the_times_of_the_event(over_http, events):
    events.patch(otlp=True)
    ask(make_client("openai", plain("openai")))
    [event] = list(events)
    all_sent()
    [span] = over_http.spans
    assert (span.trace_id.hex(), span.span_id.hex()) == (event["trace_id"], event["span_id"])
    assert span.parent_span_id == b""
    lasted_ms = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
    assert lasted_ms == pytest.approx(event["llm_call"]["timing"]["duration_ms"], abs=0.001)


def test_no_text_is_exported_even_where_the_app_keeps_it(collector):
    observe_into(capture_content=True)
    ask(make_client("openai", plain("openai")), messages=[{"role": "user", "content": "canary one"}])
    all_sent()
    text = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"canary" not in text
    assert b"Hi there" not in text


def histogram(metric):
    [point] = metric.histogram.data_points
    return point


def test_the_metrics_are_the_standards_with_its_buckets(collector):
    observe_into()
    ask(make_client("openai", plain("openai")))
    all_sent()
    found = {name: metric for name, metric in collector.metrics.items() if name.startswith("gen_ai.")}
    assert set(found) == {
        f"{ASKED}duration",
        f"{ASKED}usage.input_tokens",
        f"{ASKED}usage.output_tokens",
        f"{ASKED}usage.cache_read.input_tokens",
        f"{ASKED}operation.input_tokens",
        f"{ASKED}operation.output_tokens",
    }
    duration = histogram(found[f"{ASKED}duration"])
    assert found[f"{ASKED}duration"].unit == "s"
    [span] = collector.spans
    lasted_s = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    assert duration.sum == pytest.approx(lasted_s, abs=1e-6)
    assert list(duration.explicit_bounds) == [0.01 * 2**n for n in range(14)]
    assert attributes_of(duration) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "server.address": "api.openai.com",
        "server.port": 443,
    }
    sizes = histogram(found[f"{ASKED}operation.input_tokens"])
    assert list(sizes.explicit_bounds) == [4.0**n for n in range(14)]
    assert (sizes.count, sizes.sum) == (1, 12)
    [used] = found[f"{ASKED}usage.input_tokens"].sum.data_points
    assert (used.as_int, attributes_of(used)["gen_ai.token.modality"]) == (12, "unknown")


@pytest.mark.parametrize("names", ["1.41", "both"])
def test_the_older_names_are_there_on_demand(over_http, names):
    observe_into(otlp_names=names)
    ask(make_client("anthropic", plain("anthropic", usage=WRITES)))
    all_sent()
    old, new = "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"
    found = attributes_of(over_http.spans[0])
    assert found[old] == 300
    assert (new in found) == (names == "both")
    assert (f"{ASKED}duration" in over_http.metrics) == (names == "both")
    assert histogram(over_http.metrics["gen_ai.client.operation.duration"]).count == 1
    points = over_http.metrics["gen_ai.client.token.usage"].histogram.data_points
    assert {attributes_of(point)["gen_ai.token.type"]: point.sum for point in points} == {
        "input": 312,
        "output": 5,
    }


def test_a_failed_inference_counts_zero_tokens_of_an_unknown_kind(app):
    observe_into()
    with pytest.raises(Exception, match="400"):
        ask(make_client("openai", failed()))
    [point] = app.metrics[f"{ASKED}usage.input_tokens"]
    assert (point.value, point.attributes["gen_ai.token.modality"]) == (0, "unknown")
    [lasted] = app.metrics[f"{ASKED}duration"]
    assert lasted.attributes["error.type"] == "invalid_request_error"
    [sizes] = app.metrics[f"{ASKED}operation.input_tokens"]
    assert (sizes.count, sizes.sum, sizes.attributes["error.type"]) == (1, 0, "invalid_request_error")


def test_parts_of_the_input_by_kind_add_up_to_the_whole(app):
    observe_into()
    usage = {"prompt_tokens": 30, "completion_tokens": 5, "prompt_tokens_details": {"audio_tokens": 20}}
    ask(make_client("openai", plain("openai", usage=usage)))
    points = app.metrics[f"{ASKED}usage.input_tokens"]
    assert {point.attributes["gen_ai.token.modality"]: point.value for point in points} == {
        "audio": 20,
        "unknown": 10,
    }


def test_the_library_shows_its_own_counts_and_what_calls_cost(app):
    observe_into()
    ask(make_client("openai", plain("openai")))
    counts = {
        point.attributes["llm_observer.stat"]: point.value for point in app.metrics["llm_observer.stats"]
    }
    levels = {
        point.attributes["llm_observer.stat"]: point.value for point in app.metrics["llm_observer.levels"]
    }
    assert (counts["events"], counts["dropped"], counts["delivery.otlp.spans"]) == (1, 0, 1)
    assert levels["queued"] == 0
    [cost] = app.metrics["llm_observer.cost"]
    assert cost.value == pytest.approx(0.0000045)


def test_the_apps_own_processors_get_the_span_below_the_apps_span(app):
    observe_into()
    with trace.get_tracer("app").start_as_current_span("handle") as above:
        ask(make_client("openai", plain("openai")))
    handled, asked = app.spans
    assert (handled.name, asked.name) == ("handle", "chat gpt-4o-mini")
    assert asked.parent.span_id == above.get_span_context().span_id
    assert asked.context.trace_id == above.get_span_context().trace_id
    assert asked.resource.attributes["service.name"] == "app"
    assert asked.instrumentation_scope.name == "llm_observer"
    assert trace.get_tracer_provider() is app.provider


def test_a_trace_that_the_app_does_not_sample_gets_no_span(monkeypatch):
    app = App(monkeypatch, sampler=ParentBased(ALWAYS_OFF))
    observe_into()
    with trace.get_tracer("app").start_as_current_span("handle"):
        ask(make_client("openai", plain("openai")))
    assert app.spans == ()


def test_a_provider_that_is_set_after_the_first_call_gets_the_later_ones(over_http, monkeypatch):
    observe_into()
    ask(make_client("openai", plain("openai")))
    assert llm_observer.flush(30)
    app = App(monkeypatch)
    ask(make_client("openai", plain("openai")))
    assert len(app.spans) == 1
    all_sent()
    assert len(over_http.spans) == 1


def test_no_global_provider_is_set(over_http):
    observe_into()
    ask(make_client("openai", plain("openai")))
    all_sent()
    assert len(over_http.spans) == 1
    assert (trace._TRACER_PROVIDER, metrics._internal._METER_PROVIDER) == (None, None)
    assert _logs._internal._LOGGER_PROVIDER is None


@has_own_spans
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_beside_anthropics_own_span_there_is_a_record_and_no_second_span(app, is_async):
    import asyncio

    observe_into()
    client = make_client("anthropic", plain("anthropic", usage=WRITES), is_async=is_async)
    asyncio.run(ask(client)) if is_async else ask(client)
    [span] = app.spans
    assert span.instrumentation_scope.name.startswith("com.anthropic.sdk")
    [record] = app.records
    assert record.event_name == "llm_observer.call"
    assert (record.trace_id, record.span_id) == (span.context.trace_id, span.context.span_id)
    assert record.attributes["llm_observer.cost.total_usd"] > 0
    assert record.attributes["llm_observer.cache.verdict"]
    assert [key for key in record.attributes if key.startswith("gen_ai.usage")] == []
    assert f"{ASKED}usage.input_tokens" in app.metrics


@has_own_spans
def test_a_stream_of_anthropics_has_one_span_too(app):
    observe_into()
    list(ask(make_client("anthropic", streamed("anthropic")), stream=True))
    [span] = app.spans
    assert span.instrumentation_scope.name.startswith("com.anthropic.sdk")
    assert [record.span_id for record in app.records] == [span.context.span_id]


@has_own_spans
def test_a_failed_call_of_anthropics_has_one_span_too(app):
    observe_into()
    with trace.get_tracer("app").start_as_current_span("handle"), pytest.raises(Exception, match="400"):
        ask(make_client("anthropic", failed()))
    [span] = [span for span in app.spans if span.name != "handle"]
    assert span.instrumentation_scope.name.startswith("com.anthropic.sdk")
    assert [record.span_id for record in app.records] == [span.context.span_id]


@has_own_spans
def test_where_anthropics_spans_are_switched_off_ours_is_there(app, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_OPEN_TELEMETRY", "false")
    observe_into()
    ask(make_client("anthropic", plain("anthropic")))
    assert [span.instrumentation_scope.name for span in app.spans] == ["llm_observer"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "chat"},
        {"openinference.span.kind": "LLM"},
        {"llm.request.type": "chat"},
        {"gen_ai.request.model": "m"},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_below_the_span_of_another_instrumentation_there_is_no_second_one(app, attributes):
    observe_into()
    with trace.get_tracer("peer").start_as_current_span("chat", attributes=attributes) as peer:
        ask(make_client("openai", plain("openai")))
    assert len(app.spans) == 1
    assert [record.span_id for record in app.records] == [peer.get_span_context().span_id]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"},
        {"openinference.span.kind": "CHAIN"},
        {"http.request.method": "GET"},
    ],
    ids=["agent", "chain", "handler"],
)
def test_below_a_span_that_is_no_call_of_a_model_there_is_ours(app, attributes):
    observe_into()
    with trace.get_tracer("peer").start_as_current_span("above", attributes=attributes):
        ask(make_client("openai", plain("openai")))
    assert len(app.spans) == 2
    assert app.records == []


def test_beside_a_registered_instrumentor_there_is_no_span_of_ours(app):
    class OpenAIInstrumentor(BaseInstrumentor):
        def instrumentation_dependencies(self):
            return ("openai >= 1.26.0",)

        def _instrument(self, **kwargs):
            """Its span would not be the active one."""

        def _uninstrument(self, **kwargs):
            """Nothing was patched."""

    observe_into()
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument()
    try:
        ask(make_client("openai", plain("openai")))
        assert app.spans == ()
    finally:
        instrumentor.uninstrument()
    assert len(app.records) == 1
    ask(make_client("openai", plain("openai")))
    assert len(app.spans) == 1


def peer_of(name):
    """The instrumentor of another project."""
    return pytest.importorskip(f"{name}.openai").OpenAIInstrumentor()


@pytest.fixture(params=["opentelemetry.instrumentation.genai", "openinference.instrumentation"])
def peer(request):
    yield peer_of(request.param)
    for client in (openai.OpenAI, openai.AsyncOpenAI):
        if "request" in vars(client):  # OpenInference puts back what it found as an attribute of the subclass
            del client.request


@pytest.mark.parametrize("is_first", [True, False], ids=["instrumented first", "patched first"])
@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_beside_a_peers_instrumentation_there_is_one_span(app, peer, is_first, is_stream):
    steps = [peer.instrument, observe_into]
    for step in steps if is_first else reversed(steps):
        step()
    try:
        answer = ask(make_client("openai", (streamed if is_stream else plain)("openai")), stream=is_stream)
        list(answer) if is_stream else None
        [span] = app.spans
    finally:
        peer.uninstrument()
    assert span.instrumentation_scope.name != "llm_observer"
    [record] = app.records
    assert record.span_id == span.context.span_id
    assert record.attributes["llm_observer.cost.total_usd"] > 0


def test_a_peer_gives_the_same_values_under_the_names_that_both_have(app):
    peer = peer_of("opentelemetry.instrumentation.genai")
    peer.instrument()
    ask(make_client("openai", plain("openai")), temperature=0.5)
    peer.uninstrument()
    observe_into()
    ask(make_client("openai", plain("openai")), temperature=0.5)
    theirs, ours = (dict(span.attributes) for span in app.spans)
    shared = theirs.keys() & ours.keys()
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}
    assert theirs.keys() - ours.keys() == set()
    assert standard(ours).keys() - theirs.keys() == {"openai.api.type", "server.port"}


@pytest.mark.parametrize(
    "settings", [{"DO_NOT_TRACK": "1"}, {"OTEL_SDK_DISABLED": "true"}, {"LLM_OBSERVER_OTLP": "0"}], ids=str
)
def test_nothing_is_exported_where_it_was_refused(over_http, monkeypatch, settings):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    llm_observer.patch(otlp=None if "LLM_OBSERVER_OTLP" in settings else True)
    ask(make_client("openai", plain("openai")))
    all_sent()
    assert over_http.requests == []


def test_headers_and_compression_of_the_environment_are_used(over_http, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=b")
    observe_into()
    ask(make_client("openai", plain("openai")))
    all_sent()
    assert over_http.headers["x-team"] == "a"
    assert over_http.headers["content-encoding"] == "gzip"
    assert attributes_of(over_http.resource_spans[0].resource)["team"] == "b"


PROGRAM = """
import llm_observer
llm_observer.patch(otlp=True, hash_key="a key of the tests")
from integration.exchanges import ask, plain
from integration.sdks import make_client
ask(make_client("openai", plain("openai")))
"""


def run(program, **environ):
    path = os.pathsep.join([str(folder) for folder in sys.path if folder])
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("protocol", "before"),
    # The exporter for gRPC cannot be imported any more once the process ends.
    [("http/protobuf", ""), ("http/protobuf", "llm_observer.session()"), ("grpc", "llm_observer.session()")],
)
def test_a_process_that_ends_sends_its_span(protocol, before):
    with (GrpcCollector if protocol == "grpc" else HttpCollector)() as collector:
        done = run(
            PROGRAM + before,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            LLM_OBSERVER_EXIT_TIMEOUT_S="30",
        )
        assert done.returncode == 0, done.stderr
        assert len(collector.spans) == 1


def test_a_provider_that_was_made_after_patch_still_gets_the_last_span_at_exit():
    program = PROGRAM.replace(
        "ask(",
        """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
client = make_client("openai", plain("openai"))
ask(client)
llm_observer.flush(30)
ask(""",
    )
    done = run(program, LLM_OBSERVER_EXIT_TIMEOUT_S="30")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"name": "chat gpt-4o-mini"') == 2


@pytest.fixture(params=["dead", "silent"])
def no_collector(request):
    """An address where nobody listens, or somebody who accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        if request.param == "dead":
            silent.close()
        yield url


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("is_flushed", [True, False], ids=["written", "just asked"])
def test_a_collector_that_does_not_answer_holds_the_process_no_longer_than_allowed(
    no_collector, protocol, is_flushed
):
    program = f"import time, atexit\natexit.register(lambda: print(time.monotonic() - began))\n{PROGRAM}"
    last = "llm_observer.session()\n" if is_flushed else ""
    for _ in range(TRIES):
        done = run(
            f"{program}\n{last}began = time.monotonic()",
            OTEL_EXPORTER_OTLP_ENDPOINT=no_collector,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        )
        assert done.returncode == 0, done.stderr
        if float(done.stdout) < 2.5:
            break
    assert float(done.stdout) < 2.5, "no try was that quick"


def test_nothing_of_opentelemetry_is_imported_unless_the_sink_is_on():
    done = run(
        PROGRAM.replace("otlp=True, ", "")
        + "import sys; llm_observer.flush(30); assert llm_observer.session().calls\n"
        + "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_sends_its_own_calls_once(over_http):
    program = (
        PROGRAM
        + """
import os
llm_observer.flush()
pid = os.fork()
ask(make_client("openai", plain("openai")))
llm_observer.shutdown()
if pid:
    os.waitpid(pid, 0)
else:
    os._exit(0)
"""
    )
    done = run(program, LLM_OBSERVER_EXIT_TIMEOUT_S="30")
    assert done.returncode == 0, done.stderr
    assert len({span.span_id for span in over_http.spans}) == len(over_http.spans) == 3
