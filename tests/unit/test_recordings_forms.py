"""Does the same exchange give the same call, whoever recorded it, and is its format told by its content?"""

import gzip
import io
import json
import tracemalloc
import zlib

import brotli
import pytest
import yaml
import zstandard

from exchanging import call_of
from llm_observer.adapters import decode
from llm_observer.recordings import Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings._form import read as read_form
from llm_observer.recordings._model_calls import is_model_call
from llm_observer.recordings.agents import claude_code as agent
from llm_observer.recordings.open import read_file, read_files
from llm_observer.recordings.plain import exchange_of
from recording import (
    ANSWER_TEXT,
    FORMS,
    JSON_TYPE,
    LISTED,
    STARTED_S,
    URL,
    coded,
    entry,
    har,
    in_yaml,
    plain,
    vcrpy,
)
from telling import TOLD, claude_code, claude_code_user

CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.fixture
def read(tmp_path):
    """`read(text)`: what is in a file that holds *text*."""

    def _read(content, name="recording"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_file(str(path)))

    return _read


def said(item):
    """What the call says, less how long it took, which not every form tells."""
    call = call_of(item.exchange)
    call.pop("timing")
    return call


@pytest.mark.parametrize("form", FORMS)
def test_an_exchange_gives_the_same_call_in_every_form(read, form):
    (item,) = read(FORMS[form])
    (wanted,) = read(FORMS["plain"])
    found, expected = said(item), said(wanted)
    for call in (found, expected):  # bodies that were kept as data are written anew, in another spacing
        call["request"].pop("body_bytes")
    assert (item.index, found) == (0, expected)
    assert found["tokens"]["cache_read"] == 1920


@pytest.mark.parametrize("form", FORMS)
def test_a_gzipped_recording_is_read_as_the_plain_one(read, form):
    assert said(read(gzip.compress(FORMS[form].encode()))[0]) == said(read(FORMS[form])[0])


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_was_recorded_compressed_is_read(read, coding):
    headers = {**LISTED, "content-encoding": [coding]}
    (item,) = read(in_yaml(vcrpy(headers=headers, body={"string": CODINGS[coding](ANSWER_TEXT.encode())})))
    assert item.exchange.response_body == ANSWER_TEXT.encode()


@pytest.mark.parametrize("coding", [*CODINGS, "unheard-of"])
def test_a_body_whose_coding_was_taken_away_already_is_read(read, coding):
    (item,) = read(in_yaml(vcrpy(headers={**LISTED, "content-encoding": [coding]})))
    assert item.exchange.response_body == ANSWER_TEXT.encode()


@pytest.mark.parametrize("coding", [*CODINGS, "unheard-of"])
def test_a_body_whose_coding_cannot_be_read_says_so(read, coding):
    (item,) = read(
        in_yaml(vcrpy(headers={"content-encoding": [coding]}, body={"string": b"\xff\xfe\xfd\x01"}))
    )
    assert (item.exchange.response_state, item.exchange.response_body) == ("undecodable", b"")


def test_a_compressed_body_that_was_cut_keeps_what_is_there(read):
    cut = gzip.compress(ANSWER_TEXT.encode() * 50)[:-20]
    (item,) = read(in_yaml(vcrpy(headers={"content-encoding": ["gzip"]}, body={"string": cut})))
    assert item.exchange.response_state == "truncated"
    assert item.exchange.response_body.startswith(ANSWER_TEXT[:20].encode())


def test_a_har_entry_tells_when_it_began_and_when_the_answer_did(read):
    (item,) = read(har())
    exchange = item.exchange
    assert exchange.started_ns == STARTED_S * 10**9
    assert (exchange.first_chunk_ns, exchange.duration_ns) == (433_000_000, 1_500_000_000)


def test_a_har_entry_without_an_answer_is_a_failed_call(read):
    (item,) = read(har(entry(response={"status": 0, "headers": [], "content": {}})))
    assert (item.exchange.status, decode(item.exchange).call.ending) == (None, "error")


SHOWN = [{"name": name, "value": value} for name, value in JSON_TYPE.items()]
CONTENT = {"text": coded(ANSWER_TEXT), "encoding": "base64"}


def answered(**changes):
    return {"response": {"status": 200, "headers": SHOWN, "content": CONTENT, **changes}}


