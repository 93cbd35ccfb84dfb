"""Can the calls be taken elsewhere? As rows of plain values, as an Arrow table, as a data frame."""

import builtins
import json
from decimal import Decimal

import msgspec
import pytest

import llm_observer
from llm_observer.call import CallSite, ErrorInfo
from llm_observer.call_cache import CacheUse
from llm_observer.errors import ConfigError
from llm_observer.money import decimal_text, exact_sum
from llm_observer.sinks.session_rows import MAX_TEXT
from sessions import cost, event_of, session_of, tokens, took, unpriced

SITE = CallSite(file="app.py", line=3, function="ask")
RICH = {
    "cost": cost("0.00000012345678901234567890"),
    "tokens": tokens(100, 7, cache_read=60, cache_write=0, reasoning=2),
    "timing": took(12.5, time_to_first_chunk_ms=3.25),
    "call_site": SITE,
    "cache": CacheUse(verdict="hit", missed_tokens=0, missed_usd="0"),
    "is_stream": True,
    "retries": 1,
}


def rows_of(*events, **settings):
    return session_of(*events, **settings).to_dicts()


def test_a_call_is_a_row_of_plain_values():
    event = event_of({"feature": "search", "paid": True}, **RICH)
    (row,) = rows_of(event)
    assert json.loads(json.dumps(row)) == row
    assert row == {
        "time": event.time,
        "event_id": event.event_id,
        "trace_id": event.trace_id,
        "provider": "openai",
        "operation": "chat",
        "model": "gpt-4o",
        "status": 200,
        "ending": "complete",
        "error": None,
        "is_stream": True,
        "retries": 1,
        "input_tokens": 100,
        "cache_read_tokens": 60,
        "cache_write_tokens": 0,
        "output_tokens": 7,
        "reasoning_tokens": 2,
        "cost_usd": "0.0000001234567890123456789",
        "cost_status": "exact",
        "cache_verdict": "hit",
        "missed_tokens": 0,
        "missed_usd": "0",
        "duration_ms": 12.5,
        "time_to_first_chunk_ms": 3.25,
        "site": "app.py:3 ask",
        "attributes": {"feature": "search", "paid": True},
    }


def test_unknown_is_none_and_zero_is_zero():
    (unknown, zero) = rows_of(
        event_of(model=None, cost=unpriced("unknown_model"), error=ErrorInfo(code="429"), status=429),
        event_of(cost=cost("0"), tokens=tokens(0, 0)),
    )
    names = (
        "model",
        "input_tokens",
        "cost_usd",
        "cost_status",
        "error",
        "site",
        "cache_verdict",
        "duration_ms",
    )
    assert [unknown[name] for name in names] == [None, None, None, "unknown_model", "429", None, None, None]
    assert (zero["input_tokens"], zero["cost_usd"]) == (0, "0")


def test_rows_sum_up_to_the_totals_also_where_usage_is_told_twice():
    session = session_of(
        event_of(cost=cost("0.1"), tokens=tokens(5, 1)),
        event_of(cost=cost("0.1"), tokens=tokens(5, 1), is_usage_repeated=True),
        event_of(cost=cost("0.25"), tokens=tokens(7, 2)),
    )
    rows = session.to_dicts()
    assert exact_sum(row["cost_usd"] for row in rows) == session.totals.cost_usd == Decimal("0.35")
    known = [row["input_tokens"] for row in rows if row["input_tokens"] is not None]
    assert sum(known) == session.totals.tokens.input_total == 12


def test_the_newest_rows_are_kept_in_order_and_no_more():
    session = session_of(*(event_of({"n": number}) for number in range(7)), max_rows=3)
    assert [row["attributes"]["n"] for row in session.to_dicts()] == [4, 5, 6]
    assert (session.rows, session.calls) == (3, 7)
    session.keep_rows(2)
    assert [row["attributes"]["n"] for row in session.to_dicts()] == [5, 6]
    session.reset()
    session.add(event_of({"n": 8}))
    assert [row["attributes"]["n"] for row in session.to_dicts()] == [8]


def test_a_session_may_keep_no_rows():
    assert rows_of(event_of(), max_rows=0) == []


def test_a_row_is_small_whatever_the_app_puts_on_it():
    long = "x" * 100_000
    (row,) = rows_of(event_of({long: long}, model=long))
    assert max(map(len, [row["model"], *row["attributes"], *row["attributes"].values()])) == MAX_TEXT


def test_the_setting_says_how_many_rows_the_process_keeps(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    try:
        llm_observer.patch(session_rows=5)
        assert llm_observer.observe().session._state.rows.most == 5
        llm_observer.session()
        llm_observer.patch(session_rows=7)
        assert llm_observer.session()._state.rows.most == 7
    finally:
        llm_observer.shutdown(20)


# Tables -------------------------------------------------------------------------------------------------


def test_an_arrow_table_has_times_counts_exact_money_and_a_column_for_each_attribute():
    pa = pytest.importorskip("pyarrow")
    session = session_of(event_of({"feature": "a", "n": 1}, **RICH), event_of({"feature": "b", "n": "x"}))
    table = session.to_arrow()
    assert table.num_rows == 2
    assert table.column("cost_usd").to_pylist() == [Decimal(RICH["cost"].total_usd), None]
    assert table.column("input_tokens").to_pylist() == [100, None]
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert pa.types.is_decimal(table.schema.field("cost_usd").type)
    assert table.column("attributes.feature").to_pylist() == ["a", "b"]
    assert table.column("attributes.n").to_pylist() == ["1", "x"]


def test_a_table_without_calls_has_the_same_types_as_one_with_calls():
    pytest.importorskip("pyarrow")
    fields = session_of(event_of(cost=cost("0.5"), tokens=tokens(1, 1))).to_arrow().schema
    assert session_of().to_arrow().schema == fields


def test_a_data_frame_counts_in_whole_numbers_and_sums_money():
    pd = pytest.importorskip("pandas")
    session = session_of(
        event_of({"feature": "a"}, cost=cost("0.5"), tokens=tokens(3, 1)),
        event_of({"feature": "a"}, cost=cost("0.25")),
        event_of({"feature": "b"}),
    )
    frame = session.to_pandas()
    assert frame.groupby("attributes.feature")["cost_usd"].sum().to_dict() == {"a": 0.75, "b": 0.0}
    assert (str(frame["input_tokens"].dtype), frame["input_tokens"].sum()) == ("Int64", 3)
    assert frame["time"].dt.tz is not None
    assert isinstance(frame["cost_usd"].iloc[2], float)
    assert pd.isna(frame["cost_usd"].iloc[2])
    assert list(session_of().to_pandas().columns) == [name for name in frame.columns if "." not in name]


@pytest.mark.parametrize(("method", "package"), [("to_arrow", "pyarrow"), ("to_pandas", "pandas")])
def test_an_error_names_the_package_that_is_missing(monkeypatch, method, package):
    real = builtins.__import__

    def without(name, *rest):
        if name == package:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=f"^{method}\\(\\) needs: pip install {package}$"):
        getattr(session_of(), method)()


def test_what_is_written_of_money_is_what_the_event_says():
    event = event_of(cost=cost("12.50"))
    (row,) = rows_of(event)
    assert row["cost_usd"] == decimal_text(Decimal(event.llm_call.cost.total_usd)) == "12.5"
    assert msgspec.json.encode(row)
