"""What may the app's hooks do? See each event, edit or drop what is sent, and never be in the app's way."""

import subprocess
import sys
import threading
import warnings
from pathlib import Path

import msgspec
import pytest

import llm_observer
from integration.delivering import KEY, Receiver, taken
from integration.exchanges import ask, plain
from integration.sdks import make_client
from llm_observer import guard, log
from llm_observer.errors import PolicyViolation
from llm_observer.event import encode
from llm_observer.pipeline import Pipeline
from llm_observer.sinks.hooked import EditedHttp, Leaving, OnEventSink
from sessions import event_of

pytestmark = pytest.mark.usefixtures("own_installation")
replace = msgspec.structs.replace


@pytest.fixture
def lenient():
    """Faults are caught, as they are in an app; gives how often each was, since then."""
    guard.strict(False)
    before = guard.caught()
    yield lambda: {
        kind: n - before.get(kind, 0) for kind, n in guard.caught().items() if n != before.get(kind)
    }
    guard.strict(True)


class ListSink:
    name = "http"

    def __init__(self):
        self.got = []

    def write(self, events):
        self.got.extend(events)

    def close(self):
        pass

    def deliver(self, *, deadline, is_last):
        return True

    def stats(self):
        return {}


def call():
    ask(make_client("openai", plain("openai")))


def sent_by(hook, *events):
    """What a sink behind *hook* gets, and the counts."""
    leaving, sink = Leaving(hook), ListSink()
    batch = list(events)
    for one in (leaving, EditedHttp(sink, leaving)):
        one.write(batch)
    return sink.got, leaving.stats()


def raising(exc):
    def hook(event):
        raise exc

    return hook


# on_event ---------------------------------------------------------------------------------------------


def test_each_event_is_told_to_the_hook_on_the_worker_and_never_on_the_apps_thread():
    told = []
    llm_observer.patch(
        on_event=lambda event: told.append((event.llm_call.provider, threading.current_thread()))
    )
    call()
    call()
    assert llm_observer.flush(20)
    assert [provider for provider, _ in told] == ["openai", "openai"]
    assert {thread.name for _, thread in told} == {"llm_observer"}


def test_a_hook_that_edits_its_event_changes_nothing_but_its_own_copy():
    event = event_of({"user": "ada"})

    def hook(event):
        event.attributes.clear()

    OnEventSink(hook).write([event])
    assert event.attributes == {"user": "ada"}


def test_a_hook_that_raises_is_counted_and_sees_the_next_event(lenient):
    told = []

    def hook(event):
        told.append(event.event_id)
        raise KeyError("a private text")

    events = [event_of(), event_of()]
    OnEventSink(hook).write(events)
    assert told == [event.event_id for event in events]
    assert lenient() == {"on_event:KeyError": 2}


@pytest.mark.parametrize(
    "exc",
    [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), PolicyViolation("no")],
    ids=lambda e: type(e).__name__,
)
def test_nothing_that_a_hook_raises_ends_the_worker(lenient, exc):
    llm_observer.patch(on_event=raising(exc))
    call()
    call()
    assert llm_observer.flush(20)
    assert llm_observer.session().calls >= 2
    assert lenient() == {"on_event:HookError": 2}


def test_the_log_calls_it_the_apps_hook_and_has_no_text_of_it(lenient, caplog, monkeypatch):
    monkeypatch.setattr(log, "_first", {})
    OnEventSink(raising(ValueError("a private text"))).write([event_of()])
    assert [record.getMessage() for record in caplog.records] == [
        "the app's hook on_event failed: ValueError"
    ]


def test_a_hook_may_ask_the_library_without_waiting_for_itself():
    asked = []

    def hook(event):
        asked.append(
            (llm_observer.session().calls, llm_observer.flush(30), llm_observer.stats()["submitted"])
        )

    with llm_observer.observe() as session:
        llm_observer.patch(on_event=hook, exit_timeout_s=30)
        call()
        assert llm_observer.flush(20)
    assert [(is_flushed, submitted) for _, is_flushed, submitted in asked] == [(False, 1)]
    assert session.calls == 1


def test_a_call_that_a_hook_makes_is_no_event_or_it_would_never_end():
    told = []

    def hook(event):
        told.append(event)
        call()

    llm_observer.patch(on_event=hook)
    with llm_observer.observe() as session:
        call()
    assert llm_observer.flush(30)
    assert llm_observer.flush(30)
    assert (len(told), session.calls) == (1, 1)


def test_a_slow_hook_fills_the_queue_and_no_call_waits_for_it():
    is_reached, may_go = threading.Event(), threading.Event()

    def hook(event):
        is_reached.set()
        assert may_go.wait(30)

    class Item:
        def release(self):
            pass

    pipeline = Pipeline(lambda: (lambda item: event_of(), [OnEventSink(hook)]), max_queue=3, is_patient=False)
    pipeline.submit(Item(), wake=True)
    assert is_reached.wait(30)
    for _ in range(10):
        pipeline.submit(Item(), wake=True)
    dropped = pipeline.stats().dropped
    may_go.set()
    assert pipeline.close(30)
    assert (dropped, pipeline.stats().events) == (7, 4)


