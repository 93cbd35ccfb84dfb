"""Does the evaluation of the doctor judge rightly? Its oracles by the docs' rules, its truth, its score."""

import copy
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts/evaluation"))

import breakers
import score as scoring
from dice import dice
from drafts import Draft, Turn, encode
from hosts import Host, Hosts, Talk
from models import MODELS, Reading, money, usage
from providers import Call, simulate
from rendering import render, tokens_of

pytestmark = pytest.mark.slow

sys.path.pop(0)

LINES = [
    f"The {colour} {thing} is kept at the counter until the {time} flight has left, and then it is sent on"
    for colour in ("red", "green", "blue", "grey", "white")
    for thing in ("bag", "ticket", "parcel", "stroller")
    for time in ("morning", "evening")
]
LONG = " ".join(LINES * 2)
SONNET, OPUS_5, HAIKU = "claude-sonnet-4-5", "claude-opus-5", "claude-haiku-4-5"
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def size(text):
    return 1 + len(tokens_of(text))


def at(second, wire, body, first_byte=1.0, headers=()):
    return Call(wire, body, dict(headers), second, second + first_byte)


def block(text, mark=None):
    return {"type": "text", "text": text, **(mark or {})}


def claude(*texts, system=LONG, model=SONNET, mark=MARK, **rest):
    """A request with a marker on its last block."""
    messages = [{"role": "user", "content": [block(text)]} for text in texts]
    messages[-1]["content"][-1] |= mark
    return {"model": model, "system": system, "messages": messages, **rest}


def gpt(*texts, model="gpt-4o", **rest):
    messages = [{"role": "system", "content": LONG}]
    messages += [{"role": "user", "content": text} for text in texts]
    return {"model": model, "messages": messages, **rest}


def reads(*calls):
    return [reading.read for reading in simulate(calls)]


def host(number=0, calls=9):
    turns = []
    for at_call in range(calls):
        turns += [Turn("user", [f"{LINES[at_call + number]}?\nI ask, {LINES[at_call + 9]}."])]
        turns += [
            Turn(
                "assistant",
                [],
                [{"id": f"c{at_call}", "name": "calculate", "arguments": '{"expression": "1+1"}'}],
            )
        ]
        turns += [Turn("tool", [json.dumps({"answer": 2, "why": LONG[:400]})], call_id=f"c{at_call}")]
        turns += [Turn("assistant", [f"{LINES[at_call + 5]}."])]
    counts = [place for place, turn in enumerate(turns) if turn.role == "assistant"]
    system = "\n\n".join(["# Rules", *(f"## {line}\n- {line}. {line}." for line in LINES[:14])])
    return Host(f"talk-{number}", None, Talk(f"talk-{number}", system, [], turns, counts))


@pytest.fixture(scope="module")
def hosts():
    recorded = host(3, calls=1)
    recorded.talk.turns[1:] = []
    recorded.talk.counts[:] = [1]
    cassettes = [
        Host(f"{wire}-1", wire, copy.deepcopy(recorded.talk)) for wire in ("chat", "responses", "anthropic")
    ]
    return Hosts([host(0), host(7)], cassettes, LINES)


@pytest.fixture(scope="module")
def records(hosts):
    return breakers.generate(hosts, seed=5, scenes=2, clean=150)


def test_anthropic_reads_what_an_earlier_breakpoint_wrote():
    first, second = simulate([at(0, "anthropic", claude("a")), at(10, "anthropic", claude("a", "b"))])
    end = size(LONG) + size("a")
    assert (0, end) == (first.read, first.write_5m)
    assert (end, size("b")) == (second.read, second.write_5m)


def test_anthropic_without_a_breakpoint_caches_nothing():
    assert reads(*(at(when, "anthropic", claude("a", mark={})) for when in (0, 10))) == [0, 0]


def test_an_automatic_breakpoint_stands_on_the_last_block():
    body = claude("a", mark={}) | MARK
    assert [0, size(LONG) + size("a")] == reads(at(0, "anthropic", body), at(9, "anthropic", claude("a")))


