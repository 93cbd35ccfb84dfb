"""Is the prompt of a call that names an earlier answer the whole one?"""

import json

import pytest

from llm_observer.config import load
from llm_observer.offline import events_of
from llm_observer.recordings.open import read_files

URL = "https://api.openai.com/v1/responses"


def verdicts(tmp_path, *calls):
    """The cache part of each call: what it asks, its id, and the tokens read and in all."""
    records = []
    for place, (body, answer, read, total) in enumerate(calls):
        usage = {"input_tokens": total, "output_tokens": 50, "input_tokens_details": {"cached_tokens": read}}
        document = {
            "id": answer,
            "object": "response",
            "model": "gpt-5.2",
            "status": "completed",
            "usage": usage,
        }
        records.append(
            {
                "url": URL,
                "request": {"body": json.dumps({"model": "gpt-5.2", **body})},
                "status": 200,
                "response": {"body": json.dumps(document)},
                "started_at": 1763716800 + place * 10,
                "ended_at": 1763716801 + place * 10,
            }
        )
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return [event.llm_call.cache for _, event in events_of(read_files([str(file)]), load({}))]


LONG = "the refund policy of the airline " * 600


def test_a_call_that_names_an_earlier_answer_goes_on_from_its_prompt(tmp_path):
    first = ({"input": LONG}, "resp_1", 0, 4000)
    second = ({"input": "and hotels?", "previous_response_id": "resp_1"}, "resp_2", 3968, 4080)
    third = ({"input": "and trains?", "previous_response_id": "resp_2"}, "resp_3", 3968, 4160)
    caches = verdicts(tmp_path, first, second, third)
    assert [cache.verdict for cache in caches] == ["first", "hit", "hit"]
    assert [cache.kept_segments for cache in caches[1:]] == [1, 3]
    assert len({cache.conversation for cache in caches}) == 1
    assert caches[1].source is None


def test_a_miss_of_it_shows(tmp_path):
    first = ({"input": LONG}, "resp_1", 0, 4000)
    second = ({"input": "and hotels?", "previous_response_id": "resp_1"}, "resp_2", 0, 4080)
    cache = verdicts(tmp_path, first, second)[1]
    assert (cache.verdict, cache.ideal_tokens, cache.actual_tokens) == ("unexplained", 3968, 0)


@pytest.mark.parametrize(
    "earlier",
    [{"previous_response_id": "resp_x"}, {"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}],
    ids=["an answer of another process", "a conversation", "a conversation as an object"],
)
def test_a_history_that_was_not_seen_is_unknown_and_no_loss(tmp_path, earlier):
    calls = [({"input": "hi", **earlier}, f"resp_{read}", read, 4000) for read in (0, 2048)]
    caches = verdicts(tmp_path, *calls)
    assert [cache.verdict for cache in caches] == ["unknown", "hit"]
    assert [cache.source for cache in caches] == [None, "elsewhere"]
