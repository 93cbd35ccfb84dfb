"""Hooks beside wrappers that others put on the same classes: each call is one event, whoever goes first."""

import asyncio
import importlib
import inspect
from unittest import mock

import pytest
import wrapt

import llm_observer
from integration.exchanges import ask, failed, plain
from integration.sdks import make_client

CLASSES = {"openai": ("OpenAI", "AsyncOpenAI"), "anthropic": ("Anthropic", "AsyncAnthropic")}


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


@pytest.fixture
def client_class(sdk, is_async):
    """The SDK's client class; an attribute that somebody left on it goes at the end."""
    owner = getattr(importlib.import_module(sdk), CLASSES[sdk][is_async])
    yield owner
    llm_observer.unpatch()
    if "request" in vars(owner):
        del owner.request


@pytest.fixture
def base(client_class):
    """The class that the client's `request` comes from."""
    owner = next(cls for cls in client_class.__mro__ if cls.__name__.endswith("APIClient"))
    before = dict(vars(owner))
    yield owner
    llm_observer.unpatch()
    for name in ("request", "_process_response"):
        setattr(owner, name, before[name])


@pytest.fixture
def fail(sdk, is_async):
    """A call that the provider refuses."""

    def call():
        client = make_client(sdk, failed(401), is_async=is_async)
        with pytest.raises(importlib.import_module(sdk).AuthenticationError):
            asyncio.run(ask(client)) if is_async else ask(client)

    return call


@pytest.fixture
def answered(sdk, is_async):
    """A call that is answered."""

    def call():
        client = make_client(sdk, plain(sdk), is_async=is_async)
        return asyncio.run(ask(client)) if is_async else ask(client)

    return call


def through(wrapped, _, args, kwargs):
    return wrapped(*args, **kwargs)


def wrap_client(client_class):
    """As OpenInference does it; what it gives puts back what it found, as an attribute of the class."""
    found = client_class.request
    wrapt.wrap_function_wrapper(client_class, "request", through)
    return lambda: setattr(client_class, "request", found)


def errors(events):
    return [call["error"]["exception"] for call in events.calls]


def test_a_call_that_fails_below_a_wrapper_of_the_client_is_an_event(unpatched, client_class, fail):
    wrap_client(client_class)
    unpatched.patch()
    fail()
    assert errors(unpatched) == ["AuthenticationError"]


def test_so_is_the_first_one_after_that_wrapper_went(unpatched, client_class, fail):
    put_back = wrap_client(client_class)
    unpatched.patch()
    put_back()
    fail()
    assert errors(unpatched) == ["AuthenticationError"]


def test_so_is_one_below_a_wrapper_that_came_and_went_before_us(unpatched, client_class, fail):
    wrap_client(client_class)()
    unpatched.patch()
    fail()
    assert errors(unpatched) == ["AuthenticationError"]


def test_a_wrapper_that_comes_between_two_patches_hides_nothing(unpatched, client_class, fail):
    unpatched.patch()
    put_back = wrap_client(client_class)
    unpatched.patch()
    fail()
    put_back()
    unpatched.patch()
    fail()
    assert errors(unpatched) == ["AuthenticationError"] * 2


def test_a_wrapper_of_the_client_around_ours_goes_on_after_we_went(unpatched, client_class, fail):
    unpatched.patch()
    wrap_client(client_class)
    llm_observer.unpatch()
    fail()
    assert len(unpatched) == 0
    unpatched.patch()
    fail()
    assert errors(unpatched) == ["AuthenticationError"]


def held(owners):
    """Their attributes, each as what tells an object from all others: a wrapper is equal to what it wraps."""
    return [{name: id(value) for name, value in vars(owner).items()} for owner in owners]


