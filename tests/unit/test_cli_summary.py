"""Does `summary` say who spent the money, with nothing unknown counted as zero?"""

import gzip
import json
import subprocess
import sys
from decimal import Decimal

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from caching import APP, cached, file_of
from llm_observer.call import CallSite, Tokens
from llm_observer.cli import _groups, main
from llm_observer.event import Service, encode
from sessions import cost, event_of, tokens, unpriced


def run(*arguments, **given_):
    return CliRunner().invoke(main, ["summary", *arguments], **given_)


def told(path, *events, by="model", more=(), code=0):
    result = run(file_of(path, *events), "--by", by, "--json", *more)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def names(found):
    return [group["name"] for group in found["groups"]]


def test_groups_are_sorted_by_money(tmp_path):
    spent = {"small": "0.01", "large": "2", "middle": "0.5"}
    found = told(tmp_path / "e", *(event_of(model=name, cost=cost(usd)) for name, usd in spent.items()))
    assert names(found) == ["large", "middle", "small"]
    assert found["totals"]["cost_usd"] == "2.51"


def test_a_cost_that_is_unknown_is_named_and_never_zero(tmp_path):
    events = [event_of(cost=cost("1")), event_of(cost=unpriced("unknown_model")), event_of(model="x")]
    found = told(tmp_path / "e", *events)
    (known, unknown) = found["groups"]
    assert (known["cost_usd"], known["unpriced"]) == ("1", {"unknown_model": 1})
    assert (unknown["cost_usd"], unknown["unpriced"]) == (None, {"not_priced": 1})
    text = run(str(tmp_path / "e")).stdout
    assert "3 calls · $1.00 + 2 calls of unknown cost" in text
    assert "unknown cost: 1 unknown_model, 1 not_priced (llm-observer explain unknown_model)" in text
    assert "$1.00 + ?" in text


KEYS = {
    "model": "gpt-4o",
    "provider": "openai",
    "operation": "chat",
    "site": "app.py:42 ask",
    "service": "shop",
    "day": "2026-11-21",
    "feature": "chat",
    "user": "u-1",
    "is_new": "true",
}


@pytest.mark.parametrize(("key", "name"), KEYS.items(), ids=KEYS)
def test_calls_are_grouped_by(tmp_path, key, name):
    attributes = {"feature": "chat", "user": "u-1", "is_new": True}
    event = replace(event_of(attributes, call_site=APP, cost=cost("1")), service=Service(name="shop"))
    assert names(told(tmp_path / "e", event, by=key)) == [name]


def test_every_built_in_key_is_tried_here():
    assert set(_groups.KEYS) <= set(KEYS)


def test_calls_without_the_attribute_stand_under_none(tmp_path):
    events = [event_of({"feature": "chat"}, cost=cost("1")), event_of(cost=cost("2"))]
    assert names(told(tmp_path / "e", *events, by="feature")) == ["(none)", "chat"]


def test_an_attribute_that_no_call_has_is_told_with_those_that_are_there(tmp_path):
    file = file_of(tmp_path / "e", event_of({"feature": "chat", "team": "a"}))
    assert (
        "no call has the attribute featrue; attributes in these files: feature, team"
        in run(file, "--by", "featrue").stdout
    )


def test_files_of_several_processes_are_merged_and_an_event_counts_once(tmp_path):
    shared, one, two = (event_of(cost=cost("1")) for _ in range(3))
    files = [file_of(tmp_path / "a", shared, one), file_of(tmp_path / "b", shared, two)]
    found = json.loads(run(*files, "--json").stdout)
    assert (found["totals"]["calls"], found["totals"]["cost_usd"], found["repeated"]) == (3, "3", 1)


def test_a_gzipped_file_and_standard_input_are_read(tmp_path):
    data = gzip.compress(encode(event_of(cost=cost("1"))) + b"\n")
    (tmp_path / "e.gz").write_bytes(data)
    for result in (run(str(tmp_path / "e.gz"), "--json"), run("-", "--json", input=data)):
        assert json.loads(result.stdout)["totals"]["calls"] == 1


