"""The summary in a terminal: one headline, tables, and a line for each thing that is unknown."""

import re
import sys

import pytest

from caching import cached, finding
from llm_observer.call import CallSite, Content, Cost, ErrorInfo
from llm_observer.call_cache import CacheUse
from llm_observer.report.text import render
from sessions import cost, event_of, session_of, tokens, took, unpriced

ASSISTANT = CallSite(file="app/assistant.py", line=41, function="answer")
IMPORT = CallSite(file="app/jobs/nightly/import_documents.py", line=118, function="embed_pages")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(params=["rich", "plain"])
def drawing(request, monkeypatch):
    """With rich, and as if it were not installed."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "rich.console", None)
    return request.param


LARGE = "the file of results was larger than what is kept"


def bound(reason):
    return Cost(status="bound", total_usd="1", note=f"at least this much: {reason}")


def a_day():
    """Calls of two providers with all that a summary can show."""
    chat = {"feature": "chat", "is_trial": True}
    claude = {"provider": "anthropic", "wire": "anthropic", "model": "claude-sonnet-4-5-20250929"}
    return session_of(
        event_of(
            chat,
            tokens=tokens(12_000, 900, cache_read=9000),
            cost=cost("0.0325", input="0.0075", cache_read="0.01125", output="0.01375"),
            timing=took(840.0),
            call_site=ASSISTANT,
        ),
        event_of(
            chat,
            tokens=tokens(5204, 1111, cache_read=2286),
            cost=Cost(status="estimated", total_usd="0.0081", input_usd="0.003", output_usd="0.0051"),
            timing=took(12_400.0),
            call_site=ASSISTANT,
            retries=2,
        ),
        event_of(
            {"feature": "import"},
            **claude,
            tokens=tokens(1000, 1000, cache_write=800),
            cost=Cost(
                status="bound",
                total_usd="0.0015",
                cache_write_usd="0.0005",
                output_usd="0.001",
                note="at least this much: the lifetime of a cache write is unknown",
            ),
            timing=took(61.0),
            call_site=IMPORT,
        ),
        event_of({"feature": "import"}, model="foo", cost=unpriced("unknown_model"), call_site=IMPORT),
        event_of({"feature": "import"}, model="foo", cost=unpriced("unknown_model"), call_site=IMPORT),
        event_of(chat, is_stream=True, cost=unpriced("usage_absent"), timing=took(3.0), call_site=ASSISTANT),
        event_of(chat, is_stream=True, ending="closed_early", cost=unpriced("usage_absent")),
        event_of(cost=unpriced("tier_unpriced"), tokens=tokens(0, 0)),
        event_of(
            **claude,
            status=429,
            error=ErrorInfo(type="rate_limit_error"),
            cost=Cost(status="not_billed", total_usd="0"),
            timing=took(35.0),
        ),
        event_of(
            model="openai/gpt-4o-mini",
            provider="openrouter",
            tokens=tokens(300, 20),
            cost=Cost(status="unknown_model", provider_usd="0.00000035"),
        ),
    )


def test_a_summary_reads_as_it_should(golden, drawing):
    golden("summary_full.txt", render(a_day(), width=100, color=False))


def test_a_summary_fits_a_narrow_terminal(golden, drawing):
    text = render(a_day(), width=60, color=False)
    assert max(map(len, text.splitlines())) <= 60
    golden("summary_narrow.txt", text)


def loop(*, calls=400):
    """An agent's calls that lose to a time in the system prompt, and some to the order of tools."""
    late = [finding(usd="0.0006"), finding("uuid", count=0, usd="0")]
    tools = [finding("tool_order", "tools[0]", offset=None, count=800, usd="0.0008")]
    first = cached(0, 0, 0, verdict="first", findings=[finding(confidence=0.4, count=None, usd=None)])
    return session_of(
        first,
        *[cached(1000, 400, 400, findings=late) for _ in range(calls)],
        *[cached(1000, 200, 200, findings=tools) for _ in range(calls)],
    )


