"""What does the doctor say of a call? Whole events of plain exchanges, one test for every verdict."""

import json
from decimal import Decimal

import pytest

from diagnosing import (
    CLAUDE,
    EPHEMERAL,
    NEW_GPT,
    OLD_GPT,
    Clinic,
    chat_usage,
    counted,
    marked,
    said,
    text,
    words,
)
from llm_observer.event import encode
from llm_observer.schema import validate

SYSTEM = words(3000, seed=100)
TOOLS = [
    {"name": name, "description": words(60, seed=at), "input_schema": {"type": "object"}}
    for at, name in enumerate(("find", "book", "pay"))
]
GROK = "https://api.x.ai/v1/chat/completions"
HEAD_TOKENS, TURN_TOKENS = 5000, 300


def talk(count, seed=0):
    """*count* messages in turn."""
    return [said(("assistant", "user")[at % 2], words(190, seed=seed + at)) for at in range(1, count + 1)]


def claude(messages, *, system=SYSTEM, tools=TOOLS, model=CLAUDE, ttl=None, **fields):
    """A request with breakpoints at the end of the system text and of the last message."""
    how = {} if ttl is None else {"ttl": ttl}
    *earlier, last = messages
    return {
        "model": model,
        "max_tokens": 100,
        "tools": tools,
        "system": [marked(system, **how)],
        "messages": [*earlier, said(last["role"], [marked(last["content"], **how)])],
        **fields,
    }


def size(messages):
    """Tokens up to the end of these messages, as the provider of these tests counts."""
    return HEAD_TOKENS + TURN_TOKENS * len(messages)


def warm(clinic, messages=None, **how):
    """The first call of a conversation: all of it is written."""
    messages = talk(1) if messages is None else messages
    return clinic.call(claude(messages, **how), counted(written=size(messages)))


def causes(call):
    return [(cause.kind, cause.tokens) for cause in call.cache.causes]


def kinds(call):
    return [finding.kind for finding in call.cache.findings]


def counts(call):
    cache = call.cache
    return cache.ideal_tokens, cache.reusable_tokens, cache.actual_tokens, cache.missed_tokens


# Verdicts


def test_the_first_call_has_nothing_to_read():
    call = warm(Clinic())
    assert (call.cache.verdict, counts(call), causes(call)) == ("first", (0, 0, 0, 0), [])


def test_a_call_that_goes_on_and_is_read_is_a_hit():
    clinic = Clinic()
    warm(clinic)
    call = clinic.call(claude(talk(3)), counted(read=5300, written=600))
    assert (call.cache.verdict, counts(call), causes(call)) == ("hit", (5300, 5300, 5300, 0), [])
    assert (call.cache.ideal_label, call.cache.reusable_label, call.cache.actual_label) == ("exact",) * 3
    assert (call.cache.similarity, call.cache.missed_usd) == (1.0, "0")


def test_a_part_that_is_read_without_a_reason_is_partial():
    clinic = Clinic()
    warm(clinic)
    clinic.call(claude(talk(3)), counted(read=5300, written=600))
    call = clinic.call(claude(talk(5)), counted(read=5300, written=1200))
    assert (call.cache.verdict, counts(call)) == ("partial", (5900, 5900, 5300, 600))
    assert causes(call) == [("routing", 600)]


def test_a_time_in_the_system_text_is_a_breaker_with_its_place():
    clinic = Clinic()
    warm(clinic, system=f"It is 2026-11-21T12:00:00Z.\n{SYSTEM}")
    call = clinic.call(
        claude(talk(3), system=f"It is 2026-11-21T12:00:20Z.\n{SYSTEM}"), counted(written=5900)
    )
    (finding,) = call.cache.findings
    assert call.cache.verdict == "breaker"
    assert counts(call)[0] == counts(call)[3] == 5300
    assert causes(call) == [("timestamp", 5300)]
    assert (finding.kind, finding.path, finding.offset, finding.line, finding.length) == (
        "timestamp",
        "system[0]",
        6,
        1,
        20,
    )
    assert finding.shape == "9999-99-99A99:99:99A"
    assert (finding.tokens, finding.confidence) == (5300, 0.95)


@pytest.mark.parametrize(("ttl", "after_s"), [(None, 301), ("1h", 3601)], ids=["5 minutes", "an hour"])
def test_a_pause_longer_than_the_lifetime_is_its_own_verdict(ttl, after_s):
    clinic = Clinic()
    warm(clinic, ttl=ttl)
    call = clinic.call(claude(talk(3), ttl=ttl), counted(written=5900), after_s=after_s)
    assert (call.cache.verdict, causes(call)) == ("ttl", [("ttl_expired", 5300)])


def test_a_pause_shorter_than_the_lifetime_is_none():
    clinic = Clinic()
    warm(clinic, ttl="1h")
    call = clinic.call(claude(talk(3), ttl="1h"), counted(read=5300, written=600), after_s=3599)
    assert call.cache.verdict == "hit"


def test_a_prompt_below_the_minimum_is_too_short():
    clinic = Clinic()
    body = claude(talk(1), system="Be brief.", tools=[])
    clinic.call(body, counted(fresh=200))
    call = clinic.call(claude(talk(3), system="Be brief.", tools=[]), counted(fresh=500))
    assert (call.cache.verdict, call.cache.missed_tokens, causes(call)) == ("too_short", 0, [])


def unmarked(messages):
    return {"model": CLAUDE, "max_tokens": 100, "tools": TOOLS, "system": SYSTEM, "messages": messages}


def test_a_prompt_without_breakpoints_is_not_enabled():
    clinic = Clinic()
    clinic.call(unmarked(talk(1)), counted(fresh=5300))
    call = clinic.call(unmarked(talk(3)), counted(fresh=5900))
    assert call.cache.verdict == "not_enabled"
    assert (kinds(call), causes(call)) == (["breakpoint_missing"], [("breakpoint_missing", 5300)])


def test_explicit_mode_without_a_breakpoint_is_not_enabled():
    clinic = Clinic()
    how = {"model": NEW_GPT, "prompt_cache_options": {"mode": "explicit"}}
    head = said("system", SYSTEM)
    clinic.call({**how, "messages": [head, *talk(1)]}, chat_usage(5300, 0, 0), wire="chat")
    call = clinic.call({**how, "messages": [head, *talk(3)]}, chat_usage(5900, 0, 0), wire="chat")
    assert call.cache.verdict == "not_enabled"
    assert kinds(call) == ["explicit_without_breakpoint"]


def test_an_entry_too_far_back_is_out_of_the_look_back():
    clinic = Clinic()
    warm(clinic)
    messages = talk(31)
    body = claude(messages)
    body["system"] = SYSTEM
    call = clinic.call(body, counted(written=size(messages)))
    assert (call.cache.verdict, causes(call)) == ("look_back", [("look_back_exceeded", 5300)])