def sent(**changes):
    return {"request": {**entry()["request"], **changes}}


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"startedDateTime": ""}, {"started_ns"}),
        ({"startedDateTime": "soon"}, {"started_ns"}),
        ({"startedDateTime": {}}, {"started_ns"}),
        ({"time": "1500"}, {"duration_ns"}),
        ({"time": True}, {"duration_ns"}),
        ({"timings": [1]}, {"first_chunk_ns"}),
        ({"timings": {"wait": 1e308}}, {"first_chunk_ns"}),
        (sent(headers=None), set()),
        (sent(headers="none"), set()),
        (answered(headers=None), {"response_headers"}),
        (answered(status="200"), set()),
        (answered(status="fine"), {"status"}),
        (answered(status=[]), {"status"}),
    ],
    ids=str,
)
def test_an_odd_field_of_a_har_entry_is_unknown_and_the_rest_is_read(read, changes, unknown):
    (wanted,), (item,) = read(har()), read(har(entry(**changes)))
    names = ("started_ns", "duration_ns", "first_chunk_ns", "status", "response_headers", "response_body")
    found = {name for name in names if getattr(item.exchange, name) != getattr(wanted.exchange, name)}
    assert found == unknown
    assert decode(item.exchange).call.ending == "complete"


def test_base64_with_line_breaks_is_read(read):
    broken = "\r\n".join([CONTENT["text"][:76], CONTENT["text"][76:152], CONTENT["text"][152:]])
    (item,) = read(har(entry(**answered(content={**CONTENT, "text": f"{broken}\n"}))))
    assert item.exchange.response_body == ANSWER_TEXT.encode()


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("OPTIONS", URL, False),
        ("HEAD", "https://api.anthropic.com/v1/messages", False),
        ("GET", "https://openrouter.ai/", False),
        ("GET", "https://openrouter.ai/models", False),
        ("POST", "https://openrouter.ai/monitoring", False),
        ("GET", "https://api.openai.com/favicon.ico", False),
        ("GET", "https://api.cloudflare.com/client/v4/zones/1/dns_records", False),
        ("GET", "https://acme.cloud.databricks.com/browse/folders/1", False),
        ("GET", "https://openrouter.ai/api/v1/models", True),
        ("GET", "https://api.openai.com/v1/models", True),
        ("GET", "https://api.openai.com/v1/responses/resp_1", True),
        ("GET", "https://api.anthropic.com/v1/messages/batches/b/results", True),
        ("DELETE", "https://api.openai.com/v1/files/file-1", True),
        ("GET", "https://api.deepseek.com/models", True),
        ("GET", "https://generativelanguage.googleapis.com/v1beta/cachedContents", True),
        ("GET", "https://acme.openai.azure.com/openai/responses/resp_1?api-version=1", True),
        ("POST", "https://acme.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", True),
        ("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/a.b%3A0/converse", True),
        ("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/guardrail/g/version/1/apply", True),
        ("POST", "https://aiplatform.googleapis.com/v1/projects/p/publishers/google/models/g:predict", True),
        ("POST", "https://api-inference.huggingface.co/models/gpt2", True),
        ("POST", "https://one.endpoints.huggingface.cloud/", True),
        ("POST", "https://acme.cloud.databricks.com/serving-endpoints/one/invocations", True),
        ("POST", "https://api.cloudflare.com/client/v4/accounts/1/ai/run/@cf/meta/llama", True),
        ("POST", "https://gateway.ai.cloudflare.com/v1/account/gateway/workers-ai/@cf/meta/llama", True),
        ("POST", "http://localhost:11434/api/generate", True),
        ("POST", "http://llm.internal/prefix/v1/messages", True),
        ("GET", "http://llm.internal/v1/models", False),
    ],
)
def test_what_asks_the_api_of_a_provider_is_a_call(method, url, expected):
    assert is_model_call(exchange_of(plain(method=method, url=url).encode())) is expected


def test_a_preflight_is_no_call(read):
    asked = {"method": "OPTIONS", "url": URL, "headers": []}
    left, call = read(har(entry(request=asked, response={"status": 204, "headers": []}), entry()))
    assert (left.reason, call.index) == ("is no call of a model", 1)


