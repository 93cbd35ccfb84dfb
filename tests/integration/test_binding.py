"""What was made or bound before `patch()` is observed, and what was bound after it goes quiet with it."""

import functools

import pytest

import llm_observer
from integration.patching import call_of, client_of


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