def test_recorded_exchanges_are_priced(tmp_path):
    body = {"model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 10}}
    line = {"url": "https://api.openai.com/v1/chat/completions", "status": 200, "response_body": body}
    (tmp_path / "r.jsonl").write_text(
        json.dumps(line | {"request_body": {"model": "gpt-4o", "messages": []}})
    )
    found = json.loads(run(str(tmp_path / "r.jsonl"), "--by", "provider", "--json").stdout)
    assert names(found) == ["openai"]
    assert found["totals"]["cost_usd"] == "0.0026"


def test_what_is_beyond_top_is_summed_in_one_last_row(tmp_path):
    events = [event_of(model=f"m{n}", cost=cost(str(n))) for n in range(1, 6)]
    found = told(tmp_path / "e", *events, more=["--top", "2"])
    assert [(row["name"], row["folded"], row["cost_usd"]) for row in found["groups"]] == [
        ("m5", 0, "5"),
        ("m4", 0, "4"),
        ("(other)", 3, "6"),
    ]
    assert "(other): 3 more" in run(str(tmp_path / "e"), "--top", "2").stdout


def test_there_is_a_bound_of_groups_and_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(_groups, "MAX_GROUPS", 3)
    events = [event_of({"user": f"u{n}"}, cost=cost("1")) for n in range(10)]
    found = told(tmp_path / "e", *events, by="user")
    assert [row["calls"] for row in found["groups"]] == [1, 1, 1, 7]
    assert "more than" in run(str(tmp_path / "e"), "--by", "user").stdout


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 10**9))),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 8),
)
def test_the_rows_always_sum_to_the_whole(calls, most):
    groups = _groups.Groups("model")
    for model, micros in calls:
        price = unpriced("unknown_model") if micros is None else cost(str(Decimal(micros) / 10**6))
        groups.add(event_of(model=model, cost=price, tokens=tokens(5, 2, cache_read=1)))
    rows, whole = list(groups.dearest(most)), groups.whole().totals
    assert len(rows) <= most + 1
    assert sum(row.figures.totals.calls for row in rows) == whole.calls == len(calls)
    assert sum(row.figures.totals.cost_usd for row in rows) == whole.cost_usd
    assert sum(row.figures.totals.unpriced_calls for row in rows) == whole.unpriced_calls


def saved(tmp_path, **fields):
    call = event_of(model="claude-sonnet-4-5", provider="anthropic", wire="anthropic", **fields)
    (group,) = told(tmp_path / "e", call)["groups"]
    return group["cache_saved_usd"], group["cache_saved_unpriced"]


def test_reads_from_the_cache_saved_what_they_would_have_cost_uncached(tmp_path):
    counts = tokens(1500, 1, cache_read=1000, input_uncached=500)
    price = cost("0.0018", input="0.0015", cache_read="0.0003")
    assert saved(tmp_path, tokens=counts, cost=price) == ("0.0027", 0)


def test_a_call_that_only_read_is_compared_with_the_documented_ratio(tmp_path):
    counts = Tokens(input_total=1000, input_uncached=0, cache_read=1000)
    assert saved(tmp_path, tokens=counts, cost=cost("0.0003", cache_read="0.0003")) == ("0.0027", 0)


def test_a_saving_without_a_price_is_unknown(tmp_path):
    counts = tokens(1500, 1, cache_read=1000)
    assert saved(tmp_path, tokens=counts, cost=unpriced("unknown_model")) == ("0", 1)


def test_what_the_cache_missed_is_shown(tmp_path):
    (group,) = told(tmp_path / "e", cached(ideal=1000, actual=400))["groups"]
    assert (group["cache_missed_usd"], group["cache_missed_tokens"]) == ("0.0006", 600)


def test_a_file_that_cannot_be_read_ends_with_3_and_the_others_are_summed(tmp_path):
    file = file_of(tmp_path / "e", event_of(cost=cost("1")))
    result = run(file, str(tmp_path / "none"), "--json")
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert (found["totals"]["calls"], found["unreadable"]) == (1, [str(tmp_path / "none")])


def test_a_bad_line_is_left_out_with_its_number(tmp_path):
    file = tmp_path / "e.jsonl"
    line = encode(event_of(cost=cost("1")))
    file.write_bytes(line + b"\n{oops\n" + line.replace(b'"event_id":"0', b'"event_id":"0') + b"\n")
    result = run(str(file), "--json")
    assert (result.exit_code, json.loads(result.stdout)["left_out"]) == (0, 1)
    assert f"left out: {file}:2:" in result.stderr


def test_a_name_with_control_characters_cannot_move_the_cursor(tmp_path):
    file = file_of(tmp_path / "e", event_of(model="\x1b[2Jevil", cost=cost("1")))
    assert "\x1b" not in run(file).stdout


def test_a_file_without_calls_says_so(tmp_path):
    file = file_of(tmp_path / "e", event_of())
    result = run(file, "--by", "site")
    assert "(no call site)" in result.stdout


def test_memory_stays_flat(tmp_path):
    site = CallSite(file="app.py", line=1, function="f" * 100)
    peaks = []
    for count in (300, 3000):
        file = file_of(
            tmp_path / str(count), *(event_of(call_site=site, cost=cost("1")) for _ in range(count))
        )
        script = (
            "import tracemalloc\nfrom llm_observer.cli import main\nimport llm_observer.cli.summary\n"
            "tracemalloc.start()\n"
            "try: main()\nexcept SystemExit: pass\n"
            "print(tracemalloc.get_traced_memory()[1])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, "summary", file], capture_output=True, check=True
        )
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < peaks[0] * 1.4
