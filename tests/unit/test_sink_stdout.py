"""Does standard output get whole lines, whatever the app put there?"""

import io
import json
import os
import subprocess
import sys

import pytest

from llm_observer import log
from llm_observer.event import encode, to_dict
from llm_observer.sinks.stdout import StdoutSink
from sessions import event_of

HEAD = """
import os, sys
from sessions import event_of
from llm_observer.sinks.stdout import StdoutSink

def event(number, text=""):
    return event_of({"number": number, "text": text})
"""


class OnlyWrites:
    """The least that `print` asks of a standard output."""

    def __init__(self):
        self.pieces = []

    def write(self, text):
        self.pieces.append(text)


@pytest.fixture
def warnings(monkeypatch, caplog):
    """What the library's log says; every kind is new."""
    monkeypatch.setattr(log, "_first", {})
    return caplog


def run(program, **env):
    """Bytes that a process of its own writes."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "", **env}
    command = [sys.executable, "-c", HEAD + program]
    return subprocess.run(command, env=env, capture_output=True, check=True, timeout=60).stdout


def test_each_event_is_one_line(capsys):
    events = [event_of({"number": 1}), event_of({"text": "a\nb"})]
    StdoutSink().write(events)
    assert capsys.readouterr().out.encode() == b"".join(encode(event) + b"\n" for event in events)


def test_it_is_the_standard_output_of_that_moment(monkeypatch):
    first, second, sink = io.StringIO(), io.StringIO(), StdoutSink()
    for stream in (first, second):
        monkeypatch.setattr(sys, "stdout", stream)
        sink.write([event_of()])
    assert [len(stream.getvalue().splitlines()) for stream in (first, second)] == [1, 1]


def test_a_batch_is_one_write_that_ends_with_its_last_line(monkeypatch):
    stream = OnlyWrites()
    monkeypatch.setattr(sys, "stdout", stream)
    StdoutSink().write([event_of(), event_of()])
    assert len(stream.pieces) == 1
    assert stream.pieces[0].count("\n") == 2
    assert stream.pieces[0].endswith("}\n")


def test_the_lines_are_out_before_write_returns():
    """A process that ends without a flush loses what stayed in a buffer."""
    out = run("StdoutSink().write([event(1), event(2)])\nos._exit(0)")
    assert [json.loads(line)["attributes"]["number"] for line in out.splitlines()] == [1, 2]


def test_lines_keep_their_place_between_those_of_the_app():
    program = """
print("before")
StdoutSink().write([event(1)])
print("after")
StdoutSink().close()
print("after close")
"""
    before, event, *after = run(program).decode().splitlines()
    assert [before, *after] == ["before", "after", "after close"]
    assert json.loads(event)["attributes"]["number"] == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_any_encoding_holds_any_text(encoding):
    text = "é ↯ 🎈 \u2028 \x7f \x85 end"
    out = run(f"StdoutSink().write([event(1, {text!a})])", PYTHONIOENCODING=encoding)
    (line,) = out.decode(encoding).splitlines()
    assert json.loads(line)["attributes"]["text"] == text


def test_an_escaped_line_says_the_same(monkeypatch):
    stream, event = OnlyWrites(), event_of({"ключ": 'é"\\🎈'})
    monkeypatch.setattr(sys, "stdout", stream)
    StdoutSink().write([event])
    assert stream.pieces[0].isascii()
    assert json.loads(stream.pieces[0]) == to_dict(event)


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed()], ids=["none", "closed"])
def test_without_a_standard_output_the_loss_is_told(monkeypatch, warnings, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    StdoutSink().write([event_of(), event_of()])
    assert "2 events were not written" in warnings.text


def test_a_detached_standard_output_is_an_error_that_names_the_loss(monkeypatch, warnings):
    stream = io.TextIOWrapper(io.BytesIO())
    stream.detach()
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(ValueError, match="detached"):
        StdoutSink().write([event_of()])
    assert "1 events were not written" in warnings.text


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a lost reader is another error")
def test_a_lost_reader_is_an_error_that_names_the_loss(monkeypatch, warnings):
    reader, writer = os.pipe()
    os.close(reader)
    raw = io.FileIO(writer, "w")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, write_through=True))
    with pytest.raises(BrokenPipeError):
        StdoutSink().write([event_of()])
    assert "1 events were not written" in warnings.text
    raw.close()
