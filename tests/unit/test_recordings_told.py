"""Are calls read out of the files that batches, gateways and coding agents write?"""

import bz2
import gzip
import io
import json
import lzma
import os
from contextlib import suppress

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.adapters import decode
from llm_observer.cli import main
from llm_observer.recordings import Recorded, Unreadable, UnreadableFileError, read_files
from llm_observer.recordings._detect import format_of
from llm_observer.recordings._form import read
from llm_observer.recordings._spec import Aside
from llm_observer.recordings.forms import FORMS
from llm_observer.recordings.open import READERS
from telling import TOLD, claude_code

WITHOUT_IDS = {"Cline", "Envoy", "Helicone without bodies", "Kong", "Kong 3.8", "Portkey without bodies"}
"""Forms of which no field that is read names the answer."""
BY_LINES = {form: text for form, (text, _) in TOLD.items() if text[0] == "{" and text[1] != "\n"}
SAMPLES_OF = {form: [json.loads(line) for line in text.splitlines()] for form, text in BY_LINES.items()}
PACKED = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.compress}


@pytest.fixture(autouse=True)
def _own_environment(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith("LLM_OBSERVER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def analysis(*arguments, **how):
    result = CliRunner().invoke(main, ["analyze", "--json", *map(str, arguments)], **how)
    return json.loads(result.stdout)


def row(record):
    tokens = record["tokens"] or {}
    counts = (tokens.get(kind) for kind in ("input_total", "cache_read", "cache_write", "output"))
    return (record["model"], *counts, record["cost"]["status"])


@pytest.mark.parametrize("form", TOLD)
def test_a_file_gives_its_calls_with_their_tokens_and_cost(tmp_path, form):
    text, rows = TOLD[form]
    path = tmp_path / "export"
    path.write_text(text, "utf-8")
    found = analysis(path)
    assert [row(record) for record in found["records"]] == rows
    assert found["skipped"] == []


@pytest.mark.parametrize("form", TOLD)
@pytest.mark.parametrize("coding", PACKED)
def test_a_compressed_file_gives_the_same_calls_from_standard_input_too(form, coding):
    text, rows = TOLD[form]
    found = analysis("-", input=PACKED[coding](text.encode()))
    assert [row(record) for record in found["records"]] == rows


@pytest.mark.parametrize("form", TOLD)
def test_without_a_request_the_cache_is_unknown_and_the_providers_reads_are_shown(tmp_path, form):
    text, rows = TOLD[form]
    path = tmp_path / "export"
    path.write_text(text, "utf-8")
    for record, (model, _, cache_read, *_) in zip(analysis(path)["records"], rows, strict=True):
        is_chat = "embedding" not in model
        assert record["verdict"] == ("unknown" if is_chat else None)
        assert (record["actual"], record["ideal"], record["findings"]) == (cache_read, None, [])


@pytest.mark.parametrize("form", TOLD)
def test_the_same_file_twice_costs_what_it_costs_once(tmp_path, form):
    text, _ = TOLD[form]
    names = [tmp_path / "one", tmp_path / "two"]
    for name in names:
        name.write_text(text, "utf-8")
    once, twice = analysis(names[0])["totals"], analysis(*names)["totals"]
    if form not in WITHOUT_IDS:  # the others have nothing that tells one call from another
        assert (twice["cost_usd"], twice["tokens"]) == (once["cost_usd"], once["tokens"])
    assert twice["calls"] == 2 * once["calls"]


@pytest.mark.parametrize("form", [form for form in BY_LINES if BY_LINES[form].endswith("\n")])
def test_a_bad_line_is_named_and_the_others_are_read(tmp_path, form):
    text, rows = TOLD[form]
    path = tmp_path / "log"
    path.write_text(f"{text}{{broken\n\n[1]\n{text}", "utf-8")
    found = analysis(path)
    number = text.count("\n") + 1
    assert [one["place"] for one in found["skipped"]] == [f"{path}:{number}", f"{path}:{number + 2}"]
    assert [row(record)[0] for record in found["records"]][: len(rows)] == [one[0] for one in rows]


@pytest.mark.parametrize(
    "text",
    [
        '{"level": "info", "message": "started", "timestamp": "2025-11-21T09:20:00Z"}',
        '{"type": "assistant", "message": "hello", "timestamp": "2025-11-21T09:20:00Z", "sessionId": "1"}',
        '{"type": "assistant", "message": {"role": "assistant", "content": "hello"}}',
        '{"timestamp": "2025-11-21T09:20:00Z", "type": "order_created", "payload": {"id": 1}}',
        '{"type": "session", "id": "s", "timestamp": "2025-11-21T09:20:00Z", "user": 3}',
        '{"type": "message", "message": {"role": "user", "usage": {"tokens": 3}}}',
        '{"id": 1, "role": "assistant", "tokens": 12}',
        '{"ts": 1763716800.1, "type": "say", "level": "debug", "msg": "hello"}',
        '{"ts": 1763716800.1, "type": "request", "say": "hello"}',
        '{"ai": {"model": "gpt-4o", "usage": {"prompt_tokens": 3}}, "level": "info"}',
        '{"model": "gpt-4o", "prompt_tokens": 3, "completion_tokens": 4, "startTime": 1}',
        '{"model": "gpt-4o", "provider": "openai", "tokens_in": 3, "tokens_out": 4}',
        '{"custom_id": "a", "result": {"type": "ok"}}',
        '{"id": "gen-1", "model": "m", "created_at": "2025-11-21"}',
        '{"info": {"id": 1}, "messages": [{"role": "user", "content": "hello"}]}',
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        '[{"role": "user", "content": "hello"}]',
        '[\n {"a": 1},\n {"b": 2}\n]',
        '{"summary": "a day", "type": "summary"}',
    ],
)
def test_an_apps_own_log_is_no_transcript(text):
    with pytest.raises(UnreadableFileError, match="shows the forms"):
        format_of(text.encode() + b"\n")


@pytest.mark.parametrize("form", SAMPLES_OF)
def test_no_object_fits_two_forms(form):
    for value in SAMPLES_OF[form]:
        assert len([one.name for one in FORMS if one.fits(value)]) <= 1


@pytest.mark.parametrize("form", sorted(TOLD.keys() - BY_LINES.keys()))
def test_a_document_that_is_longer_than_what_is_looked_at_is_told_by_its_begin(form):
    text, _ = TOLD[form]
    whole = text.rstrip()
    closing = whole[-1]
    long = f"{whole[:-1].rstrip()}, {json.dumps('x' * 600_000)}{closing}" if closing == "]" else whole
    assert format_of(long.encode()[: 256 << 10]) == format_of(text.encode())


def test_the_input_of_a_batch_says_what_to_give_instead(tmp_path):
    path = tmp_path / "input.jsonl"
    path.write_text(
        '{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}\n'
    )
    found = analysis(path)
    assert (found["records"], found["skipped"][0]["place"]) == ([], f"{path}:1")
    assert "output" in found["skipped"][0]["reason"]


@pytest.mark.parametrize("coding", PACKED)
def test_a_damaged_file_gives_what_is_there(tmp_path, coding):
    path = tmp_path / "cut"
    noise = "".join(
        f"{json.dumps(claude_code(f'msg_{number}', uuid=str(number) * 9))}\n" for number in range(3000)
    )
    whole = PACKED[coding](noise.encode())
    path.write_bytes(whole[: len(whole) * 2 // 3])
    items = list(read_files([str(path)]))
    cut, *damaged = [item for item in items if isinstance(item, Unreadable)]
    assert len(items) > 300
    assert cut.place == f"{path}:{len(items) - len(damaged)}"
    assert all(one.place == str(path) and "damaged" in one.reason for one in damaged)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
BY_NAME = {form.name: form for form in FORMS}
SAMPLES = [value for values in SAMPLES_OF.values() for value in values]


def read_all(form, data):
    return list(read(form, io.BytesIO(data), "f"))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(BY_NAME)), st.lists(st.binary(max_size=80), max_size=5))
def test_a_reader_takes_any_bytes(name, data):
    with suppress(UnreadableFileError):
        items = read_all(BY_NAME[name], b"\n".join(data))
        assert {type(item) for item in items} <= {Recorded, Unreadable, Aside}


def changed(sample, path, value):
    """*sample* with *value* at a path; each step of it is reduced to what is there."""
    whole = json.loads(json.dumps(sample))
    node = whole
    for number, step in enumerate(path):
        names = list(node) if isinstance(node, dict) else []
        if not names:
            break
        name = names[step % len(names)]
        if number == len(path) - 1 or not isinstance(node[name], dict):
            node[name] = value
            break
        node = node[name]
    return whole


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(BY_NAME)),
    st.sampled_from(SAMPLES),
    st.lists(st.integers(0, 20), min_size=1, max_size=4),
    json_values,
)
def test_every_line_is_an_item_whatever_stands_in_its_fields(name, sample, path, value):
    records = [changed(sample, path, value), {"a": 1}, sample]
    data = "".join(f"{json.dumps(one)}\n" for one in records).encode()
    items = read_all(BY_NAME[name], data)
    places = {item.place for item in items}
    assert places == {"f:1", "f:2", "f:3"}
    assert {type(item) for item in items} <= {Recorded, Unreadable, Aside}
    for item in items:
        if isinstance(item, Recorded):
            decode(item.exchange)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.lists(st.integers(0, 20), min_size=1, max_size=4), json_values)
def test_telling_the_form_takes_any_values(sample, path, value):
    line = json.dumps(changed(sample, path, value)).encode()
    for head in (line, b"[" + line, line[:-2], b"[" + line + b"," + line):
        with suppress(UnreadableFileError):
            assert format_of(head)


@pytest.mark.parametrize("value", [[], {}, [1], {"a": 1}, None, 0, "", True], ids=repr)
@pytest.mark.parametrize("form", SAMPLES_OF)
def test_any_field_may_hold_any_value(form, value):
    for sample in SAMPLES_OF[form]:
        for name in sample:
            data = json.dumps({**sample, name: value}).encode()
            with suppress(UnreadableFileError):
                list(READERS[format_of(data)](io.BytesIO(data), "f"))


@pytest.mark.parametrize("form", ["Claude Code", "Kong", "Envoy", "Codex"])
def test_a_form_is_told_by_a_later_line_too(form):
    first = '{"type": "queue-operation", "operation": "enqueue", "request": {"url": "/health"}}\n' * 20
    assert format_of((first + BY_LINES[form]).encode()) == format_of(BY_LINES[form].encode())
