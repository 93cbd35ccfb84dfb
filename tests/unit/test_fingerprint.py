"""Which hashes an event shows of a prompt."""

import msgspec
import pytest

from llm_observer.call import LLMCall, Request, Server
from llm_observer.decoded import Decoded, Segment
from llm_observer.enrichers.fingerprint import KEPT_SEGMENTS, Fingerprint
from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange, Options

CALL = LLMCall(provider="openai", wire="openai", operation="chat")
EXCHANGE = Exchange(sdk="openai", options=Options(method="post", route="/x"), url="", started_ns=0)


@pytest.fixture
def hasher(tmp_path):
    return Hasher(None, tmp_path / "state")


def segments(count):
    body = b"[" + b",".join(b'{"text":"canary %d"}' % number for number in range(count)) + b"]"
    raws = msgspec.json.decode(body, type=list[msgspec.Raw])
    return [Segment(f"messages[{number}]", "message", raw) for number, raw in enumerate(raws)]


def fingerprint(hasher, call=CALL, **decoded):
    return Fingerprint(hasher)(call, Decoded(call=call, **decoded), EXCHANGE)


def test_a_segment_is_its_place_kind_size_and_hash(hasher):
    (shown,) = fingerprint(hasher, segments=segments(1)).segments
    raw = b'{"text":"canary 0"}'
    assert (shown.path, shown.kind, shown.bytes) == ("messages[0]", "message", len(raw))
    assert shown.hash == hasher.hash(raw)


def test_the_newest_are_shown_and_all_are_counted(hasher):
    call = fingerprint(hasher, segments=segments(KEPT_SEGMENTS + 8))
    paths = [segment.path for segment in call.segments]
    assert paths == [f"messages[{number}]" for number in range(8, KEPT_SEGMENTS + 8)]
    assert call.segment_count == KEPT_SEGMENTS + 8


def test_equal_segments_have_equal_hashes_across_calls_and_processes(tmp_path):
    first = fingerprint(Hasher(None, tmp_path), segments=segments(3)).segments
    second = fingerprint(Hasher(None, tmp_path), segments=segments(4)).segments
    assert first == second[:3]
    assert len({segment.hash for segment in second}) == 4


def test_texts_are_shown_as_hashes_only(hasher):
    call = fingerprint(hasher, to_hash={"prompt_cache_key": "user-7", "host": "llm.corp.example"})
    assert call.request.prompt_cache_key_hash == hasher.hash(b"user-7")
    assert call.server.address_hash == hasher.hash(b"llm.corp.example")


def test_what_was_there_stays(hasher):
    before = msgspec.structs.replace(CALL, request=Request(message_count=2), server=Server(port=8443))
    call = fingerprint(hasher, before, to_hash={"prompt_cache_key": "k", "host": "h"})
    assert (call.request.message_count, call.server.port) == (2, 8443)


@pytest.mark.parametrize(("configured", "scope"), [("a key", "configured"), (None, "installation")])
def test_the_event_says_who_shares_the_key(tmp_path, configured, scope):
    assert fingerprint(Hasher(configured, tmp_path), segments=segments(1)).key_scope == scope


def test_with_nothing_to_hash_no_key_is_made(hasher, tmp_path):
    assert fingerprint(hasher) is CALL
    assert not (tmp_path / "state").exists()


def test_no_text_is_left_in_the_event(hasher):
    call = fingerprint(
        hasher, segments=segments(40), to_hash={"prompt_cache_key": "canary", "host": "canary"}
    )
    assert b"canary" not in msgspec.json.encode(call)