def test_a_call_that_starts_before_the_first_one_answers_is_concurrent():
    clinic = Clinic()
    warm(clinic)
    call = clinic.call(claude(talk(1)), counted(written=5300), after_s=0.5)
    assert (call.cache.verdict, causes(call)) == ("concurrent", [("parallel_calls", 5300)])


def test_a_history_that_was_summed_up_is_a_compaction():
    clinic = Clinic()
    old = talk(21)
    warm(clinic, old)
    new = [said("user", words(190, seed=500)), *old[15:], *talk(23)[21:]]
    call = clinic.call(claude(new), counted(read=5000, written=size(new) - 5000))
    assert call.cache.verdict == "compaction"
    assert [kind for kind, _ in causes(call)] == ["compaction"]


def test_a_change_behind_the_last_breakpoint_is_harmless():
    clinic = Clinic()

    def body(time, messages):
        head = [marked(SYSTEM), text(f"It is {time}.")]
        return {"model": CLAUDE, "max_tokens": 9, "tools": TOOLS, "system": head, "messages": messages}

    clinic.call(body("12:00:05", talk(1)), counted(written=5000, fresh=320))
    call = clinic.call(body("12:00:25", talk(3)), counted(read=5000, fresh=920))
    assert (call.cache.verdict, counts(call)) == ("harmless", (5000, 5000, 5000, 0))
    assert [(finding.kind, finding.path, finding.tokens) for finding in call.cache.findings] == [
        ("timestamp", "system[1]", 0)
    ]


def test_another_cache_key_is_a_matter_of_accounting():
    clinic = Clinic()
    head = said("system", SYSTEM)

    def body(key, count):
        return {"model": NEW_GPT, "prompt_cache_key": key, "messages": [head, *talk(count)]}

    clinic.call(body("one", 1), chat_usage(5300, 0, 5300), wire="chat")
    call = clinic.call(body("two", 3), chat_usage(5900, 0, 5900), wire="chat")
    assert (call.cache.verdict, causes(call)) == ("key_accounting", [("cache_key_changed", 5300)])
    assert [finding.path for finding in call.cache.findings] == ["prompt_cache_key"]


def test_a_perfect_prefix_that_is_not_read_is_unexplained():
    clinic = Clinic()
    warm(clinic)
    call = clinic.call(claude(talk(3)), counted(written=5900))
    assert (call.cache.verdict, causes(call), kinds(call)) == ("unexplained", [("routing", 5300)], [])


def test_without_usage_the_verdict_is_unknown_and_the_structure_still_told():
    clinic = Clinic()
    clinic.call(claude(talk(1)))
    call = clinic.call(claude(talk(3)))
    cache = call.cache
    assert (cache.verdict, cache.actual_tokens, cache.missed_tokens, cache.causes) == (
        "unknown",
        None,
        None,
        (),
    )
    assert cache.ideal_tokens == cache.reusable_tokens > 4000
    assert cache.reusable_label == "prior"


def test_a_read_that_this_process_could_not_foresee_is_from_elsewhere():
    call = Clinic().call(claude(talk(1)), counted(read=5000, written=300))
    assert (call.cache.verdict, call.cache.source, call.cache.missed_tokens) == ("hit", "elsewhere", 0)


SEARCHED = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "trains"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "text", "text": "At ten."},
]
"""The answer of a call that the provider ran in two passes: it reads and counts the prompt in each."""


def searched(usage):
    return {"response": {"content": SEARCHED, "usage": usage}}


def test_counts_over_the_passes_of_a_hosted_tool_place_nothing_and_lose_nothing():
    clinic = Clinic()
    call = clinic.call(claude(talk(1)), **searched(counted(read=5300, written=5300 + 9000, fresh=2000)))
    assert (call.cache.verdict, call.cache.source, counts(call)[2:]) == ("hit", "elsewhere", (5300, 0))
    placed = sum(segment.tokens for segment in call.segments)
    assert placed < 8000 < call.tokens.input_total
    call = clinic.call(claude(talk(3)), counted(read=5300, written=600))
    assert (call.cache.verdict, counts(call)[2:], causes(call)) == ("hit", (5300, 0), [])


def test_a_hosted_tool_that_read_nothing_of_a_known_prompt_is_told_like_any_miss():
    clinic = Clinic()
    warm(clinic)
    call = clinic.call(claude(talk(3)), **searched(counted(read=0, written=15000)), after_s=400)
    assert (call.cache.verdict, counts(call)) == ("ttl", (5300, 0, 0, 5300))


def test_a_rewind_to_a_place_between_two_counts_is_placed_by_its_own_count():
    clinic = Clinic()
    clinic.call(gpt(7), chat_usage(9000, 0), wire="chat")
    call = clinic.call(gpt(1), chat_usage(7000, 6912), wire="chat")
    assert (call.cache.verdict, call.cache.source, counts(call)) == ("hit", None, (6912, 6912, 6912, 0))
    other = [*gpt(1)["messages"], *talk(2, seed=900)]
    call = clinic.call({"model": OLD_GPT, "messages": other}, chat_usage(7600, 6912), wire="chat")
    assert (call.cache.verdict, call.cache.reusable_tokens) == ("hit", 6912)


def test_a_rewind_leaves_what_was_counted_before_where_it_was():
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    clinic.call(gpt(7), chat_usage(9000, 5248), wire="chat")
    clinic.call(gpt(3), chat_usage(7000, 6912), wire="chat")
    other = [*gpt(1)["messages"], *talk(2, seed=900)]
    call = clinic.call({"model": OLD_GPT, "messages": other}, chat_usage(5900, 5248), wire="chat")
    assert (call.cache.verdict, call.cache.reusable_tokens) == ("hit", 5248)


@pytest.mark.parametrize(
    ("beyond", "verdict", "missed"), [(3, "breaker", True), (30, "harmless", False)], ids=["there", "between"]
)
def test_a_loss_of_few_tokens_is_one_where_the_read_ends_at_the_change(beyond, verdict, missed):
    clinic = Clinic()
    question = words(30)
    call = clinic.call(claude([said("user", question)]), counted(written=5060))
    *head, message = (segment.tokens for segment in call.segments)
    assert 40 < message < 64
    edited = [said("user", question.replace(question[:9], "otherwise", 1)), *talk(2)]
    call = clinic.call(claude(edited), counted(read=sum(head) + beyond, written=700))
    assert (call.cache.verdict, kinds(call)) == (verdict, ["first_message_edited"])
    assert bool(call.cache.missed_tokens) is missed


