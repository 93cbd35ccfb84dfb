"""What changed between two prompts? Every kind by its fixture, and what only looks like a change."""

import json
import unicodedata

import pytest

from diagnosing import CLAUDE, facts_of, marked, said, text, words
from llm_observer.cache.diff import align
from llm_observer.cache.facts import MAX_SPANS

SYSTEM = words(300, seed=100)
NAMES = ("find_flight", "book_flight", "cancel_flight", "send_money")


def tool(name, description="Does it.", **schema):
    return {"name": name, "description": description, "input_schema": {"type": "object", **schema}}


TOOLS = [tool(name, words(20, seed=place)) for place, name in enumerate(NAMES)]


def asked(number):
    return said("user", words(60, seed=number))


def told(number):
    return said("assistant", words(80, seed=1000 + number))


def talk(count, first=1):
    """*count* messages, user and assistant in turn."""
    return [asked(number) if number % 2 else told(number) for number in range(first, first + count)]


def used(number, content):
    """A call of a tool, and its result."""
    call = {"type": "tool_use", "id": f"t{number}", "name": NAMES[0], "input": {"q": words(5, seed=number)}}
    result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": content}
    return [said("assistant", [call]), said("user", [result])]


def prompt(messages, *, system=SYSTEM, tools=TOOLS):
    return {"model": CLAUDE, "tools": tools, "system": system, "messages": messages}


def changes(old, new, wire="anthropic"):
    """Kind and piece of each change."""
    before, after = facts_of(old, wire), facts_of(new, wire)
    return [(change.kind, change.piece) for change in align(before, after).changes]


def kinds(old, new, wire="anthropic"):
    return [kind for kind, _ in changes(old, new, wire)]


LINES = SYSTEM.split("\n")
EXAMPLES = [said(role, words(30, seed=500 + at)) for at, role in enumerate(("user", "assistant") * 3)]
LONG = talk(13)
RESULTS = [*talk(1), *used(1, words(300, seed=7)), *used(2, words(50, seed=8)), *talk(3, first=2)]


def thought(number):
    """An answer with the thinking before it."""
    thinking = {"type": "thinking", "thinking": words(40, seed=number), "signature": "c2lnbmVk"}
    return said("assistant", [thinking, text(words(30, seed=number + 50))])


