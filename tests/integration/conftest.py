"""What do integration tests share? A patched process, and its events, each checked by the contract."""

import json
import os
from collections.abc import Sequence

import pytest

import llm_observer
from integration.patching import ANSWERS
from llm_observer import guard, schema

_FOREIGN_ENV = ("LLM_OBSERVER_", "OPENAI_", "AZURE_OPENAI_", "ANTHROPIC_", "AWS_", "DO_NOT_TRACK")


@pytest.fixture(autouse=True)
def _own_environment(tmp_path, monkeypatch):
    """No setting, key or state of the machine: each test is its own installation."""
    for name in os.environ:
        if name.startswith(_FOREIGN_ENV):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield
    llm_observer.shutdown()


class Events(Sequence):
    """The events so far, as plain JSON values: every look waits for the worker and checks what is new."""

    def __init__(self, file):
        self._file = file
        self._seen = []
        self.patch()

    def patch(self, **settings):
        """Observe from now on, into the same file; `settings` are those of `llm_observer.patch`."""
        return llm_observer.patch(file=str(self._file), hash_key="a key of the tests", **settings)

    def _read(self):
        assert llm_observer.flush(30.0), "the worker did not get through"
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        for line in lines[len(self._seen) :]:
            event = json.loads(line)
            assert schema.validate(event) == []
            self._seen.append(event)
        return self._seen

    def __getitem__(self, index):
        return self._read()[index]

    def __len__(self):
        return len(self._read())

    @property
    def calls(self):
        """The bodies of the `llm_call` events."""
        return [event["llm_call"] for event in self if event["type"] == "llm_call"]


@pytest.fixture
def events(tmp_path, _own_environment):
    """The process is patched; every event of the test, in order. A fault of ours fails the test."""
    before = guard.caught()
    events = Events(tmp_path / "events.jsonl")
    yield events
    assert llm_observer.shutdown(30.0)
    assert guard.caught() == before


@pytest.fixture
def unpatched(events):
    """`events`, with the SDKs as they are without us; `events.patch()` starts it."""
    llm_observer.unpatch()
    return events


@pytest.fixture(params=ANSWERS)
def sdk(request):
    """Each SDK by its import name."""
    return request.param
