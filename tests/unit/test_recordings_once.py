"""Is an answer that several files tell of counted once?"""

import json

from analyzing import calls_in, cost_of
from llm_observer.call import LLMCall, Tokens
from llm_observer.event import encode
from llm_observer.recordings import AnswersOnce
from recording import ANSWER, plain
from sessions import event_of, tokens
from telling import batch_line, chat_answer, generation, lines, spend_log

CALL = LLMCall(provider="openai", wire="openai", operation="chat", response_id="r", tokens=Tokens(output=1))
SPENT = lines(spend_log(request_id="chatcmpl-1"))


def test_an_exchange_and_a_gateways_log_of_it_are_one_call(tmp_path):
    found = calls_in(tmp_path, plain(), SPENT)
    assert [call.is_usage_repeated for call in found] == [False, True]
    assert cost_of(*found) == cost_of(found[0]) > 0
    assert found[1].cost.status == "not_billed"


def test_the_order_does_not_matter(tmp_path):
    found = calls_in(tmp_path, SPENT, plain(started_at="2026-01-01T00:00:00Z"))
    assert [call.is_usage_repeated for call in found] == [False, True]


def test_an_event_and_a_log_of_the_same_answer_are_one_call(tmp_path):
    event = encode(event_of(tokens=tokens(10, 1), response_id="chatcmpl-1")).decode()
    for texts in ((f"{event}\n", SPENT), (SPENT, f"{event}\n")):
        found = calls_in(tmp_path, *texts)
        assert sorted(call.is_usage_repeated for call in found) == [False, True]


def test_a_line_of_a_batch_and_an_answer_that_was_fetched_are_one(tmp_path):
    found = calls_in(
        tmp_path, lines(batch_line(chat_answer())), lines(batch_line(chat_answer(), custom_id="again"))
    )
    assert [call.is_usage_repeated for call in found] == [False, True]


def test_exchanges_of_a_test_server_that_repeats_its_ids_stay_apart(tmp_path):
    other = {"model": "gpt-4o", "messages": [{"role": "user", "content": "other"}]}
    found = calls_in(tmp_path, plain(), plain(request={"body": json.dumps(other)}))
    assert [call.is_usage_repeated for call in found] == [False, False]


def test_answers_of_one_file_without_ids_are_all_counted(tmp_path):
    body = json.dumps({name: value for name, value in ANSWER.items() if name != "id"})
    found = calls_in(
        tmp_path,
        plain(request=None, response={"body": body}) + "\n" + plain(request=None, response={"body": body}),
    )
    assert [call.is_usage_repeated for call in found] == [False, False]


def test_another_generation_is_another_call(tmp_path):
    found = calls_in(tmp_path, json.dumps({"data": [generation(), generation(id="gen-2")]}))
    assert [call.is_usage_repeated for call in found] == [False, False]


def test_what_was_seen_last_is_remembered_in_bounded_memory():
    once = AnswersOnce(max_answers=10)
    for number in range(1000):
        assert not once.is_repeated(CALL, str(number), has_request=False)
    assert once.is_repeated(CALL, "995", has_request=False)
    assert not once.is_repeated(CALL, "1", has_request=False)


def test_an_answer_without_usage_says_nothing_of_a_later_one():
    once = AnswersOnce()
    waiting = LLMCall(provider="openai", wire="openai", operation="responses", response_id="r")
    seen = [once.is_repeated(call, None, has_request=True) for call in (waiting, CALL)]
    assert seen == [False, False]