POSITIVE = {
    "a tool in another place": (
        prompt(talk(3)),
        prompt(talk(5), tools=[TOOLS[1], TOOLS[0], *TOOLS[2:]]),
        [("tool_order", 0)],
    ),
    "the last two tools exchanged": (
        prompt(talk(3)),
        prompt(talk(5), tools=[*TOOLS[:2], TOOLS[3], TOOLS[2]]),
        [("tool_order", 2)],
    ),
    "a new tool at the end": (
        prompt(talk(3)),
        prompt(talk(5), tools=[*TOOLS, tool("new_one", words(20, seed=40))]),
        [("tool_added", 4)],
    ),
    "a new tool in front": (
        prompt(talk(3)),
        prompt(talk(5), tools=[tool("new_one", words(20, seed=40)), *TOOLS]),
        [("tool_added", 0)],
    ),
    "a tool gone": (
        prompt(talk(3)),
        prompt(talk(5), tools=[TOOLS[0], *TOOLS[2:]]),
        [("tool_removed", 1)],
    ),
    "the last tool gone": (prompt(talk(3)), prompt(talk(5), tools=TOOLS[:-1]), [("tool_removed", 2)]),
    "a tool's description edited": (
        prompt(talk(3)),
        prompt(talk(5), tools=[*TOOLS[:2], tool(NAMES[2], words(20, seed=41)), TOOLS[3]]),
        [("tool_edited", 2)],
    ),
    "keys of a tool's schema": (
        prompt(talk(3), tools=[tool("find", properties={"b": {}, "a": {}})]),
        prompt(talk(5), tools=[tool("find", properties={"a": {}, "b": {}})]),
        [("key_order", 0)],
    ),
    "a line of the system text": (
        prompt(talk(3)),
        prompt(talk(5), system="\n".join([*LINES[:9], "Another rule holds now.", *LINES[10:]])),
        [("system_changed", 4)],
    ),
    "a line of the system text of a first call": (
        prompt(talk(1)),
        prompt(talk(1, first=51), system="\n".join([*LINES[:20], "Another rule holds now."])),
        [("system_changed", 4)],
    ),
    "a block of the system text gone": (
        prompt(talk(3), system=[text("One."), text(SYSTEM)]),
        prompt(talk(5), system=[text(SYSTEM)]),
        [("system_changed", 4)],
    ),
    "a block of the system text put in": (
        prompt(talk(3), system=[text(SYSTEM)]),
        prompt(talk(5), system=[text("One."), text(SYSTEM)]),
        [("system_changed", 4)],
    ),
    "white space": (prompt(talk(3)), prompt(talk(5), system=SYSTEM.replace("\n", " ")), [("whitespace", 4)]),
    "Unicode": (
        prompt(talk(3), system="Größe. " + SYSTEM),
        prompt(talk(5), system=unicodedata.normalize("NFD", "Größe. ") + SYSTEM),
        [("unicode", 4)],
    ),
    "keys of JSON in a text": (
        prompt(talk(3), system='{"b": 1, "a": 2}\n' + SYSTEM),
        prompt(talk(5), system='{"a": 2, "b": 1}\n' + SYSTEM),
        [("key_order", 4)],
    ),
    "a time": (
        prompt(talk(3), system=f"It is 2026-11-21T12:00:00Z.\n{SYSTEM}"),
        prompt(talk(5), system=f"It is 2026-11-21T12:00:30Z.\n{SYSTEM}"),
        [("timestamp", 4)],
    ),
    "two times in one text": (
        prompt(talk(3), system=f"It is 2026-11-21T12:00:00Z.\n{SYSTEM}\nAt 2026-11-21T12:00:00Z."),
        prompt(talk(5), system=f"It is 2026-11-21T12:00:30Z.\n{SYSTEM}\nAt 2026-11-21T12:00:30Z."),
        [("timestamp", 4), ("timestamp", 4)],
    ),
    "examples in another order": (
        prompt([*EXAMPLES, *talk(1)]),
        prompt([*EXAMPLES[2:4], *EXAMPLES[:2], *EXAMPLES[4:], *talk(3)]),
        [("few_shot_order", 5)],
    ),
    "the first message edited": (
        prompt(talk(5)),
        prompt([said("user", words(60, seed=77)), *talk(7)[1:]]),
        [("first_message_edited", 5)],
    ),
    "an earlier message edited": (
        prompt(talk(5)),
        prompt([*talk(2), said("user", words(60, seed=77)), *talk(7)[3:]]),
        [("history_edited", 7)],
    ),
    "a message put in": (
        prompt(talk(5)),
        prompt([*talk(3), said("user", words(40, seed=77)), *talk(7)[3:]]),
        [("history_edited", 8)],
    ),
    "a message in the middle gone": (
        prompt(talk(9)),
        prompt([*talk(4), *talk(11)[5:]]),
        [("history_edited", 9)],
    ),
    "a history summed up": (
        prompt(LONG),
        prompt([said("user", words(90, seed=78)), *LONG[9:], *talk(2, first=14)]),
        [("compaction", 5)],
    ),
    "a history summed up after its first message": (
        prompt(LONG),
        prompt([LONG[0], said("assistant", words(90, seed=78)), *LONG[10:], *talk(2, first=14)]),
        [("compaction", 6)],
    ),
    "a history cut at its front": (
        prompt(LONG),
        prompt([*LONG[4:], *talk(2, first=14)]),
        [("history_truncated", 5)],
    ),
    "a history cut behind its first message": (
        prompt(LONG),
        prompt([LONG[0], *LONG[5:], *talk(2, first=14)]),
        [("history_truncated", 6)],
    ),
    "a tool's result trimmed": (
        prompt(RESULTS),
        prompt([*talk(1), *used(1, "[trimmed]"), *RESULTS[3:], *talk(2, first=7)]),
        [("tool_result_trimmed", 7)],
    ),
    "thinking left out": (
        prompt([*talk(1), thought(2), *talk(1, first=3)]),
        prompt([*talk(1), said("assistant", thought(2)["content"][1:]), *talk(3, first=3)]),
        [("thinking_dropped", 6)],
    ),
    "the last message longer": (
        prompt([*talk(2), said("user", words(60, seed=3))]),
        prompt([*talk(2), said("user", words(60, seed=3) + " and one more thing: " + words(20, seed=9))]),
        [("message_lengthened", 7)],
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), POSITIVE.values(), ids=POSITIVE)
def test_a_change_has_its_kind_and_place(old, new, expected):
    assert changes(old, new) == expected


