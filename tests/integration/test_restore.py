"""Hooks come and go without a trace: the SDKs' classes are the very same before and after."""

import functools
import importlib
import json
import threading

import pytest

import llm_observer
from integration.patching import ANSWERS, call_of, call_once, client_of

HOOKED = ("request", "_process_response")


def base_clients(sdk):
    module = importlib.import_module(f"{sdk}._base_client")
    return [module.SyncAPIClient, module.AsyncAPIClient]


def family(cls):
    return {cls, *(below for child in cls.__subclasses__() for below in family(child))}


def snapshot():
    """All attributes of every client class of both SDKs, as objects."""
    classes = {cls for sdk in ANSWERS for base in base_clients(sdk) for cls in family(base)}
    return {cls: dict(vars(cls)) for cls in classes}


def is_same(before, after):
    return before.keys() == after.keys() and all(
        before[cls].keys() == after[cls].keys()
        and all(value is after[cls][name] for name, value in before[cls].items())
        for cls in before
    )


def hooks_of(sdk):
    return [vars(base)[name] for base in base_clients(sdk) for name in HOOKED]


def test_every_attribute_is_the_same_object_after_unpatch(unpatched):
    before = snapshot()
    unpatched.patch()
    assert not is_same(before, snapshot())
    llm_observer.unpatch()
    assert is_same(before, snapshot())


def test_only_two_methods_of_the_base_clients_change(unpatched):
    before = snapshot()
    unpatched.patch()
    after = snapshot()
    changed = {
        (cls, name) for cls in after for name in after[cls] if before[cls].get(name) is not after[cls][name]
    }
    bases = [base for sdk in ANSWERS for base in base_clients(sdk)]
    assert changed == {(base, name) for base in bases for name in HOOKED}
    assert all(before[cls].keys() == after[cls].keys() for cls in after)


def test_a_hundred_rounds_leave_nothing_behind(unpatched):
    before = snapshot()
    for _ in range(100):
        unpatched.patch()
        llm_observer.unpatch()
    assert is_same(before, snapshot())


def test_patching_twice_hooks_once(events, sdk):
    once = hooks_of(sdk)
    report = events.patch()
    assert [id(hook) for hook in once] == [id(hook) for hook in hooks_of(sdk)]
    assert {hook.sdk: hook.state for hook in report.hooks}[sdk] == "placed"
    call_of(sdk, client_of(sdk))()
    assert len(events) == 1


def test_unpatching_twice_is_unpatching_once(unpatched):
    before = snapshot()
    llm_observer.unpatch()
    assert is_same(before, snapshot())


def foreign(owner, name):
    """A wrapper as others make them, with what it takes to remove it."""
    inner = vars(owner)[name]
    calls = []

    @functools.wraps(inner)
    def wrapper(self, *args, **kwargs):
        calls.append(name)
        return inner.__get__(self, type(self))(*args, **kwargs)

    setattr(owner, name, wrapper)
    return wrapper, inner, calls


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request):
    return request.param


@pytest.fixture
def owner(sdk, is_async):
    owner = base_clients(sdk)[is_async]
    saved = {name: vars(owner)[name] for name in HOOKED}
    yield owner
    llm_observer.unpatch()
    for name, value in saved.items():
        setattr(owner, name, value)


@pytest.mark.parametrize("name", HOOKED)
def test_a_wrapper_put_on_top_of_ours_stays_and_ours_is_quiet(unpatched, sdk, is_async, owner, name):
    unpatched.patch()
    wrapper, _, calls = foreign(owner, name)
    llm_observer.unpatch()
    assert vars(owner)[name] is wrapper
    call_once(sdk, is_async)
    assert (calls, len(unpatched)) == ([name], 0)


@pytest.mark.parametrize("name", HOOKED)
def test_patching_again_under_a_wrapper_of_others_observes_each_call_once(
    unpatched, sdk, is_async, owner, name
):
    unpatched.patch()
    foreign(owner, name)
    llm_observer.unpatch()
    unpatched.patch()
    call_once(sdk, is_async)
    assert [call["response_id"] for call in unpatched.calls] == [json.loads(ANSWERS[sdk])["id"]]


@pytest.mark.parametrize("name", HOOKED)
def test_ours_left_below_a_wrapper_that_is_removed_later_stays_quiet(unpatched, sdk, is_async, owner, name):
    unpatched.patch()
    _, ours, _ = foreign(owner, name)
    llm_observer.unpatch()
    setattr(owner, name, ours)
    call_once(sdk, is_async)
    assert len(unpatched) == 0
    unpatched.patch()
    call_once(sdk, is_async)
    assert len(unpatched) == 1


@pytest.mark.parametrize("name", HOOKED)
@pytest.mark.parametrize("with_wrapt", [False, True], ids=["function", "wrapt"])
def test_a_wrapper_that_was_there_before_is_the_same_object_afterwards(
    unpatched, sdk, is_async, owner, name, with_wrapt
):
    import wrapt

    if with_wrapt:
        setattr(owner, name, wrapt.FunctionWrapper(vars(owner)[name], lambda f, _, a, k: f(*a, **k)))
    else:
        foreign(owner, name)
    before = snapshot()
    unpatched.patch()
    call_once(sdk, is_async)
    llm_observer.unpatch()
    assert is_same(before, snapshot())
    assert len(unpatched) == 1


def test_only_the_sdks_that_were_asked_for_are_hooked(unpatched):
    before = snapshot()
    report = unpatched.patch(providers=["anthropic"])
    after = snapshot()
    assert {hook.sdk: hook.state for hook in report.hooks} == {"openai": "off", "anthropic": "placed"}
    for base in base_clients("openai"):
        assert before[base] == after[base]


def test_many_threads_that_patch_at_once_hook_once(unpatched):
    before = snapshot()
    start = threading.Barrier(8)

    def patch():
        start.wait(30)
        for _ in range(10):
            unpatched.patch()

    threads = [threading.Thread(target=patch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for sdk in ANSWERS:
        call_of(sdk, client_of(sdk))()
    assert len(unpatched) == 2
    llm_observer.unpatch()
    assert is_same(before, snapshot())


def test_patching_and_unpatching_from_many_threads_ends_clean(unpatched):
    before = snapshot()
    start = threading.Barrier(8)

    def rounds():
        start.wait(30)
        for _ in range(10):
            unpatched.patch()
            llm_observer.unpatch()

    threads = [threading.Thread(target=rounds) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert is_same(before, snapshot())