@pytest.mark.parametrize(("blocks", "is_read"), [(19, True), (20, False)])
def test_anthropic_looks_back_over_twenty_positions(blocks, is_read):
    later = claude("a", *(f"b{number}" for number in range(blocks)))
    assert is_read == (reads(at(0, "anthropic", claude("a")), at(9, "anthropic", later))[1] > 0)


def test_a_run_of_tool_results_is_one_position():
    results = [{"type": "tool_result", "tool_use_id": str(number), "content": "x"} for number in range(40)]
    later = claude("a", "z")
    later["messages"][-1]["content"][:0] = results
    assert reads(at(0, "anthropic", claude("a")), at(9, "anthropic", later))[1] > 0


@pytest.mark.parametrize(
    ("mark", "pause", "is_read"),
    [(MARK, 299, True), (MARK, 301, False), (HOUR, 3599, True), (HOUR, 3601, False)],
)
def test_a_lifetime_runs_from_the_start_of_the_request(mark, pause, is_read):
    body = claude("a", mark=mark)
    assert is_read == (reads(at(0, "anthropic", body, 100), at(pause, "anthropic", body))[1] > 0)


def test_a_read_refreshes_the_lifetime():
    assert all(reads(*(at(when, "anthropic", claude("a")) for when in (0, 250, 500)))[1:])


def test_an_entry_is_there_from_the_first_byte_on():
    body = claude("a")
    assert [0, 0, size(LONG) + size("a")] == reads(
        at(0, "anthropic", body, 5), at(4, "anthropic", body), at(6, "anthropic", body)
    )


def test_another_ttl_is_written_anew():
    assert reads(at(0, "anthropic", claude("a", mark=HOUR)), at(9, "anthropic", claude("a")))[1] == 0


def test_two_lifetimes_are_billed_apart():
    body = claude("a", system=[block(LONG, HOUR)])
    reading = simulate([at(0, "anthropic", body)])[0]
    assert (size(LONG), size("a")) == (reading.write_1h, reading.write_5m)


@pytest.mark.parametrize(("model", "is_read"), [(OPUS_5, True), (SONNET, True), (HAIKU, False)])
def test_the_minimum_is_the_models(model, is_read):
    body = claude("a", model=model)
    assert is_read == (reads(at(0, "anthropic", body), at(9, "anthropic", body))[1] > 0)


def test_tool_choice_costs_the_messages_and_not_the_system_prompt():
    body = claude("a", system=[block(LONG, MARK)])
    other = body | {"tool_choice": {"type": "any"}}
    assert size(LONG) == reads(at(0, "anthropic", body), at(9, "anthropic", other))[1]


def test_more_than_four_breakpoints_are_refused():
    system = [block(LONG, MARK), *(block(f"part {number}", MARK) for number in range(4))]
    assert simulate([at(0, "anthropic", claude("a", system=system))])[0].is_refused


def test_openai_reads_the_common_prefix_in_steps_of_128():
    body = gpt("a", "the same words")
    common = size(LONG) + size("a") + 1 + len(tokens_of("the"))
    expected = common - common % 128
    assert expected == reads(at(0, "chat", body), at(9, "chat", gpt("a", "the other words")))[1]


def test_openai_reads_nothing_below_1024_tokens():
    short = gpt("a")
    short["messages"][0]["content"] = LONG[:2000]
    assert reads(at(0, "chat", short), at(9, "chat", short)) == [0, 0]


@pytest.mark.parametrize(("second", "is_read"), [(3, False), (6, True)])
def test_openai_reads_nothing_before_the_first_byte(second, is_read):
    calls = at(0, "chat", gpt("a"), 5), at(second, "chat", gpt("a"))
    assert is_read == (reads(*calls)[1] > 0)


@pytest.mark.parametrize(
    "change", [{"prompt_cache_key": "b"}, {"service_tier": "flex"}, {"model": "gpt-4.1"}]
)
def test_another_setting_of_the_key_reads_nothing(change):
    assert reads(at(0, "chat", gpt("a")), at(9, "chat", gpt("a") | change))[1] == 0


def test_from_gpt_5_6_on_ends_of_messages_are_read():
    first, second = (gpt(*texts, model="gpt-5.6-sol") for texts in (("a",), ("a", "b")))
    assert size(LONG) + size("a") == reads(at(0, "chat", first), at(9, "chat", second))[1]