def test_the_hook_sees_the_calls_before_the_end_of_the_process(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from integration.exchanges import ask, plain\n"
        "from integration.sdks import make_client\n"
        "import llm_observer\n"
        "llm_observer.patch(on_event=lambda event: print(event.type), exit_timeout_s=30)\n"
        "ask(make_client('openai', plain('openai')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=90)
    assert (done.stdout, done.returncode) == ("llm_call\n", 0), done.stderr


async def async_hook(event):
    """Nobody would await it."""


class AsyncHook:
    async def __call__(self, event):
        """Nor this."""


@pytest.mark.parametrize(
    "hook", [async_hook, AsyncHook(), 7, "print"], ids=["async", "object", "number", "name"]
)
@pytest.mark.parametrize("setting", ["on_event", "before_send"])
def test_what_is_no_function_of_an_event_is_named_and_not_taken(setting, hook):
    report = llm_observer.patch(**{setting: hook})
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith(f"argument {setting}")
    assert report.warnings[0].endswith("it takes a function, not async, that is called with an event")


# before_send --------------------------------------------------------------------------------------------


def test_what_the_hook_returns_is_what_is_sent():
    event = event_of({"user": "ada", "feature": "search"})

    def hook(event):
        del event.attributes["user"]
        return event

    sent, counts = sent_by(hook, event)
    assert [one.attributes for one in sent] == [{"feature": "search"}]
    assert event.attributes == {"user": "ada", "feature": "search"}
    assert counts == {"passed": 1, "dropped": 0, "failed": 0}


def test_an_event_for_which_the_hook_returns_none_is_dropped_and_counted():
    mine, other = event_of({"user": "ada"}), event_of()
    sent, counts = sent_by(lambda event: None if event.attributes else event, mine, other)
    assert sent == [other]
    assert counts == {"passed": 1, "dropped": 1, "failed": 0}


@pytest.mark.parametrize(
    ("hook", "fault"),
    [
        (raising(ValueError()), "ValueError"),
        (raising(SystemExit()), "HookError"),
        (lambda event: {"type": "llm_call"}, "HookError"),
        (encode, "HookError"),
        (lambda event: replace(event, event_id=event_of().event_id), "HookError"),
        (lambda event: replace(event, span_id="3" * 16), "HookError"),
        (lambda event: replace(event, span_id="no id"), "ValidationError"),
        (lambda event: replace(event, time=7), "ValidationError"),
        (lambda event: replace(event, attributes={"who": ["a", "list"]}), "ValidationError"),
        (lambda event: replace(event, attributes={"who": object()}), "TypeError"),
        (lambda event: replace(event, llm_call=replace(event.llm_call, retries=-1)), "ValidationError"),
    ],
    ids=[
        "raises",
        "exits",
        "dict",
        "bytes",
        "event id",
        "span id",
        "pattern",
        "type",
        "list",
        "object",
        "range",
    ],
)
def test_what_is_no_fitting_event_is_not_sent_and_counted(lenient, hook, fault):
    sent, counts = sent_by(hook, event_of())
    assert (sent, counts) == ([], {"passed": 0, "dropped": 0, "failed": 1})
    assert lenient() == {f"before_send:{fault}": 1}


def test_a_sink_whose_batch_the_hook_was_not_asked_about_sends_nothing():
    leaving = Leaving(lambda event: event)
    leaving.write([event_of()])
    assert leaving.of([event_of()]) == [None]


def test_the_endpoint_gets_the_edited_event_and_the_file_and_the_sums_the_whole_one(tmp_path):
    def hook(event):
        return None if event.attributes.pop("user", None) == "bob" else event

    file, seen = tmp_path / "events.jsonl", []
    with Receiver(taken()) as receiver:
        settings = {"enabled": True, "endpoint": receiver.endpoint, "api_key": KEY, "file": str(file)}
        assert llm_observer.patch(before_send=hook, on_event=seen.append, **settings).warnings == ()
        for user in ("ada", "bob"):
            with llm_observer.observe(user=user) as session:
                call()
        assert llm_observer.flush(20)
        sent = [event for batch in receiver.batches for event in batch["events"]]
        counts = llm_observer.stats()["delivery"]["before_send"]
    written = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    assert [event["attributes"]["user"] for event in written] == ["ada", "bob"]
    assert [event.attributes["user"] for event in seen] == ["ada", "bob"]
    assert [event["event_id"] for event in sent] == [written[0]["event_id"]]
    assert "attributes" not in sent[0]
    assert counts == {"passed": 1, "dropped": 1, "failed": 0}
    assert session.calls == 1


def test_nothing_is_asked_where_nothing_is_sent(tmp_path):
    llm_observer.patch(before_send=raising(AssertionError()), file=str(tmp_path / "events.jsonl"))
    call()
    assert llm_observer.flush(20)
    assert llm_observer.stats()["delivery"] == {}


def test_a_hook_given_again_takes_the_place_of_the_first():
    first, second = [], []
    llm_observer.patch(on_event=first.append)
    call()
    llm_observer.patch(on_event=second.append)
    call()
    assert llm_observer.flush(20)
    assert (len(first), len(second)) == (1, 1)


def test_no_warning_of_python_comes_with_a_hook():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        llm_observer.patch(on_event=print)