def test_what_a_browser_or_a_program_asked_of_others_is_no_call(read):
    page = {"method": "GET", "url": "https://example.com/style.css", "headers": []}
    own = {"method": "POST", "url": "http://llm.internal/v1/chat/completions", "headers": []}
    left, *calls = read(har(entry(request=page), entry(), entry(request=own)))
    assert (left.place.rpartition("#")[2], left.reason) == ("0", "is no call of a model")
    assert [item.index for item in calls] == [1, 2]


def test_a_bad_entry_is_named_and_the_others_are_read(read):
    items = read(har(entry(), entry(request={"method": "POST"}), entry(request=None), entry()))
    assert [type(item) for item in items] == [Recorded, Unreadable, Unreadable, Recorded]
    assert [item.place.rpartition("#")[2] for item in items] == ["0", "1", "2", "3"]
    assert "`url`" in items[1].reason


def test_a_bad_interaction_is_named_and_the_others_are_read(read):
    document = vcrpy()
    good = document["interactions"][0]
    document["interactions"] = [{"request": None}, good, {"request": good["request"]}, "text", good]
    items = read(in_yaml(document))
    assert [type(item) for item in items] == [Unreadable, Recorded, Unreadable, Unreadable, Recorded]


def test_a_cassette_with_objects_of_another_language_gives_data_only(read):
    text = in_yaml(vcrpy()).replace("uri: ", "uri: !!python/unicode ") + "extra: !ruby/object:Gem\n  a: 1\n"
    (item,) = read(text)
    assert item.exchange.url == "https://api.openai.com/v1/chat/completions"


def test_a_tag_that_would_run_code_runs_none(read, tmp_path):
    text = in_yaml(vcrpy()) + f"extra: !!python/object/apply:os.mkdir ['{tmp_path}/made']\n"
    assert len(read(text)) == 1
    assert not (tmp_path / "made").exists()


def test_rubys_binary_texts_are_decoded_once_more(read):
    text = "http_interactions:\n- request: {method: post, uri: 'https://api.openai.com/v1/embeddings'}\n"
    text += "  response:\n    status: {code: 200}\n"
    text += "    body:\n      base64_string: !binary |-\n        ZXlKaElqb3hmUT09Cg==\n"
    (item,) = read(text)
    assert item.exchange.response_body == b'{"a":1}'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "empty"),
        ("# A page\n\nof text", "JSON lines"),
        ('{"a": 1}\n{"b": 2}\n', "JSON lines"),
        ('{\n  "url": "https://api.openai.com/v1/chat/completions"\n}', "jq -c"),
        ('{"log": {"entries": [', "HAR"),
        ("interactions:\n- request: {\n", "line"),
        ("interactions: 3\n", "interactions"),
        (b"\x1f\x8b\x08\x00damaged", "damaged"),
    ],
)
def test_a_file_of_no_known_form_says_what_to_do(read, content, why):
    with pytest.raises(UnreadableFileError, match=why):
        read(content)