@pytest.mark.parametrize("width", [100, 48])
def test_what_the_cache_could_have_saved_is_told_with_place_and_advice(golden, drawing, width):
    text = render(loop(), width=width, color=False)
    assert max(map(len, text.splitlines())) <= width
    golden(f"summary_cache_{width}.txt", text)


def test_without_a_verdict_nothing_is_said_of_the_cache():
    text = render(session_of(event_of(cost=cost("1"))), width=None, color=False)
    assert "prompt cache" not in text.lower()


def test_a_first_call_alone_has_no_hit_rate():
    text = render(session_of(cached(0, 0, 0, verdict="first")), width=None, color=False)
    assert "Prompt cache" not in text


def test_calls_that_lose_nothing_show_only_what_was_reused():
    lines = render(session_of(cached(), cached()), width=None, color=False).splitlines()
    assert (
        lines[-1] == "Prompt cache: 4,000 tokens in, 2,000 (50 %) could have been reused, 2,000 (50 %) were"
    )
    assert not any("could have been saved" in line for line in lines)


def test_less_than_a_hundredth_of_a_cent_is_no_saving():
    session = session_of(cached(1000, 950, 950, findings=[finding(count=50, usd="0.00005")]))
    assert "saved" not in render(session, width=None, color=False)


def test_only_the_three_dearest_fixes_are_shown_and_the_others_counted():
    kinds = ("uuid", "date", "nonce", "counter", "timestamp")
    events = [
        cached(1000, 0, 0, findings=[finding(kind, usd=f"0.00{number}")])
        for number, kind in enumerate(kinds, 1)
    ]
    text = render(session_of(*events), width=None, color=False)
    assert re.findall(r"^\$(\S+): app", text, re.MULTILINE) == ["0.0050", "0.0040", "0.0030"]
    assert "2 more findings: session.cache.findings" in text.splitlines()


def test_a_suspicion_is_one_line_and_only_where_nothing_is_confirmed():
    guess = [finding(confidence=0.4, count=None, usd=None), finding("uuid", confidence=0.3, count=None)]
    first = cached(0, 0, 0, verdict="first", findings=guess)
    (line,) = [
        line for line in render(session_of(first), width=None, color=False).splitlines() if "Susp" in line
    ]
    assert line == (
        "Suspected: app.py:42 ask, system[0] offset 37: a time of day (and 1 more). "
        "Move the time behind the last stable block, such as into the newest user message."
    )
    both = session_of(first, cached(1000, 0, 0, findings=[finding()]))
    assert "Suspected" not in render(both, width=None, color=False)


def test_tokens_without_a_price_are_no_money():
    use = CacheUse(verdict="breaker", missed_tokens=1000, findings=(finding(usd=None),))
    lost = event_of(cost=None, cache=use, call_site=CallSite(file="app.py", line=42, function="ask"))
    lines = render(session_of(lost), width=None, color=False).splitlines()
    assert "1,000 input tokens could have been saved by the prompt cache, at a price that is unknown" in lines
    assert "?: app.py:42 ask, system[0] offset 37: a time of day" in lines


def test_a_session_without_calls_says_so(golden, drawing):
    golden("summary_empty.txt", render(session_of(), width=100, color=False))


def test_color_changes_nothing_but_color():
    colored = render(a_day(), width=100, color=True)
    assert "\x1b[" in colored
    bare = [line.rstrip() for line in ANSI.sub("", colored).splitlines()]
    assert bare == render(a_day(), width=100, color=False).splitlines()


def test_the_terminal_s_settings_change_nothing(monkeypatch):
    before = render(a_day(), width=100, color=False)
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "20", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert render(a_day(), width=100, color=False) == before