def test_from_gpt_5_6_on_a_longer_message_loses_its_old_end():
    first, second = (gpt(text, model="gpt-5.6-sol") for text in ("a", "a and more"))
    assert reads(at(0, "chat", first), at(9, "chat", second))[1] == 0


def test_from_gpt_5_6_on_an_explicit_breakpoint_is_read_by_any_question():
    bodies = [gpt(text, model="gpt-5.6-sol") for text in ("a", "b")]
    for body in bodies:
        body["messages"][0]["content"] = [block(LONG, {"prompt_cache_breakpoint": {"mode": "explicit"}})]
    assert size(LONG) == reads(*(at(9 * place, "chat", body) for place, body in enumerate(bodies)))[1]


def test_the_explicit_mode_alone_caches_nothing():
    body = gpt("a", model="gpt-5.6-sol", prompt_cache_options={"mode": "explicit"})
    assert reads(at(0, "chat", body), at(9, "chat", body)) == [0, 0]


def test_usage_is_in_the_providers_own_form():
    reading = Reading(total=100, read=60, write_5m=30)
    assert usage("anthropic", MODELS[SONNET], reading, 5)["input_tokens"] == 10
    assert usage("chat", MODELS["gpt-4o"], reading, 5)["prompt_tokens"] == 100
    assert usage("responses", MODELS["gpt-5.6-sol"], reading, 5)["input_tokens_details"] == {
        "cached_tokens": 60,
        "cache_write_tokens": 30,
    }


def test_lost_tokens_cost_what_was_paid_less_the_read_price():
    reading = Reading(total=3000, read=0, write_5m=1000)
    assert pytest.approx((1.25 * 1000 + 500 - 0.1 * 1500) * 3 / 1e6) == money(MODELS[SONNET], reading, 1500)


def test_a_string_is_the_same_as_one_text_block():
    as_text = render("chat", {"messages": [{"role": "user", "content": "hello"}]})
    assert as_text == render("chat", {"messages": [{"role": "user", "content": [block("hello")]}]})


@pytest.mark.parametrize("wire", ["chat", "responses", "anthropic"])
def test_a_place_is_where_its_text_is(hosts, wire):
    talk = hosts.talk(hosts.traces[0], dice(1), 1024)
    marking = "both" if wire == "anthropic" else "implicit"
    draft = Draft(wire, SONNET, talk.system, talk.tools, talk.turns[:9], marking)
    sent = encode(draft)
    shown = {
        place: path for place, path in sent.paths.items() if place[0] != "turn" or draft.turns[place[1]].texts
    }
    assert {place: draft.text(place) for place in shown} == {
        place: text_at(sent.body, path) for place, path in shown.items()
    }


def text_at(body, path):
    """The decoded text at a JSON path, of a block its own."""
    value = body
    for name in path.replace("[", ".[").split("."):
        value = value[int(name[1:-1])] if name.startswith("[") else value[name]
    return value if isinstance(value, str) else value.get("text") or value["content"]


def test_the_offset_of_a_volatile_value_is_its_place_in_the_text(records):
    seen = 0
    for record in records:
        for breaker in record.truth["breakers"]:
            if breaker["offset"] is not None:
                text = text_at(json.loads(record.exchange["request"]["body"]), breaker["path"]).encode()
                value = text[breaker["offset"] : breaker["offset"] + breaker["length"]].decode()
                assert value.strip() == value != ""
                seen += 1
    assert seen > 50


def test_every_kind_costs_something_somewhere(records):
    required = {
        breaker["kind"] for record in records for breaker in record.truth["breakers"] if breaker["required"]
    }
    assert set(breakers.KINDS) == required


def test_the_usage_is_what_the_oracle_read(records):
    for record in records:
        response = record.exchange["response"]
        said = response.get("usage") or json.loads(response["body"]).get("usage", {})
        details = said.get("prompt_tokens_details") or said.get("input_tokens_details") or {}
        read = said.get("cache_read_input_tokens", details.get("cached_tokens", 0))
        assert read == record.truth["actual"]