def test_a_file_that_is_cut_in_its_compression_gives_what_is_there(tmp_path):
    path = tmp_path / "cut.gz"
    whole = gzip.compress("".join(f"{plain(started_at=1 + n)}\n" for n in range(3000)).encode())
    path.write_bytes(whole[: len(whole) * 2 // 3])
    found = read_file(str(path))
    items = [next(found) for _ in range(1000)]
    assert {type(item) for item in items} == {Recorded}
    with pytest.raises(UnreadableFileError, match="damaged"):
        list(found)


@pytest.mark.parametrize("form", FORMS)
def test_bytes_after_a_gzip_file_are_named_after_its_records(tmp_path, form):
    path = tmp_path / "trailing.gz"
    path.write_bytes(gzip.compress(FORMS[form].encode()) + b"garbage")
    call, note = read_files([str(path)])
    assert call.exchange.status == 200
    assert (note.place, "damaged" in note.reason) == (str(path), True)


def test_a_small_gzip_file_that_is_cut_gives_what_is_there(tmp_path):
    path = tmp_path / "cut.gz"
    whole = gzip.compress("".join(f"{plain(started_at=1 + n)}\n" for n in range(40)).encode())
    path.write_bytes(whole[:-20])
    *calls, line, note = read_files([str(path)])
    assert len(calls) > 20
    assert {type(item) for item in calls} == {Recorded}
    assert (line.place, note.place) == (f"{path}:{len(calls) + 1}", str(path))
    assert "damaged" in note.reason


def test_a_document_that_is_cut_in_its_compression_is_damaged(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(har().encode())[:-20])
    with pytest.raises(UnreadableFileError, match="damaged"):
        list(read_file(str(path)))


GOOD = [json.dumps(claude_code(f"msg_{number}", uuid=f"u{number}")) for number in range(3)]
LONG_USER = claude_code_user(message={"role": "user", "content": "y" * 300_000})
QUEUED = {"type": "queue-operation", "operation": "enqueue", "content": "x"}


@pytest.mark.parametrize(
    "first", ["[2026-11-20] starting", GOOD[0][:150], '{"a":', "[", '[{"a": 1},', "[[[", '{"a": [1,\n"b']
)
@pytest.mark.parametrize("count", [1, 3])
def test_a_broken_first_line_is_named_and_the_others_are_read(read, first, count):
    items = read("\n".join([first, "", *GOOD[:count]]) + "\n")
    bad, calls = items[:-count], items[-count:]
    assert {type(item) for item in bad} == {Unreadable}
    assert [item.place.rpartition(":")[2] for item in bad] == [str(1 + n) for n in range(len(bad))]
    assert [item.place.rpartition(":")[2] for item in calls] == [str(len(bad) + 2 + n) for n in range(count)]
    assert {type(item) for item in calls} == {Recorded}


@pytest.mark.parametrize(
    "text",
    [
        "[\n%s\n]",
        "[\n%s\n,\n%s\n,\n%s\n]",
        "[%s,\n%s,\n%s]",
        "[%s\n,%s\n,%s]",
        "[\n%s,\n%s,\n%s\n]\n",
    ],
)
def test_a_list_over_many_lines_is_one_document(read, text):
    count = text.count("%s")
    items = read(text % tuple(GOOD[:count]))
    assert [item.place.rpartition("#")[2] for item in items] == [str(n) for n in range(count)]


@pytest.mark.parametrize("before", [[], [json.dumps(QUEUED)]], ids=len)
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_a_first_record_of_any_length_does_not_hide_the_format(read, before, packed):
    lines = [*before, json.dumps(LONG_USER), *GOOD]
    items = read(packed("\n".join(lines).encode()))
    assert [type(item) for item in items] == [Recorded] * 3


@pytest.mark.parametrize("form", ["Portkey", "OpenAI batch", "Claude Code", "LiteLLM payload"])
def test_a_long_field_before_those_that_tell_the_form_does_not_hide_them(read, form):
    text = TOLD[form][0]
    first, *others = text.splitlines()
    long = json.dumps({"request": {"long": "x" * 300_000}, **json.loads(first)})
    assert len(read("\n".join([long, *others]))) == len(read(text))


def test_a_document_of_one_long_line_is_read(read):
    calls = [json.loads(line) for line in GOOD]
    assert len(read(json.dumps([LONG_USER, *calls]))) == 3


def test_lines_after_a_broken_one_are_read_in_flat_memory():
    class Lines(io.RawIOBase):
        """A broken line, a long one, and 2,000 good ones of 50 kB, made as they are read."""

        def __init__(self):
            self.left = 2000
            self.data = b'{"type": "assis\n%s\n' % json.dumps(LONG_USER).encode()

        def readable(self):
            return True

        def readinto(self, buffer):
            if not self.data and self.left:
                self.left -= 1
                self.data = b"%s\n" % json.dumps({**json.loads(GOOD[0]), "long": "x" * 50_000}).encode()
            piece, self.data = self.data[: len(buffer)], self.data[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_form(agent.FORM, io.BufferedReader(Lines()), "f"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 2002
    assert peak < 4 << 20


def test_a_broken_first_line_does_not_hide_the_format(read):
    items = read('{"url": [[[\n' + plain() + "\n")
    assert [type(item) for item in items] == [Unreadable, Recorded]


def test_yaml_with_a_byte_order_mark_and_crlf_is_read(read):
    (item,) = read("\ufeff" + yaml.safe_dump(vcrpy()).replace("\n", "\r\n"))
    assert item.exchange.status == 200