@pytest.mark.parametrize(
    ("asked", "answered", "wire", "rule"),
    [
        (
            "chat-prod",
            "gpt-4o-2024-08-06",
            "https://x.openai.azure.com/openai/v1/chat/completions",
            "openai_increments",
        ),
        ("claude-prod", "claude-sonnet-4-5-20250929", "anthropic", "anthropic"),
        ("smart", "claude-sonnet-4-5-20250929", "https://llm.example/v1/chat/completions", "anthropic"),
        ("grok-fast", "grok-4-fast", GROK, "prefix"),
        ("gpt-4o", "default", "chat", "openai_increments"),
    ],
    ids=["an Azure deployment", "a Foundry deployment", "a gateway", "an alias", "an answer without a name"],
)
def test_an_alias_has_the_rule_of_the_model_that_answered(asked, answered, wire, rule):
    body = {"model": asked, "max_tokens": 9, "messages": talk(1)}
    usage = counted(fresh=3000) if wire == "anthropic" else chat_usage(3000, 0)
    response = {"body": json.dumps({"model": answered, "usage": usage})}
    call = Clinic().call(body, wire=wire, response=response)
    assert call.cache.rule == rule


def pad(count):
    """A text that grows at its end, as a scratch pad does."""
    return "\n".join(words(300, seed=700 + at) for at in range(count))


@pytest.mark.parametrize("model", [OLD_GPT, "gpt-5"])
def test_a_text_that_grows_at_its_end_loses_nothing_where_prefixes_are_read(model):
    clinic = Clinic()
    for count, total, read in ((3, 3000, 0), (5, 5000, 2944), (8, 8000, 4992)):
        body = {"model": model, "messages": [said("system", "Think."), said("user", pad(count))]}
        call = clinic.call(body, chat_usage(total, read), wire="chat")
    assert (call.cache.verdict, kinds(call), counts(call)) == ("hit", [], (4992, 4992, 4992, 0))


def test_what_a_text_grew_by_is_never_lost():
    clinic = Clinic()
    for count, total, read in ((3, 3000, 0), (5, 5000, 0)):
        body = {"model": "deepseek-chat", "messages": [said("system", "Think."), said("user", pad(count))]}
        call = clinic.call(body, chat_usage(total, read), wire="deepseek")
    assert (kinds(call), call.cache.missed_tokens) == (["message_lengthened"], 2944)


@pytest.mark.parametrize("wire", ["anthropic", "chat"])
def test_another_question_under_one_template_is_no_longer_message(wire):
    clinic, template = Clinic(), "What is the current weather forecast for the city of {}?"
    for city in ("Paris", "Washington, District of Columbia", "Rome", "San Francisco, California"):
        messages = [said("user", template.format(city))]
        if wire == "chat":
            body, usage = (
                {"model": OLD_GPT, "messages": [said("system", SYSTEM), *messages]},
                chat_usage(5020, 4992),
            )
        else:
            body = {"model": CLAUDE, "max_tokens": 9, "system": [marked(SYSTEM)], "messages": messages}
            usage = counted(read=5000, fresh=20)
        call = clinic.call(body, usage, wire=wire)
        assert (call.cache.verdict, kinds(call)) == ("hit", [])


def test_replaced_documents_in_the_system_text_were_never_cached():
    clinic, rules = Clinic(), words(1200)
    warm(clinic, system=f"{rules}\n{words(1800, seed=3000)}", tools=[])
    call = clinic.call(
        claude(talk(3), system=f"{rules}\n{words(1800, seed=4000)}", tools=[]), counted(written=5900)
    )
    assert (call.cache.verdict, kinds(call)) == ("breaker", ["system_changed"])
    assert call.cache.missed_tokens == pytest.approx(0.4 * 5000 + 300, rel=0.1)


def test_another_conversation_under_a_text_of_which_half_is_new_misses_nothing():
    clinic, rules = Clinic(), words(1200)
    warm(clinic, system=f"{rules}\n{words(1800, seed=3000)}", tools=[])
    body = claude(talk(1, seed=900), system=f"{rules}\n{words(1800, seed=4000)}", tools=[])
    call = clinic.call(body, counted(written=5300))
    assert [(finding.kind, finding.confidence, finding.tokens) for finding in call.cache.findings] == [
        ("system_changed", 0.45, 0)
    ]
    assert (call.cache.verdict, counts(call), call.cache.missed_usd) == ("first", (0, 0, 0, 0), "0")


def test_no_more_is_missed_than_the_prompt_has():
    clinic = Clinic()
    clinic.call(claude(talk(1), system=words(3000, seed=1)), counted(written=9000))
    shorter = words(3000, seed=1)[: len(words(2000, seed=1))]
    call = clinic.call(claude(talk(3), system=f"Now.\n{shorter}"), counted(written=4000))
    assert call.cache.missed_tokens <= call.tokens.input_total


def test_a_shared_head_that_may_be_below_the_minimum_is_no_miss():
    clinic = Clinic()
    for turn in range(4):
        question = said("user", words(40, seed=50 * turn))
        call = clinic.call(claude([question], system=words(700), tools=[]), counted(written=1180))
    assert (call.cache.verdict, call.cache.missed_tokens, causes(call), kinds(call)) == ("first", 0, [], [])


@pytest.mark.parametrize("wire", ["anthropic", "chat"])
def test_a_prompt_that_was_written_whole_is_not_too_short(wire):
    clinic, head = Clinic(), words(620)
    for turn in range(4):
        document = said("user", words(700, seed=50 * turn))
        if wire == "anthropic":
            body = {"model": CLAUDE, "max_tokens": 9, "cache_control": EPHEMERAL, "system": head}
            usage = counted(written=2400)
        else:
            body, usage = {"model": NEW_GPT}, chat_usage(2400, 0, 2390)
        lead = [] if wire == "anthropic" else [said("developer", head)]
        call = clinic.call({**body, "messages": [*lead, document]}, usage, wire=wire)
    assert (call.cache.verdict, call.cache.missed_tokens, kinds(call)) == ("first", 0, [])


# What is no break


@pytest.mark.parametrize(
    "fields",
    [{"response": {"usage": counted(fresh=0, output=0)}}, {"status": 500}, {"status": None}],
    ids=["zero usage", "a server error", "no answer"],
)
def test_an_aborted_call_makes_no_finding_and_is_no_baseline(fields):
    clinic = Clinic()
    now, later = (f"It is 2026-11-21T12:00:{second}Z.\n{SYSTEM}" for second in ("05", "25"))
    first = clinic.event(claude(talk(1), system=now), counted(written=5300))
    clinic.now_s += 20
    aborted = clinic.event(claude(talk(3), system=later), **fields).llm_call
    call = clinic.call(claude(talk(5), system=now), counted(read=5300, written=1200))
    assert aborted.cache is None or (aborted.cache.findings, aborted.cache.causes) == ((), ())
    assert (call.cache.verdict, call.cache.extends) == ("hit", first.event_id)


