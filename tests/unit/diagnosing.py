"""Calls for the tests of the cache doctor: plain exchanges, decoded and examined as `analyze` does it."""

import json
import random

from llm_observer.adapters import decode
from llm_observer.cache.intake import Intake
from llm_observer.cache.settings import settings_of
from llm_observer.config import load
from llm_observer.offline import Offline
from llm_observer.privacy import Hasher
from llm_observer.recordings.plain import exchange_of

KEY = "a-key-for-tests-0123456789abcdef"
HASHER = Hasher(KEY, None)
START_S = 1_790_000_000.0
CLAUDE, OLD_GPT, NEW_GPT = "claude-sonnet-4-5-20250929", "gpt-4o", "gpt-5.6"
URLS = {
    "anthropic": "https://api.anthropic.com/v1/messages",
    "chat": "https://api.openai.com/v1/chat/completions",
    "responses": "https://api.openai.com/v1/responses",
    "deepseek": "https://api.deepseek.com/chat/completions",
    "local": "http://localhost:8000/v1/chat/completions",
}
EPHEMERAL = {"type": "ephemeral"}
_SYLLABLES = [consonant + vowel for consonant in "bdfglmnrst" for vowel in "aeo"]


def words(count, seed=1):
    """*count* words in lines of some ten, always the same for a seed, with nothing volatile in them."""
    rng = random.Random(seed)
    drawn = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(count)]
    return "\n".join(" ".join(drawn[at : at + 10]) for at in range(0, count, 10))


def text(content, **more):
    """A text block."""
    return {"type": "text", "text": content, **more}


def marked(content, **ttl):
    """A text block with a breakpoint."""
    return text(content, cache_control={**EPHEMERAL, **ttl})


def said(role, content):
    """A message."""
    return {"role": role, "content": content}


def exchange(body, usage=None, *, wire="anthropic", at_s=START_S, **fields):
    """A POST of *body*; times are in seconds after *at_s*."""
    answer = {} if usage is None else {"usage": usage}
    line = {
        "url": URLS.get(wire, wire),
        "request": {"body": json.dumps(body, ensure_ascii=False)},
        "status": 200,
        "response": answer,
        "started_at": at_s,
        "first_byte_at": at_s + 1,
        "ended_at": at_s + 3,
        **fields,
    }
    return exchange_of(json.dumps(line).encode())


def decoded_of(body, wire="anthropic"):
    """What the adapter makes of a request."""
    return decode(exchange(body, wire=wire), with_content=False)


def pieces_of(body, wire="anthropic"):
    """The pieces of a request."""
    return Intake(HASHER).pieces(decoded_of(body, wire))


def facts_of(body, wire="anthropic"):
    """The facts of its pieces."""
    return pieces_of(body, wire).facts


def settings_from(body, rule_id, *, wire="anthropic", **fields):
    """The cache-affecting settings of a request."""
    given = decoded_of(body, wire).settings
    made = exchange(body, wire=wire, **fields)
    return settings_of(rule_id, body["model"], "scope", given, made, HASHER)


class Clinic:
    """Takes calls, one after the other, and returns what the event says of each."""

    def __init__(self, **settings):
        self.offline = Offline(load({"hash_key": KEY, **settings}))
        self.now_s = START_S

    @property
    def doctor(self):
        """The one that examines."""
        return next(one._doctor for one in self.offline._enrichers if hasattr(one, "_doctor"))

    def call(self, body, usage=None, *, after_s=20.0, **fields):
        """The call of *body*, *after_s* seconds after the one before."""
        self.now_s += after_s
        return self.event(body, usage, **fields).llm_call

    def event(self, body, usage=None, **fields):
        """The event of *body*, now."""
        return self.offline.event_of(exchange(body, usage, at_s=self.now_s, **fields))


def counted(read=0, written=0, fresh=4, output=30):
    """Usage as Anthropic gives it."""
    return {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": output,
    }


def chat_usage(total, read=None, written=None):
    """Usage as OpenAI's chat completions give it."""
    details = {"cached_tokens": read, "cache_write_tokens": written}
    details = {name: count for name, count in details.items() if count is not None}
    return {
        "prompt_tokens": total,
        "completion_tokens": 10,
        "total_tokens": total + 10,
        **({"prompt_tokens_details": details} if details else {}),
    }
