"""What is written and sent of a share of traces? The same ones everywhere, with the rate; sums are of all."""

import json
from collections import Counter

import msgspec
import pytest
from click.testing import CliRunner
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llm_observer
from integration.delivering import KEY, Receiver, taken
from integration.exchanges import ask, plain
from integration.sdks import make_client
from llm_observer import schema
from llm_observer.cli import main
from llm_observer.event import encode
from llm_observer.report import cache_model, markdown, text
from llm_observer.sinks.sampling import count_rate, is_sampled, sampled
from sessions import cost, event_of, session_of

pytestmark = pytest.mark.usefixtures("own_installation")
replace = msgspec.structs.replace
RATE = 0.5
CALLS = 24
NOTE = (
    "A sample, by sample_rate (2 calls at 0.1): sums are of the calls that were kept, nothing is scaled up."
)


@pytest.fixture
def app(monkeypatch):
    """An app with OpenTelemetry: what it would export of spans, and what it measured."""
    exported, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", MeterProvider([reader]))
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", None)
    return exported, reader


def call():
    ask(make_client("openai", plain("openai")))


def of_a_sample(rate=0.1):
    return replace(event_of(cost=cost("0.5")), sample_rate=rate)


def test_the_same_traces_are_written_printed_sent_and_exported_and_all_are_in_the_sums(tmp_path, app, capsys):
    exported, reader = app
    file = tmp_path / "events.jsonl"
    with Receiver(taken()) as receiver:
        settings = {"enabled": True, "endpoint": receiver.endpoint, "api_key": KEY, "otlp": True}
        with llm_observer.observe() as session:
            pass
        assert not llm_observer.patch(file=str(file), stdout=True, sample_rate=RATE, **settings).warnings
        before = llm_observer.session().calls
        seen = []
        llm_observer.patch(file=str(file), stdout=True, sample_rate=RATE, on_event=seen.append, **settings)
        for _ in range(CALLS):
            call()
        assert llm_observer.flush(20)
        sent = [event for batch in receiver.batches for event in batch["events"]]
        counts = llm_observer.stats()["delivery"]
    traces = [event.trace_id for event in seen]
    kept = [one for one in traces if is_sampled(one, RATE)]
    written = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    spans = exported.get_finished_spans()
    assert 0 < len(kept) < CALLS
    assert [event["trace_id"] for event in written] == kept
    assert [event["trace_id"] for event in printed] == kept
    assert [event["trace_id"] for event in sent] == kept
    assert [f"{span.context.trace_id:032x}" for span in spans] == kept
    assert {event["sample_rate"] for event in [*written, *printed, *sent]} == {RATE}
    assert {span.attributes["llm_observer.sample_rate"] for span in spans} == {RATE}
    assert [schema.validate(event) for event in written] == [[]] * len(kept)
    assert counts["not_sampled"] == counts["otlp"]["not_sampled"] == CALLS - len(kept)
    assert {event.sample_rate for event in seen} == {None}
    assert (llm_observer.session().calls - before, session.calls) == (CALLS, 0)
    assert measured(reader) == CALLS


def measured(reader):
    """Calls in the metrics: those are of all."""
    data = reader.get_metrics_data()
    points = [
        point
        for one in data.resource_metrics
        for scope in one.scope_metrics
        for metric in scope.metrics
        if metric.name == "gen_ai.client.inference.duration"
        for point in metric.data.data_points
    ]
    return sum(point.count for point in points)


def test_without_sampling_the_events_pass_as_they_are():
    events = [event_of(), of_a_sample()]
    assert sampled(events, 1.0) is events
    assert b"sample_rate" not in encode(events[0])


def test_nothing_is_kept_at_a_rate_of_zero():
    assert list(sampled([event_of()], 0.0)) == []


def test_rates_are_counted_in_bounded_room():
    counts = Counter()
    for number in range(1, 200):
        count_rate(of_a_sample(number / 1000), counts)
    assert (len(counts), counts["0.001"], counts["other rates"]) == (21, 1, 179)


def test_a_summary_of_sampled_events_says_so_and_scales_nothing():
    session = session_of(of_a_sample(), of_a_sample())
    assert NOTE in " ".join(text.render(session, width=None, color=False).split())
    assert (session.calls, session.to_dict()["sampled"]) == (2, {"0.1": 2})
    assert session.to_dict()["totals"]["cost_usd"] == "1"


def test_a_report_of_sampled_events_says_so_in_its_notes_and_its_numbers():
    report = cache_model.report_of([of_a_sample(), of_a_sample()])
    assert NOTE.replace("_", "\\_") in markdown.render(report)
    assert (cache_model.to_plain(report)["sampled"], report.totals.calls) == ({"0.1": 2}, 2)


def test_nothing_is_said_where_nothing_was_sampled():
    assert "sample" not in text.render(session_of(event_of()), width=None, color=False)
    assert "sample" not in markdown.render(cache_model.report_of([event_of()]))


@pytest.mark.parametrize(
    "words",
    [["summary"], ["cache"], ["report"], ["check", "--max-cost", "9"], ["analyze"], ["top", "--once"]],
    ids=" ".join,
)
def test_every_command_that_sums_up_a_sampled_file_says_so(tmp_path, words):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(encode(one) + b"\n" for one in (of_a_sample(), of_a_sample())))
    done = CliRunner().invoke(main, [*words, str(file)])
    assert NOTE in " ".join(done.output.split()).replace("\\_", "_")