TITLE = {"model": CLAUDE, "max_tokens": 20, "system": "Give this a title."}


@pytest.mark.parametrize(
    "side",
    [
        {**TITLE, "messages": talk(1)},
        {**TITLE, "messages": [said("user", "\n\n".join(each["content"] for each in talk(3)))]},
        {**TITLE, "messages": [*talk(3), said("user", "A title, please.")]},
        claude([*talk(3), said("user", "A recap, please.")]),
        claude([said("user", "Is this safe?")], system="You judge.", tools=[]),
    ],
    ids=["of the first message", "of one text", "of all messages", "a recap with the same head", "a judge"],
)
def test_a_side_call_is_never_the_baseline(side):
    clinic = Clinic()
    warm(clinic)
    main = clinic.event(claude(talk(3)), counted(read=5300, written=600))
    clinic.now_s += 1
    aside = clinic.event(side, counted(fresh=2000)).llm_call
    call = clinic.call(claude(talk(5)), counted(read=5900, written=600))
    assert aside.cache.findings == ()
    assert (call.cache.verdict, call.cache.missed_tokens, kinds(call)) == ("hit", 0, [])
    assert call.cache.extends == main.event_id


def test_a_side_call_that_has_all_but_the_system_text_does_not_stand_in_the_way():
    clinic = Clinic()
    clinic.call(gpt(3), chat_usage(5900, 0), wire="chat")
    aside = {
        "model": OLD_GPT,
        "messages": [said("system", "Give it a title."), *talk(3), said("user", "Title?")],
    }
    clinic.call(aside, chat_usage(950, 0), wire="chat")
    call = clinic.call(gpt(5), chat_usage(6500, 5888), wire="chat")
    assert (call.cache.verdict, kinds(call), call.cache.similarity) == ("hit", [], 1.0)


def test_a_rewind_is_no_break():
    clinic = Clinic()
    warm(clinic, talk(5))
    again = [*talk(2), said("user", words(190, seed=900))]
    call = clinic.call(claude(again), counted(read=5000, written=900))
    assert (kinds(call), call.cache.verdict) == ([], "hit")


def test_two_conversations_with_one_head_take_turns():
    clinic = Clinic()
    one, other = talk(9), talk(9, seed=50)
    for count in (1, 3, 5, 7, 9):
        read = 0 if count == 1 else size(one[: count - 2])
        first = clinic.call(claude(one[:count]), counted(read=read, written=size(one[:count]) - read))
        read = 5000 if count == 1 else read
        second = clinic.call(claude(other[:count]), counted(read=read, written=size(one[:count]) - read))
        assert (kinds(first), kinds(second)) == ([], [])
    assert {first.cache.verdict, second.cache.verdict} == {"hit"}
    assert first.cache.conversation != second.cache.conversation


def test_a_fork_goes_on_from_where_it_left_and_so_does_the_trunk():
    clinic = Clinic()
    trunk = talk(7)
    warm(clinic, trunk[:5])
    branch = [*trunk[:4], said("user", words(190, seed=800)), *talk(2, seed=810)]
    fork = clinic.call(claude(branch[:5]), counted(read=5000, written=1500))
    further = clinic.call(claude(trunk), counted(read=6500, written=600))
    on = clinic.call(
        claude([*branch[:5], said("assistant", "Yes."), said("user", "More.")]), counted(6500, 600)
    )
    assert [kinds(call) for call in (fork, further, on)] == [[], [], []]
    assert [call.cache.verdict for call in (further, on)] == ["hit", "hit"]


# Several changes


def test_the_causes_add_up_to_the_missed_tokens():
    clinic = Clinic()
    warm(clinic, talk(5), system=f"It is 12:00:05.\n{SYSTEM}")
    messages = [*talk(2), said("user", words(190, seed=700)), *talk(7)[3:]]
    call = clinic.call(
        claude(messages, system=f"It is 12:00:25.\n{SYSTEM}", tools=TOOLS[::-1]), counted(written=7100)
    )
    assert sum(cause.tokens for cause in call.cache.causes) == call.cache.missed_tokens
    assert call.cache.missed_tokens == pytest.approx(6500, abs=64)
    assert {"tool_order", "timestamp", "history_edited"} >= {kind for kind, _ in causes(call)}
    assert kinds(call) == ["tool_order", "timestamp", "history_edited"]


def test_of_two_changes_in_one_text_the_first_has_the_loss_and_both_are_told():
    clinic = Clinic()

    def body(time, count):
        return claude(talk(count), system=f"It is {time}.\n{SYSTEM}\nAgain: {time}.")

    clinic.call(body("2026-11-21T12:00:00Z", 1), counted(written=5300))
    call = clinic.call(body("2026-11-21T12:00:20Z", 3), counted(written=5900))
    assert [(one.kind, one.offset, one.tokens) for one in call.cache.findings] == [
        ("timestamp", 6, 5300),
        ("timestamp", len(f"It is 2026-11-21T12:00:20Z.\n{SYSTEM}\nAgain: "), 0),
    ]


def test_a_one_shot_prompt_with_a_time_in_its_head_is_broken_by_it():
    clinic = Clinic()

    def body(time, seed):
        return claude([said("user", words(50, seed=seed))], system=f"It is {time}.\n{SYSTEM}")

    for number in range(4):
        time = f"2026-11-21T12:00:0{number}Z"
        call = clinic.call(body(time, 300 + number), counted(written=5150))
    assert (call.cache.verdict, [kind for kind, _ in causes(call)]) == ("breaker", ["timestamp"])
    assert 4700 < call.cache.missed_tokens < 5150


def test_a_one_shot_prompt_of_openai_is_broken_by_a_time_at_its_start():
    clinic = Clinic()
    for number in range(3):
        head = said("system", f"It is 2026-11-21T12:00:0{number}Z.\n{SYSTEM}")
        body = {"model": OLD_GPT, "messages": [head, said("user", words(50, seed=300 + number))]}
        call = clinic.call(body, chat_usage(5150, 0), wire="chat")
    assert (call.cache.verdict, [kind for kind, _ in causes(call)]) == ("breaker", ["timestamp"])
    assert call.cache.missed_tokens == pytest.approx(5050, abs=128)


def test_a_shared_head_that_is_written_at_every_call_and_never_read_is_found():
    clinic = Clinic()

    def body(seed):
        return gpt(0, NEW_GPT)["messages"] + [said("user", words(50, seed=seed))]

    calls = [
        clinic.call({"model": NEW_GPT, "messages": body(300 + at)}, chat_usage(5100, 0, 5100), wire="chat")
        for at in range(4)
    ]
    assert calls[0].cache.verdict == "first"
    assert kinds(calls[-1]) == ["unread_writes"]
    assert calls[-1].cache.missed_tokens == pytest.approx(5000, abs=100)


