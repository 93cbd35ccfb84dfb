"""What do the tests of patching share? The plainest call of each SDK."""

import asyncio
import functools

from integration.loopback import json_answer
from integration.sdks import make_client

ANSWERS = {
    "openai": b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[]}',
    "anthropic": b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[]}',
}
HELLO = [{"role": "user", "content": "hello"}]


def client_of(sdk, *, is_async=False):
    return make_client(sdk, json_answer(ANSWERS[sdk]), is_async=is_async)


def call_of(sdk, client):
    """The SDK's best known method, bound to *client*."""
    if sdk == "openai":
        return functools.partial(client.chat.completions.create, model="m", messages=HELLO)
    return functools.partial(client.messages.create, model="m", messages=HELLO, max_tokens=9)


def call_once(sdk, is_async):
    call = call_of(sdk, client_of(sdk, is_async=is_async))
    asyncio.run(call()) if is_async else call()