FORK = [*talk(4), said("user", words(60, seed=88)), *talk(2, first=90)]
YES = [*talk(2), said("user", "yes"), told(4)]
NEGATIVE = {
    "the same": (prompt(talk(3)), prompt(talk(3))),
    "an appended turn": (prompt(talk(3)), prompt(talk(5))),
    "a string as a block": (
        prompt(talk(3)),
        prompt([said(each["role"], [text(each["content"])]) for each in talk(5)], system=[text(SYSTEM)]),
    ),
    "a moved marker": (
        prompt([said("user", [marked(words(60))])]),
        prompt([said("user", [text(words(60))]), told(2), said("user", [marked("Next.")])]),
    ),
    "a rewind": (prompt(talk(9)), prompt(talk(5))),
    "a rewind with another question": (prompt(talk(9)), prompt([*talk(4), said("user", words(60, seed=66))])),
    "a fork": (prompt(talk(9)), prompt(FORK)),
    "a side call": (
        prompt(talk(5)),
        {"model": CLAUDE, "system": "Give a title.", "messages": [said("user", words(60, seed=1))]},
    ),
    "a side call at the end of the history": (
        prompt(talk(5)),
        prompt([*talk(5), said("user", "Give this conversation a title.")]),
    ),
    "another agent": (
        prompt(talk(5)),
        prompt(talk(3, first=71), system=words(300, seed=200), tools=[tool("other", "Another.")]),
    ),
    "another user of the same app": (prompt(talk(1)), prompt(talk(1, first=71))),
    "a repeated yes": (prompt([*YES, said("user", "yes")]), prompt([*YES, said("user", "yes"), told(6)])),
    "another answer before a yes": (
        prompt([*YES, said("user", "yes"), told(6)]),
        prompt([*talk(2), said("user", "yes"), told(99), said("user", "yes")]),
    ),
    "the same question to another answer": (
        prompt([asked(1), told(2), said("user", "ok")]),
        prompt([asked(1), told(44), said("user", "ok")]),
    ),
    "another last message": (
        prompt([*talk(2), said("user", words(60, seed=3))]),
        prompt([*talk(2), said("user", words(80, seed=33))]),
    ),
    "a shorter last message": (
        prompt([*talk(2), said("user", words(60, seed=3) + " and more")]),
        prompt([*talk(2), said("user", words(60, seed=3))]),
    ),
    "nothing before": ({"model": CLAUDE, "messages": []}, prompt(talk(1))),
}


@pytest.mark.parametrize(("old", "new"), NEGATIVE.values(), ids=NEGATIVE)
def test_what_goes_on_or_is_another_prompt_is_no_change(old, new):
    assert changes(old, new) == []


def test_two_changes_are_both_named_in_the_order_of_the_prompt():
    old = prompt(talk(5))
    new = prompt(
        [*talk(2), said("user", words(60, seed=77)), *talk(7)[3:]],
        tools=TOOLS[1:],
        system=SYSTEM.replace("\n", " "),
    )
    assert kinds(old, new) == ["tool_removed", "whitespace", "history_edited"]


def test_each_piece_stands_for_the_old_one_that_it_was():
    old, new = facts_of(prompt(LONG)), facts_of(prompt([LONG[0], *LONG[5:], *talk(2, first=14)]))
    expected = [*range(6), *range(10, 18), -1, -1]
    assert align(old, new).to_old == expected


def test_a_system_text_of_a_chat_is_a_system_text():
    old = {"model": "gpt-4o", "messages": [said("system", SYSTEM), *talk(3)]}
    new = {"model": "gpt-4o", "messages": [said("system", "Hello. " + SYSTEM), *talk(5)]}
    assert changes(old, new, "chat") == [("system_changed", 0)]