# Money


def test_the_loss_in_money_is_what_was_paid_beyond_the_price_of_a_read():
    clinic = Clinic(
        prices={
            f"anthropic/{CLAUDE}": {"input_mtok": 3, "cache_read_mtok": "0.3", "cache_write_mtok": "3.75"}
        }
    )
    warm(clinic)
    call = clinic.call(claude(talk(3)), counted(written=5900))
    # 5,300 tokens were written anew at 3.75 instead of read at 0.30
    assert Decimal(call.cache.missed_usd) == Decimal(5300) * (Decimal("3.75") - Decimal("0.30")) / 1_000_000
    assert [cause.usd for cause in call.cache.causes] == [call.cache.missed_usd]


def test_the_money_of_the_causes_adds_up_where_only_a_part_was_written():
    prices = {"input_mtok": 3, "cache_read_mtok": "0.3", "cache_write_mtok": "3.75"}
    clinic = Clinic(prices={f"anthropic/{CLAUDE}": prices})
    warm(clinic, talk(5))
    messages = [*talk(2), said("user", words(190, seed=700)), *talk(7)[3:]]
    body = claude(messages, tools=TOOLS[::-1])
    call = clinic.call(body, counted(written=5200, fresh=1904))
    cache, saved = call.cache, Decimal("3.75") - Decimal("0.30")
    rest = cache.missed_tokens - 5200
    assert len(cache.causes) == 2
    assert rest > 1000
    assert Decimal(cache.missed_usd) == (5200 * saved + rest * Decimal("2.7")) / 1_000_000
    assert sum(Decimal(one.usd) for one in cache.causes) == Decimal(cache.missed_usd)
    assert sum(Decimal(one.usd) for one in cache.findings) == Decimal(cache.missed_usd)


def test_each_lost_token_costs_what_the_write_at_its_place_did():
    prices = {"input": 3, "cache_read": "0.3", "cache_write": "3.75", "cache_write_1h": 6, "output": 15}
    clinic = Clinic(prices={f"anthropic/{CLAUDE}": prices})

    def ask(number):
        system = [marked(f"It is 10:00:0{number}.\n{SYSTEM}", ttl="1h")]
        messages = [said("user", [marked(words(3000, seed=number))])]
        used = counted(written=9000) | {
            "cache_creation": {"ephemeral_1h_input_tokens": 5000, "ephemeral_5m_input_tokens": 4000}
        }
        return clinic.call({"model": CLAUDE, "system": system, "messages": messages, "max_tokens": 9}, used)

    ask(1)
    cache = ask(2).cache
    assert kinds(ask(3)) == ["timestamp"]
    assert cache.missed_tokens == 5000
    assert Decimal(cache.missed_usd) == Decimal(5000) * (6 - Decimal("0.3")) / 1_000_000


def test_what_was_not_written_was_paid_as_fresh_input():
    clinic = Clinic(prices={OLD_GPT: {"input_mtok": "2.5", "cache_read_mtok": "1.25"}})
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3), chat_usage(5900, 0), wire="chat")
    assert call.cache.missed_tokens == 5248
    assert Decimal(call.cache.missed_usd) == Decimal(5248) * Decimal("1.25") / 1_000_000


def test_without_a_price_there_is_a_loss_but_no_money():
    clinic = Clinic()
    body = {"model": "some-model-of-ours", "messages": [said("system", SYSTEM), *talk(1)]}
    clinic.call(body, chat_usage(5300, 0), wire="local")
    call = clinic.call(
        {**body, "messages": [*body["messages"], *talk(3)[1:]]}, chat_usage(5900, 0), wire="local"
    )
    assert call.cache.missed_tokens >= 5000
    assert call.cache.missed_usd is None
    assert all(cause.usd is None for cause in call.cache.causes)


def test_money_is_unknown_where_the_price_list_has_no_price_of_reads():
    clinic = Clinic(prices={"ours": {"input": "2.5", "output": 10}})
    clinic.call(gpt(1, "ours"), chat_usage(5300, 0), wire="local")
    call = clinic.call(gpt(3, "ours"), chat_usage(5900, 0), wire="local")
    assert call.cost.status == "exact"
    assert call.cache.missed_tokens > 5000
    assert call.cache.missed_usd is None
    assert [cause.usd for cause in call.cache.causes] == [None]


def test_a_model_whose_reads_are_no_cheaper_has_lost_no_money():
    clinic = Clinic()
    clinic.call(gpt(1, "gpt-5-pro"), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, "gpt-5-pro"), chat_usage(5900, 0), wire="chat")
    assert call.cache.missed_tokens > 0
    assert call.cache.missed_usd == "0"


# Other providers


def gpt(count, model=OLD_GPT, system=SYSTEM, **fields):
    return {"model": model, "messages": [said("system", system), *talk(count)], **fields}


FUNCTIONS = [
    {"type": "function", "function": {"name": name, "description": words(60, seed=at), "parameters": {}}}
    for at, name in enumerate(("find", "book", "pay"))
]


def test_xai_has_the_system_text_before_the_tools():
    clinic = Clinic()
    clinic.call(gpt(1, "grok-4.3", tools=FUNCTIONS), chat_usage(5300, 128), wire=GROK)
    call = clinic.call(gpt(1, "grok-4.3", tools=FUNCTIONS[1:]), chat_usage(5200, 4480), wire=GROK)
    assert (call.cache.reusable_tokens > 4000, kinds(call)) == (True, ["tool_removed"])
    clinic = Clinic()
    clinic.call(gpt(1, "grok-4.3", tools=FUNCTIONS), chat_usage(5300, 128), wire=GROK)
    other = gpt(1, "grok-4.3", tools=FUNCTIONS, system=SYSTEM.replace(SYSTEM[:7], "Another"))
    call = clinic.call(other, chat_usage(5300, 128), wire=GROK)
    assert (call.cache.verdict, call.cache.reusable_tokens, kinds(call)) == ("breaker", 0, ["system_changed"])
    assert [segment.kind for segment in call.segments] == ["system", "tool", "tool", "tool", "user"]


def test_xai_reads_the_answer_that_is_sent_back():
    clinic = Clinic()
    clinic.call(gpt(1, "grok-4.3"), chat_usage(5300, 128), wire=GROK)
    call = clinic.call(gpt(3, "grok-4.3"), chat_usage(5900, 5568), wire=GROK)
    assert (call.cache.verdict, call.cache.source, counts(call)) == ("hit", None, (5568, 5568, 5568, 0))


