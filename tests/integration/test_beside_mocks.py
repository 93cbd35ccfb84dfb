"""Under recorders and mocks of HTTP: cassettes and results are as without us, and our events right."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from unittest import mock

import pytest

from integration.beside_calls import WAYS, client_of
from integration.loopback import Loopback
from integration.sdks import client_on, real_client, transport_module

LOOSE = pytest.mark.filterwarnings("default")
"""What a recorder or a mock warns of is its own affair."""
CHOSEN = ("call", "stream", "refused")


@pytest.fixture(params=CHOSEN)
def way(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


def result(way, client):
    """What the app gets of one call, its failure included."""

    async def awaited():
        return await WAYS[way].asynchronous(client)

    try:
        if type(client).__name__.startswith("Async"):
            return asyncio.run(awaited())
        return WAYS[way].sync(client)
    except Exception as exc:  # noqa: BLE001 - whatever the app gets is what is compared
        return repr(exc)


def assert_right(call, sdk, way):
    """That one call is told as it is where nothing is mocked."""
    assert (call["sdk"], call["operation"], call["is_stream"]) == (sdk, "chat", way == "stream")
    if way == "refused":
        assert (call["status"], call["ending"], call["cost"]["status"]) == (401, "error", "not_billed")
        return
    tokens = call["tokens"]
    assert (tokens["input_total"], tokens["cache_read"], tokens["output"]) == (12, 4, 5)
    assert call["ending"] == "complete"
    assert Decimal(call["cost"]["total_usd"]) > 0


# --- mocks


@contextlib.contextmanager
def mock_transport(sdk, answer, is_async, request):
    transport = transport_module(sdk).MockTransport(lambda _: _response(sdk, answer))
    yield client_on(sdk, transport, is_async=is_async)


@contextlib.contextmanager
def patched_send(sdk, answer, is_async, request):
    module = transport_module(sdk)
    owner, kind = (module.AsyncClient, mock.AsyncMock) if is_async else (module.Client, mock.Mock)

    def send(request, **_):
        response = _response(sdk, answer)
        response.request = request
        return response

    with mock.patch.object(owner, "send", kind(side_effect=send)):
        yield real_client(sdk, is_async=is_async)


@contextlib.contextmanager
def respx(sdk, answer, is_async, request):
    respx, httpx = pytest.importorskip("respx"), pytest.importorskip("httpx")
    using = "httpx"
    if transport_module(sdk) is not httpx:
        pytest.importorskip("pytest_httpx2")
        using = "httpcore2"
    given = httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)
    with respx.mock(using=using) as router:
        route = router.post(path__regex=".*").mock(return_value=given)
        yield real_client(sdk, is_async=is_async)
        assert route.called


@contextlib.contextmanager
def pytest_httpx(sdk, answer, is_async, request):
    if transport_module(sdk).__name__ != "httpx":
        pytest.skip("this SDK is on httpx2")
    pytest.importorskip("pytest_httpx")
    mocked = request.getfixturevalue("httpx_mock")
    mocked.add_response(status_code=answer.status, headers=dict(answer.headers), content=answer.body)
    yield real_client(sdk, is_async=is_async)


def _response(sdk, answer):
    return transport_module(sdk).Response(answer.status, headers=dict(answer.headers), content=answer.body)


@LOOSE
@pytest.mark.parametrize(
    "mocked", [mock_transport, patched_send, respx, pytest_httpx], ids=lambda f: f.__name__
)
def test_a_mocked_call_gives_the_same_and_one_right_event(mocked, sdk, way, is_async, unpatched, request):
    answer = WAYS[way].answer(sdk)
    with mocked(sdk, answer, is_async, request) as client:
        without = result(way, client)
    unpatched.patch()
    with mocked(sdk, answer, is_async, request) as client:
        assert result(way, client) == without
    (call,) = unpatched.calls
    assert_right(call, sdk, way)


def test_a_mocked_method_of_a_resource_is_the_apps_own_affair(sdk, events):
    client = real_client(sdk)
    resource = client.chat.completions if sdk == "openai" else client.messages
    with mock.patch.object(type(resource), "create", return_value="mine"):
        assert resource.create(model="m") == "mine"
    assert events.calls == []


# --- recorders


@pytest.fixture
def provider(sdk, way):
    with Loopback(WAYS[way].answer(sdk)) as server:
        yield server


def recorded(path, mode, provider, sdk, way, is_async):
    vcr = pytest.importorskip("vcr")
    with vcr.use_cassette(str(path), record_mode=mode):
        return result(way, client_of(provider, sdk, is_async=is_async))


@LOOSE
def test_a_cassette_of_vcrpy_is_the_same_byte_for_byte(provider, sdk, way, is_async, unpatched, tmp_path):
    without, ours = tmp_path / "without.yaml", tmp_path / "ours.yaml"
    got = recorded(without, "once", provider, sdk, way, is_async)
    unpatched.patch()
    assert recorded(ours, "once", provider, sdk, way, is_async) == got
    assert ours.read_bytes() == without.read_bytes()
    (call,) = unpatched.calls
    assert_right(call, sdk, way)


@LOOSE
def test_a_call_that_vcrpy_plays_is_one_right_event(provider, sdk, way, is_async, unpatched, tmp_path):
    path = tmp_path / "cassette.yaml"
    recorded(path, "once", provider, sdk, way, is_async)
    before, asked = path.read_bytes(), len(provider.requests)
    played = recorded(path, "none", provider, sdk, way, is_async)
    unpatched.patch()
    assert recorded(path, "none", provider, sdk, way, is_async) == played
    assert (path.read_bytes(), len(provider.requests)) == (before, asked)
    (call,) = unpatched.calls
    assert_right(call, sdk, way)


PROGRAM = Path(__file__).parent / "apps" / "beside_recorded.py"
TESTS = Path(__file__).parents[1]


def run_recorded(folder, server, *options, ours=None):
    """The app's own tests, in a folder of their own; the bytes of their cassettes, by name."""
    folder.mkdir(exist_ok=True)
    shutil.copy(PROGRAM, folder / "test_recorded.py")
    (folder / "pytest.ini").write_text("[pytest]\n")
    env = {**os.environ, "PROVIDER": server.url, "PYTHONPATH": str(TESTS)}
    env |= {"OURS": str(ours)} if ours else {}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *options]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in sorted(folder.glob("cassettes/**/*.yaml"))}


def by_request(received):
    sdk = "openai" if "completions" in received.path else "anthropic"
    return WAYS["stream" if json.loads(received.body).get("stream") else "call"].answer(sdk)


def test_the_cassettes_of_pytest_recording_are_the_same_byte_for_byte(tmp_path):
    pytest.importorskip("pytest_recording")
    with Loopback(by_request) as server:
        without = run_recorded(tmp_path / "without", server, "--record-mode=once")
        ours = run_recorded(tmp_path / "ours", server, "--record-mode=once", ours=tmp_path / "recorded.jsonl")
        assert ours == without
        assert len(ours) == 4
        asked = len(server.requests)
        played = run_recorded(tmp_path / "ours", server, "--block-network", ours=tmp_path / "played.jsonl")
        assert (played, len(server.requests)) == (without, asked)
    for file in ("recorded.jsonl", "played.jsonl"):
        events = [json.loads(line)["llm_call"] for line in (tmp_path / file).read_text().splitlines()]
        assert [event["ending"] for event in events] == ["complete"] * 4
        assert all(event["tokens"]["input_total"] == 12 for event in events)