def test_lost_tokens_are_the_ideal_less_what_was_read(records):
    lost = [
        (breaker["tokens"], record.truth["ideal"] - record.truth["actual"])
        for record in records
        for breaker in record.truth["breakers"]
        if breaker["required"] and breaker["measure"] == "twin" and breaker["tokens"] is not None
    ]
    assert len(lost) > 100
    assert [pair for pair in lost if pair[0] != pair[1]] == []


def test_every_clean_transition_reads_from_the_cache(records):
    clean = [record.truth for record in records if record.truth["is_clean"] and not record.truth["is_first"]]
    assert len(clean) >= 150
    assert [truth for truth in clean if truth["actual"] == 0] == []


def test_the_exchanges_are_in_order_of_time(records):
    times = [record.exchange["started_at"] for record in records]
    assert sorted(times) == times


def test_the_same_seed_gives_the_same_and_another_seed_something_else(hosts, records):
    again = breakers.generate(hosts, seed=5, scenes=2, clean=150)
    assert records == again
    other = breakers.generate(hosts, seed=6, scenes=2, clean=150)
    bodies = {record.exchange["request"]["body"] for record in records}
    assert not bodies.intersection(record.exchange["request"]["body"] for record in other)


def judged(records, change=lambda index, findings: findings):
    """The score of an analysis that says the truth, but for what *change* does."""
    truths = [{"index": index, **record.truth} for index, record in enumerate(records)]
    analysis = [
        {
            **{name: truth[name] for name in ("index", "actual", "ideal")},
            "reusable": truth["actual"],
            "findings": change(truth["index"], [{**one, "confidence": 0.9} for one in truth["breakers"]]),
        }
        for truth in truths
    ]
    return scoring.compare(truths, analysis)


def test_the_truth_itself_has_a_full_score(records):
    summary = judged(records).summary()
    assert (summary["precision"], summary["recall"], summary["clean_findings"]) == (1.0, 1.0, 0)
    assert {1.0} == set(summary["shares"].values())
    assert {0.0} == {one["max"] for one in summary["errors"].values()}


def test_findings_that_are_hints_do_not_count(records):
    def hinted(_index, findings):
        return [{**one, "confidence": 0.4} for one in findings]

    summary = judged(records, hinted).summary()
    assert (summary["precision"], summary["recall"]) == (None, 0.0)


def test_a_finding_on_a_clean_call_is_wrong_and_counted(records):
    clean = next(index for index, record in enumerate(records) if record.truth["is_clean"])
    stray = {"kind": "uuid", "path": "system", "offset": 0, "length": 1, "confidence": 0.9}
    score = judged(records, lambda index, findings: [*findings, stray] if index == clean else findings)
    assert (score.clean_findings, score.wrong["uuid"]) == (1, 1)


def test_another_kind_at_the_same_place_is_wrong_and_a_miss(records):
    index = next(
        index
        for index, record in enumerate(records)
        if any(one["kind"] == "ulid" and one["required"] for one in record.truth["breakers"])
    )

    def renamed(at_index, findings):
        kinds = {"ulid": "nonce"} if at_index == index else {}
        return [{**one, "kind": kinds.get(one["kind"], one["kind"])} for one in findings]

    score = judged(records, renamed)
    assert (score.missed["ulid"], score.wrong["nonce"]) == (1, 1)


@pytest.mark.parametrize(
    ("known", "said", "is_same"),
    [
        ("tools[2]", "tools[2].function.description", True),
        ("tools[2].description", "tools[2]", True),
        ("tools[2]", "tools[21]", False),
        ("system[0]", "system", False),
        ("messages[1].content", "messages[1].content", True),
        (None, "anything", True),
        ("system", None, False),
    ],
)
def test_a_path_is_right_if_it_is_the_same_place(known, said, is_same):
    assert is_same == scoring.is_same_path({"path": known, "also": []}, said)


def test_an_error_of_tokens_is_a_share_of_the_true_ones(records):
    def doubled(_index, findings):
        return [{**one, "tokens": one["tokens"] and one["tokens"] * 2} for one in findings]

    errors = judged(records, doubled).summary()["errors"]
    assert (errors["tokens"]["median"], errors["tokens"]["within_2_percent"]) == (1.0, 0.0)
