"""Does the same exchange give the same call, whoever recorded it, and is its format told by its content?"""

import gzip
import zlib

import brotli
import pytest
import yaml
import zstandard

from exchanging import call_of
from llm_observer.adapters import decode
from llm_observer.recordings import Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings.open import read_file
from recording import ANSWER_TEXT, FORMS, LISTED, STARTED_S, entry, har, in_yaml, plain, vcrpy

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


def test_what_a_browser_or_a_program_asked_of_others_is_no_call(read):
    page = {"method": "GET", "url": "https://example.com/style.css", "headers": []}
    own = {"method": "POST", "url": "http://llm.internal/v1/chat/completions", "headers": []}
    left, *calls = read(har(entry(request=page), entry(), entry(request=own)))
    assert (left.place.rpartition("#")[2], left.reason) == ("0", "is no call of a model")
    assert [item.index for item in calls] == [1, 2]


def test_a_bad_entry_is_named_and_the_others_are_read(read):
    items = read(har(entry(), entry(request={"method": "POST"}), entry(startedDateTime="soon"), entry()))
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


def test_a_broken_first_line_does_not_hide_the_format(read):
    items = read('{"url": [[[\n' + plain() + "\n")
    assert [type(item) for item in items] == [Unreadable, Recorded]


def test_yaml_with_a_byte_order_mark_and_crlf_is_read(read):
    (item,) = read("\ufeff" + yaml.safe_dump(vcrpy()).replace("\n", "\r\n"))
    assert item.exchange.status == 200