# What stands in JSON, and in what order

RECORD = {"name": "Zoë", "since": "2025-03-14", "until": "2027-01-01", "at": 1731000000, "tags": ["a", "b"]}
IDS = [f"5f0c8a52-3a53-4c1e-9f0e-0c9d5b7e2a{number}" for number in range(10, 40)]
LATER = RECORD | {"at": 1731000099}
EXAMPLES_OF_DAYS = {
    "start": {"type": "string", "description": "First day, as 2026-01-31."},
    "end": {"type": "string", "description": "Last day, as 2026-02-28."},
}


def turned(document):
    return dict(reversed(document.items()))


def dumped(document, **layout):
    return json.dumps(document, **{"ensure_ascii": False} | layout)


def at_system(record):
    return prompt(talk(5), system=f"{record}\n{SYSTEM}")


def at_first_message(record):
    return prompt([said("user", f"{record}\n{words(60)}"), *talk(4, first=2)])


def at_result(record):
    return prompt([*talk(1), *used(1, record), *talk(3, first=2)])


WRITTEN = {
    "keys": (dumped(turned(RECORD)), "key_order"),
    "keys and layout": (dumped(turned(RECORD), indent=2), "key_order"),
    "indentation": (dumped(RECORD, indent=2), "whitespace"),
    "separators": (dumped(RECORD, separators=(",", ":")), "whitespace"),
    "escapes": (dumped(RECORD, ensure_ascii=True), "unicode"),
    "one value": (dumped(LATER), "timestamp"),
    "one value and keys": (dumped(turned(LATER)), "timestamp"),
}


@pytest.mark.parametrize("place", [at_system, at_first_message, at_result], ids=lambda place: place.__name__)
@pytest.mark.parametrize(("record", "kind"), WRITTEN.values(), ids=WRITTEN)
def test_json_written_another_way_is_named_by_what_differs(record, kind, place):
    assert kinds(place(dumped(RECORD)), place(record)) == [kind]


def test_floats_side_by_side_are_the_same_in_any_layout():
    record = {"places": [[52.520008, 13.404954], [48.137154, 11.576124]]}
    assert kinds(at_system(dumped(record)), at_system(dumped(record, separators=(",", ":")))) == [
        "whitespace"
    ]


def test_properties_of_a_schema_in_another_order_are_no_other_dates():
    old, new = ([tool("report", properties=it)] for it in (EXAMPLES_OF_DAYS, turned(EXAMPLES_OF_DAYS)))
    assert changes(prompt(talk(3), tools=old), prompt(talk(5), tools=new)) == [("key_order", 0)]


SHUFFLED = {
    "in a system text": (at_system, "system_changed"),
    "in the first message": (at_first_message, "first_message_edited"),
    "in a result": (at_result, "history_edited"),
}


@pytest.mark.parametrize(("place", "kind"), SHUFFLED.values(), ids=SHUFFLED)
def test_the_same_ids_in_another_order_are_another_text(place, kind):
    old, new = ", ".join(IDS[:4]), ", ".join(reversed(IDS[:4]))
    assert kinds(place(old), place(new)) == [kind]


def test_the_same_ids_in_another_order_are_another_tool():
    old, new = ([tool("find", properties={"id": {"enum": it}})] for it in (IDS, IDS[::-1]))
    assert kinds(prompt(talk(3), tools=old), prompt(talk(5), tools=new)) == ["tool_edited"]


def test_lines_of_ids_in_another_order_are_examples_in_another_order():
    old, new = "\n".join(IDS), "\n".join(reversed(IDS))
    assert kinds(at_system(old), at_system(new)) == ["few_shot_order"]


def test_ids_beyond_those_that_are_kept_are_an_edit():
    many = [f"5f0c8a52-3a53-4c1e-9f0e-0c9d5b7e{number}" for number in range(1000, 1000 + MAX_SPANS + 1)]
    other = [*many[:-1], "5f0c8a52-3a53-4c1e-9f0e-0c9d5b7effff"]
    assert kinds(at_system(" ".join(many)), at_system(" ".join(other))) == ["system_changed"]
