"""What was made or bound before `patch()` is observed, and what was bound after it goes quiet with it."""

import copy
import functools
import importlib
import pickle

import pytest

import llm_observer
from integration.patching import call_of, client_of
from llm_observer.capture.placing import place_on, restore


def bound_method(sdk, client):
    return call_of(sdk, client)


def bound_client(sdk, client):
    def call():
        return call_of(sdk, client)()

    return call


def raw_wrapper(sdk, client):
    resource = (client.chat.completions if sdk == "openai" else client.messages).with_raw_response
    return functools.partial(resource.create, **call_of(sdk, client).keywords)


def copied_client(sdk, client):
    return call_of(sdk, client.with_options(timeout=5))


def bound_post(sdk, client):
    path = "/chat/completions" if sdk == "openai" else "/v1/messages"
    body = call_of(sdk, client).keywords
    return functools.partial(client.post, path, cast_to=object, body=body)


@pytest.fixture
def base(sdk):
    return importlib.import_module(f"{sdk}._base_client").SyncAPIClient


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=lambda f: f.__name__)
def test_a_hooked_function_is_its_own_copy(events, base, copied):
    assert copied(base.request) == base.request
    assert copied(vars(base)["request"]) is vars(base)["request"]


def test_a_hooked_function_is_pickled_by_name_and_read_where_nobody_observes(events, base):
    data = pickle.dumps([base.request, vars(base)["request"]])
    assert b"llm_observer" not in data
    assert b"wrapt" not in data
    llm_observer.unpatch()
    assert pickle.loads(data) == [base.request] * 2


class Small:
    """Bound methods are copied and pickled with their object: the SDKs' clients allow neither."""

    def request(self):
        return self


def test_a_bound_method_is_copied_and_pickled_as_what_it_is_of_its_object():
    placed = place_on(
        Small, "request", lambda _: lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs), None
    )
    try:
        small = Small()
        assert copy.copy(small.request)() is small
        assert copy.deepcopy(small.request)() is not small
        assert type(pickle.loads(pickle.dumps(small.request))()) is Small
    finally:
        restore(placed)


BINDINGS = pytest.mark.parametrize(
    "bind", [bound_method, bound_client, raw_wrapper, copied_client, bound_post], ids=lambda f: f.__name__
)


@BINDINGS
def test_what_was_bound_before_patch_is_observed(unpatched, sdk, bind):
    call = bind(sdk, client_of(sdk))
    unpatched.patch()
    call()
    assert [event["sdk"] for event in unpatched.calls] == [sdk]


@BINDINGS
def test_what_was_bound_while_patched_is_quiet_after_unpatch_and_back_after_patch(events, sdk, bind):
    call = bind(sdk, client_of(sdk))
    call()
    llm_observer.unpatch()
    call()
    assert len(events) == 1
    events.patch()
    call()
    assert len(events) == 2