def test_what_others_put_on_the_client_is_the_same_object_afterwards(
    unpatched, sdk, client_class, base, answered
):
    wrap_client(client_class)
    owners = (client_class, base, importlib.import_module(f"{sdk}._base_client").FinalRequestOptions)
    kept, before = [dict(vars(owner)) for owner in owners], held(owners)
    unpatched.patch()
    answered()
    assert all(now != then for now, then in zip(held(owners), before, strict=True))
    llm_observer.unpatch()
    assert held(owners) == before
    assert len(kept) == len(owners)  # what was there lived on, so that no other object has its id


def test_what_others_put_back_is_there_afterwards(unpatched, client_class, fail):
    put_back = wrap_client(client_class)
    unpatched.patch()
    put_back()
    theirs = vars(client_class)["request"]
    fail()
    assert vars(client_class)["request"] is not theirs
    llm_observer.unpatch()
    assert vars(client_class)["request"] is theirs


@pytest.mark.parametrize("name", ["request", "_process_response"])
def test_who_takes_off_ours_in_place_of_their_own_takes_no_event(unpatched, base, answered, name):
    wrapt.wrap_function_wrapper(base, name, through)
    unpatched.patch()
    setattr(base, name, getattr(base, name).__wrapped__)  # as ddtrace does it
    answered()
    (call,) = unpatched.calls
    assert (call["ending"], call["status"], call["tokens"]["output"]) == ("complete", 200, 5)


def test_a_client_of_the_apps_own_that_overrides_request_is_one_event(
    events, sdk, client_class, is_async, monkeypatch
):
    class Own(client_class):
        def request(self, *args, **kwargs):
            return super().request(*args, **kwargs)

    own = Own.request
    monkeypatch.setattr(importlib.import_module(sdk), client_class.__name__, Own)
    events.patch()
    client = make_client(sdk, plain(sdk), is_async=is_async)
    asyncio.run(ask(client)) if is_async else ask(client)
    assert Own.request is own
    assert [call["client"] for call in events.calls] == ["Own"]


@pytest.fixture(params=["function", "autospec", "mock"])
def mocked(request, base):
    """What a test of the app's own puts in place of `request` for a while."""
    new = {"function": {"new": lambda *_, **__: None}, "autospec": {"autospec": True}, "mock": {}}
    return lambda: mock.patch.object(base, "request", **new[request.param])


def state_of(report, sdk):
    return {hook.sdk: hook.state for hook in report.hooks}[sdk]


def test_a_mock_that_was_there_at_patch_and_went_hides_nothing(unpatched, sdk, base, mocked, fail):
    before = vars(base)["request"]
    with mocked():
        unpatched.patch()
    assert state_of(unpatched.patch(), sdk) == "placed"
    fail()
    assert errors(unpatched) == ["AuthenticationError"]
    llm_observer.unpatch()
    assert vars(base)["request"] is before


def test_the_first_call_after_a_mock_went_is_an_event(unpatched, base, fail):
    with mock.patch.object(base, "request", autospec=True):
        unpatched.patch()
    fail()
    assert errors(unpatched) == ["AuthenticationError"]


def test_patching_again_under_a_mock_on_our_hook_hides_nothing_and_counts_once(
    unpatched, base, mocked, answered, fail
):
    before = vars(base)["request"]
    unpatched.patch()
    for _ in range(3):
        with mocked():
            unpatched.patch()
        fail()
    assert errors(unpatched) == ["AuthenticationError"] * 3
    answered()
    assert len(unpatched) == 4
    llm_observer.unpatch()
    assert vars(base)["request"] is before


def test_hooks_that_are_gone_are_not_called_placed(unpatched, sdk, base):
    before = vars(base)["request"]
    assert state_of(unpatched.patch(), sdk) == "placed"
    base.request = before
    assert llm_observer.stats()["hooks"][sdk] == "failed"
    assert state_of(unpatched.patch(), sdk) == "placed"


def test_where_nobody_else_is_nothing_else_is_hooked(events, sdk):
    options = importlib.import_module(f"{sdk}._base_client").FinalRequestOptions
    assert inspect.ismethod(options.construct)
    assert not hasattr(vars(options)["construct"], "_self_wrapper")
