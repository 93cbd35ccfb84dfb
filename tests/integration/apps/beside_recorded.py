"""Tests of an app as their author writes them, for pytest-recording; observed where `OURS` names a file."""

import os

import pytest

import llm_observer
from integration.beside_calls import WAYS
from integration.sdks import real_client

BASE = {"openai": "/v1", "anthropic": ""}


@pytest.fixture(autouse=True, scope="module")
def _observed():
    if "OURS" in os.environ:
        llm_observer.patch(file=os.environ["OURS"])
    yield
    llm_observer.shutdown(30.0)


@pytest.mark.vcr
@pytest.mark.parametrize("sdk", BASE)
@pytest.mark.parametrize("way", ["call", "stream"])
def test_the_answer_is_shown(sdk, way):
    client = real_client(sdk, base_url=os.environ["PROVIDER"] + BASE[sdk])
    assert "Hi there" in str(WAYS[way].sync(client)) or way == "stream"
