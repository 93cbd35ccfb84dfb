"""What do tests share that switch the library on? A state folder of their own, and nothing from outside."""

import os

import pytest

import llm_observer


@pytest.fixture
def own_installation(tmp_path, monkeypatch):
    """No setting of the environment, an own state folder; switched off at the end."""
    for name in list(os.environ):
        if name.startswith(("LLM_OBSERVER_", "DO_NOT_TRACK", "OTEL_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    llm_observer.shutdown(20)