def test_the_first_line_has_the_totals():
    session = session_of(
        event_of(tokens=tokens(18_204, 3011, cache_read=11_286), cost=cost("0.0421")),
        *[event_of(cost=cost("0")) for _ in range(11)],
    )
    first = render(session, width=100, color=False).splitlines()[0]
    assert first == "12 calls · $0.0421 · 18,204 tokens in (62 % from cache) · 3,011 out"


def test_one_call_is_not_calls():
    assert render(session_of(event_of(cost=cost("1"))), width=None, color=False).startswith("1 call · $1.00")


def test_a_cost_of_which_nothing_is_known_is_no_amount():
    text = render(session_of(event_of(cost=unpriced("unknown_model"))), width=100, color=False)
    assert text.splitlines()[0] == "1 call · cost unknown"
    assert "$" not in text


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([event_of(model="foo", cost=unpriced("unknown_model"))] * 2, '2 calls have no price: model "foo"'),
        (
            [event_of(is_stream=True, cost=unpriced("usage_absent"))],
            '1 stream without usage: pass stream_options={"include_usage": True} to see its cost',
        ),
        (
            [event_of(is_stream=True, ending="closed_early", cost=unpriced("usage_absent"))] * 2,
            '2 streams ended before their usage: model "gpt-4o"',
        ),
        ([event_of(cost=unpriced("usage_absent"))], '1 call without usage in the answer: model "gpt-4o"'),
        ([event_of(cost=unpriced("tier_unpriced"))], '1 call has no price for its tier: model "gpt-4o"'),
        ([event_of(cost=None)], '1 call without a cost: model "gpt-4o"'),
        (
            [event_of(model=f"m{number}", cost=unpriced("unknown_model")) for number in range(5)],
            '5 calls have no price: models "m0", "m1", "m2" and 2 more',
        ),
        (
            [event_of(cost=Cost(status="estimated", total_usd="1"))],
            "1 call is estimated, and in the sums",
        ),
        (
            [event_of(cost=bound("the size of the images is unknown; a rate is a rule"))] * 2,
            "2 calls are in the sums with a lower bound: the size of the images is unknown",
        ),
        (
            [event_of(cost=bound(f"{LARGE}; results in the figure: {count}")) for count in (7, 9)],
            f"2 calls are in the sums with a lower bound: {LARGE}",
        ),
        (
            [event_of(cost=Cost(status="bound", total_usd="1"))],
            "1 call is in the sums with a lower bound",
        ),
    ],
)
def test_what_is_unknown_is_named(events, line):
    assert line in render(session_of(*events), width=100, color=False).splitlines()


def test_the_hint_on_streams_is_only_for_streams_that_could_have_asked():
    text = render(
        session_of(event_of(is_stream=True, wire="anthropic", cost=unpriced("usage_absent"))),
        width=100,
        color=False,
    )
    assert "include_usage" not in text
    assert "1 call without usage" in text


def test_too_many_models_are_summed_in_one_row(drawing):
    events = [event_of(model=f"m{number:02}", cost=cost(f"{100 - number}")) for number in range(20)]
    rows = render(session_of(*events), width=100, color=False).splitlines()
    (last,) = [row for row in rows if "more)" in row]
    # 12 rows: 11 models, then those of $89 down to $81
    assert re.split(r"\s{2,}", last.strip())[:2] == ["(9 more)", "9"]
    assert "$765.00" in last


def test_text_of_prompts_and_answers_is_nowhere():
    session = session_of(event_of(content=Content(input="CANARY", output="CANARY"), cost=cost("1")))
    assert "CANARY" not in render(session, width=None, color=False)


def test_names_from_outside_cannot_move_the_cursor_or_make_up_lines(drawing):
    model = "evil\x1b[2J\n[red]total: $0[/red]\u202e"
    text = render(session_of(event_of(model=model, cost=cost("1"))), width=None, color=False)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "evil\ufffd[2J\ufffd[red]total: $0[/red]\ufffd" in text


def test_the_text_can_be_written_in_the_encodings_of_windows():
    render(a_day(), width=60, color=False).encode("cp1252")
