"""Does `top` show what was spent lately, keep up with the file, and leave the terminal as it was?"""

import json
import os
import select
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from caching import file_of
from llm_observer.cli import main
from llm_observer.cli._spend import Spend
from llm_observer.event import encode
from sessions import cost, event_of, took, unpriced

NOW_S = 1_800_000_000.0
posix_only = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")


def called(ago_s, usd="1", model="m", **fields):
    moment = datetime.fromtimestamp(NOW_S - ago_s, UTC).isoformat().replace("+00:00", "Z")
    return replace(event_of(model=model, cost=cost(usd), **fields), time=moment)


def spent(*events, now_s=NOW_S):
    spend = Spend()
    for event in events:
        spend.add(event.llm_call.model_responded, event, event.llm_call, now_s=now_s)
    return spend


def windows(spend, now_s=NOW_S):
    row = spend.whole(now_s=now_s)
    return [row.minute.usd, row.hour.usd, row.all.usd]


@pytest.mark.parametrize(
    ("ago_s", "expected"),
    [(10, [1, 1, 1]), (100, [0, 1, 1]), (3500, [0, 1, 1]), (4000, [0, 0, 1])],
    ids=str,
)
def test_a_call_is_in_the_windows_that_hold_it(ago_s, expected):
    assert windows(spent(called(ago_s))) == expected


def test_a_call_counts_at_its_end():
    assert windows(spent(called(100, timing=took(95_000.0)))) == [1, 1, 1]


def test_a_window_moves_on():
    spend = spent(called(10))
    assert windows(spend, NOW_S + 100) == [0, 1, 1]
    assert windows(spend, NOW_S + 5000) == [0, 0, 1]


def test_a_call_of_unknown_cost_is_counted_and_not_priced():
    row = spent(replace(event_of(cost=unpriced("unknown_model")), time=called(1).time)).whole(now_s=NOW_S)
    assert (row.minute.calls, row.minute.usd, row.minute.unpriced) == (1, None, 1)


def test_rows_are_sorted_by_the_money_of_the_last_hour():
    spend = spent(called(9000, "9", "old"), called(10, "1", "new"), called(10, "2", "dear"))
    assert [row.name for row in spend.rows(now_s=NOW_S)] == ["dear", "new", "old"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5000)), max_size=40))
def test_rows_sum_to_the_whole_whatever_the_order(calls):
    spend = spent(*(called(ago_s, "0.25", model) for model, ago_s in calls))
    rows, whole = spend.rows(now_s=NOW_S), spend.whole(now_s=NOW_S)
    for span in ("minute", "hour", "all"):
        assert sum(getattr(row, span).calls for row in rows) == getattr(whole, span).calls
    assert whole.all.usd == Decimal("0.25") * len(calls)
    close = sum(3590 < ago_s < 3610 for _, ago_s in calls)
    assert abs(whole.hour.calls - sum(ago_s < 3600 for _, ago_s in calls)) <= close


def run(*arguments):
    return CliRunner().invoke(main, ["top", *arguments])


def test_without_a_terminal_the_table_is_printed_once(tmp_path):
    file = file_of(
        tmp_path / "e", event_of(cost=cost("2")), event_of(model="x", cost=unpriced("unknown_model"))
    )
    text = run(file).stdout
    assert "2 calls · " in text
    assert "$2.00 + ? in all" in text
    assert "gpt-4o" in text


def test_json_has_all_groups(tmp_path):
    file = file_of(tmp_path / "e", event_of({"user": "a"}, cost=cost("2")), event_of({"user": "b"}))
    found = json.loads(run(file, "--by", "user", "--json").stdout)
    assert {row["name"]: row["all"]["cost_usd"] for row in found["groups"]} == {"a": "2", "b": None}
    assert found["totals"]["all"] == {"calls": 2, "cost_usd": "2", "unpriced": 1}


def test_an_event_that_comes_twice_counts_once(tmp_path):
    event = event_of(cost=cost("2"))
    assert (
        json.loads(run(file_of(tmp_path / "e", event, event), "--json").stdout)["totals"]["all"]["calls"] == 1
    )


def test_a_missing_file_ends_with_3(tmp_path):
    assert run(str(tmp_path / "none")).exit_code == 3


def test_a_file_without_calls_says_so(tmp_path):
    (tmp_path / "e").touch()
    assert "No calls yet" in run(str(tmp_path / "e")).stdout


@posix_only
@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "control-c"])
def test_the_live_table_keeps_up_and_a_key_ends_it(tmp_path, key):
    import pty
    import termios

    pytest.importorskip("rich")
    file = tmp_path / "e.jsonl"
    file_of(file, event_of(model="first-model", cost=cost("2")))
    main_end, other_end = pty.openpty()
    before = termios.tcgetattr(other_end)
    command = [sys.executable, "-m", "llm_observer", "top", str(file), "--every", "0.1"]
    terminal = {"stdin": other_end, "stdout": other_end, "stderr": other_end, "start_new_session": True}
    with subprocess.Popen(command, env={**os.environ, "TERM": "xterm", "COLUMNS": "140"}, **terminal) as top:
        read_until(main_end, b"first-model")
        with file.open("ab") as more:
            more.write(encode(event_of(model="second-model", cost=cost("3"))) + b"\n")
        read_until(main_end, b"second-model")
        if key == b"q":
            os.write(main_end, key)
        else:
            top.send_signal(2)
        read_until(main_end, b"\x1b[?1049l")  # the screen of before is back
        assert top.wait(20) == 0
    assert termios.tcgetattr(other_end) == before
    os.close(main_end)
    os.close(other_end)


def read_until(descriptor, wanted, patience_s=30.0):
    seen, until = b"", time.monotonic() + patience_s
    while wanted not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(until - time.monotonic(), 0))
        assert ready, seen
        seen += os.read(descriptor, 1 << 16)