def test_openai_before_5_6_reads_whole_increments_of_the_prefix():
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3), chat_usage(5900, 5248), wire="chat")
    assert (call.cache.verdict, call.cache.rule, counts(call)) == (
        "hit",
        "openai_increments",
        (5248,) * 3 + (0,),
    )


def test_openai_before_5_6_loses_only_what_stands_behind_the_change():
    clinic = Clinic()
    at_end = [f"{SYSTEM}\nIt is 2026-11-21T12:00:{second}Z." for second in ("05", "25")]
    clinic.call(gpt(1, system=at_end[0]), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, system=at_end[1]), chat_usage(5900, 4864), wire="chat")
    assert (call.cache.verdict, kinds(call)) == ("breaker", ["timestamp"])
    assert abs(call.cache.reusable_tokens - 4864) <= 128
    assert call.cache.missed_tokens == 5248 - 4864


def test_openai_from_5_6_reads_up_to_a_message_end():
    clinic = Clinic()
    clinic.call(gpt(1, NEW_GPT), chat_usage(5300, 0, 5300), wire="chat")
    call = clinic.call(gpt(3, NEW_GPT), chat_usage(5900, 5300, 600), wire="chat")
    assert (call.cache.verdict, call.cache.rule, counts(call)) == (
        "hit",
        "openai_breakpoints",
        (5300,) * 3 + (0,),
    )
    assert call.cache.reusable_label == "exact"


def responses(count, **fields):
    items = [
        {
            "role": each["role"],
            "content": [
                {"type": "input_text" if each["role"] == "user" else "output_text", "text": each["content"]}
            ],
        }
        for each in talk(count)
    ]
    return {"model": NEW_GPT, "instructions": SYSTEM, "input": items, **fields}


def responses_usage(total, read, written):
    details = {"cached_tokens": read, "cache_write_tokens": written}
    return {
        "input_tokens": total,
        "output_tokens": 10,
        "total_tokens": total + 10,
        "input_tokens_details": details,
    }


def test_the_responses_api_has_the_same_verdicts():
    clinic = Clinic()
    clinic.call(responses(1), responses_usage(5300, 0, 5300), wire="responses")
    call = clinic.call(responses(3), responses_usage(5900, 5300, 600), wire="responses")
    assert (call.cache.verdict, counts(call)) == ("hit", (5300,) * 3 + (0,))


def test_a_prompt_that_the_provider_holds_is_told_by_its_usage_only():
    clinic = Clinic()
    body = {"model": NEW_GPT, "input": "And now?", "previous_response_id": "resp_1"}
    read = clinic.call(body, responses_usage(5900, 5300, 600), wire="responses").cache
    missed = clinic.call(body, responses_usage(5900, 0, 5900), wire="responses").cache
    assert (read.verdict, read.source, read.actual_tokens, read.ideal_tokens) == (
        "hit",
        "elsewhere",
        5300,
        None,
    )
    assert (missed.verdict, missed.causes, missed.findings) == ("unknown", (), ())


def deepseek_usage(total, hit):
    return {
        "prompt_tokens": total,
        "completion_tokens": 10,
        "total_tokens": total + 10,
        "prompt_cache_hit_tokens": hit,
        "prompt_cache_miss_tokens": total - hit,
    }


def test_deepseek_reads_whole_units():
    clinic = Clinic()
    clinic.call(gpt(1, "deepseek-chat"), deepseek_usage(5300, 0), wire="deepseek")
    call = clinic.call(gpt(3, "deepseek-chat"), deepseek_usage(5900, 5504), wire="deepseek")
    assert (call.cache.verdict, call.cache.rule, call.cache.missed_tokens) == ("hit", "deepseek_units", 0)


def test_a_server_of_ones_own_has_a_plain_prefix_cache():
    clinic = Clinic()
    clinic.call(gpt(1, "some-model"), chat_usage(5300, 0), wire="local")
    call = clinic.call(gpt(3, "some-model"), chat_usage(5900, 5290), wire="local")
    assert (call.cache.verdict, call.cache.rule, call.cache.missed_tokens) == ("hit", "prefix", 0)


def test_a_tail_that_only_the_fresh_count_tells_is_none_of_the_cache():
    clinic = Clinic()
    body = {
        "model": CLAUDE,
        "max_tokens": 9,
        "cache_control": EPHEMERAL,
        "system": SYSTEM,
        "messages": talk(1),
    }
    clinic.call(body, counted(written=5300))
    call = clinic.call({**body, "messages": talk(3)}, counted(read=5300, written=600))
    assert (call.cache.verdict, counts(call)) == ("hit", (5300,) * 3 + (0,))


# Settings


BASE = {"tool_choice": {"type": "auto"}, "thinking": {"type": "enabled", "budget_tokens": 1024}}
CLAUDE_SETTINGS = {
    "tool_choice_changed": ({"tool_choice": {"type": "any"}}, {}, "tool_choice", 5000),
    "thinking_changed": ({"thinking": {"type": "enabled", "budget_tokens": 9999}}, {}, "thinking", 5000),
    "effort_changed": ({"output_config": {"effort": "low"}}, {}, "output_config.effort", 5000),
    "output_schema_changed": (
        {"output_config": {"format": {"type": "json_schema"}}},
        {},
        "output_config.format",
        None,
    ),
    "beta_headers_changed": ({}, {"anthropic-beta": "context-1m-2025-08-07"}, "anthropic-beta", 0),
    "model_changed": ({"model": "claude-opus-4-1"}, {}, "model", 0),
    "settings_changed": ({"context_management": {"edits": []}}, {}, "context_management", 0),
}


@pytest.mark.parametrize("kind", CLAUDE_SETTINGS)
def test_a_changed_setting_of_claude_breaks_what_it_is_in_the_key_of(kind):
    fields, headers, path, kept = CLAUDE_SETTINGS[kind]
    clinic = Clinic()
    clinic.call(claude(talk(1), **BASE), counted(written=5300))
    body = claude(talk(3), **{**BASE, **fields})
    read = 0 if kept is None else kept
    request = {"body": json.dumps(body), "headers": headers}
    call = clinic.call(body, counted(read=read, written=5900 - read), request=request)
    found = [(one.kind, one.path) for one in call.cache.findings]
    assert (call.cache.verdict, found) == ("breaker", [(kind, path)])
    assert causes(call) == [(kind, 5300 - read)]
    if kept is not None:
        assert abs(call.cache.reusable_tokens - kept) <= 0.05 * kept


GPT_SETTINGS = {
    "effort_changed": ({"reasoning_effort": "low"}, "reasoning_effort"),
    "verbosity_changed": ({"verbosity": "low"}, "verbosity"),
    "output_schema_changed": ({"response_format": {"type": "json_object"}}, "response_format"),
    "service_tier_changed": ({"service_tier": "flex"}, "service_tier"),
    "settings_changed": ({"parallel_tool_calls": False}, "parallel_tool_calls"),
    "model_changed": ({"model": "gpt-4o-mini"}, "model"),
}


@pytest.mark.parametrize("kind", GPT_SETTINGS)
def test_a_changed_setting_of_openai_breaks_all(kind):
    fields, path = GPT_SETTINGS[kind]
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, **fields), chat_usage(5900, 0), wire="chat")
    found = [(one.kind, one.path) for one in call.cache.findings]
    assert (call.cache.verdict, found, causes(call)) == ("breaker", [(kind, path)], [(kind, 5248)])


@pytest.mark.parametrize(
    "fields",
    [{"service_tier": "auto"}, {"temperature": 0.5}, {"max_tokens": 7}, {"user": "me"}, {"stream": True}],
    ids=str,
)
def test_a_setting_that_is_in_no_cache_key_breaks_nothing(fields):
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, **fields), chat_usage(5900, 5248), wire="chat")
    assert (call.cache.verdict, kinds(call)) == ("hit", [])


@pytest.mark.parametrize(
    "fields",
    [
        {"parallel_tool_calls": True},
        {"response_format": {"type": "text"}},
        {"verbosity": "medium"},
    ],
    ids=str,
)
def test_a_default_of_openai_that_is_written_out_is_no_change(fields):
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, **fields), chat_usage(5900, 5248), wire="chat")
    assert (call.cache.verdict, call.cache.reusable_tokens, kinds(call)) == ("hit", 5248, [])


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"tool_choice": {"type": "auto"}}),
        (CLAUDE, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}}),
        (CLAUDE, {"thinking": {"type": "disabled"}}),
        ("claude-opus-5", {"thinking": {"type": "adaptive"}}),
    ],
    ids=str,
)
def test_a_default_of_claude_that_is_written_out_is_no_change(model, fields):
    clinic = Clinic()
    warm(clinic, model=model)
    call = clinic.call(claude(talk(3), model=model, **fields), counted(read=5300, written=600))
    assert (call.cache.verdict, call.cache.reusable_tokens, kinds(call)) == ("hit", 5300, [])


@pytest.mark.parametrize(
    ("model", "thinking"),
    [("claude-opus-5", "disabled"), ("claude-opus-4-8", "adaptive")],
)
def test_thinking_that_is_not_the_default_of_the_model_is_a_change(model, thinking):
    clinic = Clinic()
    warm(clinic, model=model)
    body = claude(talk(3), model=model, thinking={"type": thinking})
    call = clinic.call(body, counted(read=5000, written=900))
    assert kinds(call) == ["thinking_changed"]


def test_a_setting_that_goes_back_to_its_default_is_named_as_the_request_has_it():
    clinic = Clinic()
    clinic.call(gpt(1, verbosity="low"), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, verbosity="medium"), chat_usage(5900, 0), wire="chat")
    assert [(one.kind, one.path) for one in call.cache.findings] == [("verbosity_changed", "verbosity")]


def schema(*names, kind="string"):
    properties = {name: {"type": kind} for name in names}
    inner = {"name": "reply", "schema": {"type": "object", "properties": properties}}
    return {"response_format": {"type": "json_schema", "json_schema": inner}}


def asked_once(number, **fields):
    """A call of one turn: the system text that all calls have, and a document of its own."""
    document = said("user", words(60, seed=9000 + number))
    return {"model": OLD_GPT, "messages": [said("system", SYSTEM), document], **fields}


def one_turn_calls(settings, read=()):
    """Calls of one turn with these *settings*, of which those at *read* found the head in the cache."""
    clinic = Clinic()
    return [
        clinic.call(asked_once(at, **fields), chat_usage(5150, 4992 if at in read else 0), wire="chat")
        for at, fields in enumerate(settings)
    ]


def told(call):
    return [(one.kind, one.path, one.confidence, one.tokens) for one in call.cache.findings]


@pytest.mark.parametrize(
    "settings", [schema("a", "b"), {"reasoning_effort": "low"}], ids=["schema", "effort"]
)
def test_a_setting_that_is_new_to_a_shared_head_is_a_suspicion_with_its_tokens(settings):
    calls = one_turn_calls([{}, {}, settings, settings, {}], read={1, 3, 4})
    (path,) = settings
    kind = {"response_format": "output_schema_changed", "reasoning_effort": "effort_changed"}[path]
    tokens = calls[2].cache.missed_tokens
    assert tokens == pytest.approx(4992, abs=128)
    assert (calls[2].cache.verdict, told(calls[2])) == ("breaker", [(kind, path, 0.45, tokens)])
    assert [(call.cache.verdict, told(call)) for call in calls[3:]] == [("hit", [])] * 2


def test_features_that_share_a_head_and_have_settings_of_their_own_are_never_confirmed():
    features = [{**schema(name), "reasoning_effort": effort} for name in "abc" for effort in ("low", "high")]
    calls = one_turn_calls([*features, *features], read=range(6, 12))
    found = [one for call in calls for one in call.cache.findings]
    assert max(one.confidence for one in found) < 0.5
    assert [call.cache.verdict for call in calls[6:]] == ["hit"] * 6


def test_a_schema_that_is_never_the_same_twice_is_confirmed():
    calls = one_turn_calls([schema("answer", f"field_{number}") for number in range(9)])
    confidences = [one.confidence for call in calls for one in call.cache.findings]
    assert confidences == [0.45] * 6 + [0.95] * 2
    assert {kind for call in calls for kind in kinds(call)} == {"output_schema_changed"}


ORDERS = [schema(*names) for names in ("abc", "bca", "cab", "acb")]


@pytest.mark.parametrize("is_mixed", [False, True], ids=["alone", "with another feature"])
def test_the_keys_of_a_schema_in_another_order_are_confirmed_at_once(is_mixed):
    other = schema("other")
    settings = [one for order in ORDERS for one in ([order, other] if is_mixed else [order])]
    other_again = set(range(3, 8, 2)) if is_mixed else ()
    calls = [
        call
        for call, fields in zip(one_turn_calls(settings, read=other_again), settings, strict=True)
        if fields is not other
    ]
    assert told(calls[0]) == []
    for call in calls[1:]:
        assert call.cache.verdict == "breaker"
        assert told(call) == [("key_order", "response_format", 0.95, call.cache.missed_tokens)]


def test_the_keys_of_a_schema_in_another_order_break_a_conversation_by_their_order():
    clinic = Clinic()
    clinic.call(gpt(1, **ORDERS[0]), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, **ORDERS[1]), chat_usage(5900, 0), wire="chat")
    assert (call.cache.verdict, told(call)) == ("breaker", [("key_order", "response_format", 0.95, 5248)])


def test_a_setting_of_a_call_of_one_turn_that_cost_nothing_is_no_finding():
    calls = one_turn_calls([{}, {"service_tier": "flex"}], read={1})
    assert (calls[1].cache.verdict, told(calls[1])) == ("hit", [])


def test_a_call_that_was_broken_off_makes_no_setting_known():
    clinic = Clinic()
    clinic.call(asked_once(1), chat_usage(5150, 0), wire="chat")
    clinic.call(asked_once(2, reasoning_effort="low"), chat_usage(0, 0), wire="chat")
    call = clinic.call(asked_once(3, reasoning_effort="low"), chat_usage(5150, 0), wire="chat")
    assert kinds(call) == ["effort_changed"]


def test_a_cache_key_of_each_tenant_is_its_own():
    clinic = Clinic()
    for tenant in range(10):
        head = {"type": "text", "text": SYSTEM, "prompt_cache_breakpoint": {"mode": "explicit"}}
        messages = [said("developer", [head]), said("user", words(60, seed=9000 + tenant))]
        body = {"model": NEW_GPT, "prompt_cache_key": f"tenant-{tenant}", "messages": messages}
        call = clinic.call(body, chat_usage(5150, 0, 5140), wire="chat")
        assert (call.cache.verdict, kinds(call)) == ("first", [])


def test_a_prompt_of_another_model_is_no_earlier_one():
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    other = gpt(1, model="gpt-4o-mini", system=SYSTEM.replace(SYSTEM[:7], "Another"))
    call = clinic.call(other, chat_usage(5300, 0), wire="chat")
    assert (call.cache.verdict, kinds(call)) == ("first", [])


def test_the_same_prompt_put_to_two_models_is_no_break():
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(1, model="gpt-4o-mini"), chat_usage(5300, 0), wire="chat")
    assert (call.cache.verdict, kinds(call)) == ("first", [])


def test_a_lifetime_that_flips_breaks_all():
    clinic = Clinic()
    warm(clinic, ttl="1h")
    call = clinic.call(claude(talk(3)), counted(written=5900))
    assert (call.cache.verdict, causes(call), kinds(call)) == (
        "breaker",
        [("ttl_changed", 5300)],
        ["ttl_changed"],
    )


@pytest.mark.parametrize(
    "apart", [{"account": "b"}, {"wire": "https://eu.api.anthropic.com/v1/messages"}], ids=str
)
def test_two_accounts_or_hosts_never_meet(apart):
    clinic = Clinic()
    clinic.call(claude(talk(1)), counted(written=5300), account="a")
    call = clinic.call(claude(talk(3)), counted(written=5900), **{"account": "a", **apart})
    assert (call.cache.verdict, call.cache.extends) == ("first", None)


def test_of_two_settings_both_are_told_and_the_first_has_the_loss():
    clinic = Clinic()
    clinic.call(gpt(1), chat_usage(5300, 0), wire="chat")
    call = clinic.call(gpt(3, verbosity="low", reasoning_effort="low"), chat_usage(5900, 0), wire="chat")
    assert [one.path for one in call.cache.findings] == ["reasoning_effort", "verbosity"]
    assert causes(call) == [("effort_changed", 5248)]


def test_a_retry_after_an_error_is_the_call_itself():
    clinic = Clinic()
    warm(clinic)
    clinic.call(claude(talk(3)), status=529)
    call = clinic.call(claude(talk(3)), counted(read=5300, written=600))
    assert (call.cache.verdict, kinds(call)) == ("hit", [])


def test_a_server_that_says_nothing_of_its_cache_leaves_the_verdict_open():
    clinic = Clinic()
    clinic.call(gpt(1, "some-model"), chat_usage(5300), wire="local")
    call = clinic.call(gpt(3, "some-model"), chat_usage(5900), wire="local")
    assert (call.cache.verdict, call.cache.actual_tokens, call.cache.causes) == ("unknown", None, ())
    assert call.cache.reusable_tokens == pytest.approx(5300, abs=16)


# What a replay needs


def rebuilt(events, event):
    """The chain of an event's prompt: what it keeps of the one that it extends, and its own segments."""
    call = event.llm_call
    kept = call.cache.kept_segments or 0
    before = rebuilt(events, events[call.cache.extends])[:kept] if kept else []
    return [*before, *((one.chain, one.stable, one.tokens) for one in call.segments)]


def test_the_segments_of_the_events_rebuild_every_prompt():
    clinic = Clinic()
    trunk = talk(9)
    branch = [*trunk[:4], *talk(4, seed=700)]
    prompts = [trunk[:1], trunk[:3], trunk[:5], branch[:6], trunk[:7], branch, trunk, trunk[:3], trunk]
    events = {}
    for messages in prompts:
        clinic.now_s += 20
        event = clinic.event(claude(messages), counted(written=size(messages)))
        events[event.event_id] = event
        whole = Clinic().event(claude(messages), counted(written=size(messages)))
        chain = rebuilt(events, event)
        assert len(chain) == event.llm_call.segment_count == len(TOOLS) + 1 + len(messages)
        assert [row[:2] for row in chain] == [row[:2] for row in rebuilt({}, whole)]
        assert sum(row[2] for row in chain) == size(messages) + 4
    assert sum(len(event.llm_call.segments) for event in events.values()) < 40


def test_tokens_of_the_segments_add_up_to_the_prompt():
    clinic = Clinic()
    warm(clinic)
    event = clinic.event(claude(talk(3)), counted(read=5300, written=600))
    assert sum(one.tokens for one in event.llm_call.segments) == 5904 - 5304


def test_every_event_fits_the_schema():
    clinic = Clinic()
    bodies = [claude(talk(1)), claude(talk(3), system="Other. " + SYSTEM), unmarked(talk(3))]
    for body in bodies:
        clinic.now_s += 400
        assert validate(json.loads(encode(clinic.event(body, counted(written=5300))))) == []


def test_counts_add_up_over_calls():
    clinic = Clinic()
    reads = [(0, 5300), (5300, 600), (0, 6500), (6500, 600)]
    calls = [
        clinic.call(claude(talk(2 * at + 1)), counted(read=read, written=written))
        for at, (read, written) in enumerate(reads)
    ]
    for call in calls:
        assert sum(cause.tokens for cause in call.cache.causes) == call.cache.missed_tokens
        assert call.cache.ideal_tokens == call.cache.actual_tokens + call.cache.missed_tokens
    assert sum(call.cache.missed_tokens for call in calls) == 5900


def test_an_embedding_or_a_file_has_no_cache_part():
    clinic = Clinic()
    body = {"model": "text-embedding-3-small", "input": words(2000)}
    call = clinic.call(
        body, {"prompt_tokens": 3000, "total_tokens": 3000}, wire="https://api.openai.com/v1/embeddings"
    )
    assert call.cache is None
