"""What do the small apps of the process tests share? A call that bears its number and its process."""

import os

import llm_observer
from integration.exchanges import ask
from integration.sdks import real_client

BASE = {"openai": "/v1", "anthropic": ""}


def client(sdk="openai", *, is_async=False):
    return real_client(sdk, is_async=is_async, base_url=os.environ["PROVIDER"] + BASE[sdk])


def call(number, sdk="openai"):
    """One call on a client of its own; the process that made it."""
    with llm_observer.observe(call=number, pid=os.getpid()), client(sdk) as made:
        ask(made)
    return os.getpid()


async def call_async(number, sdk="openai", *, stream=False):
    """As `call`; a stream is read to its end."""
    async with llm_observer.observe(call=number, pid=os.getpid()), client(sdk, is_async=True) as made:
        answer = await ask(made, stream=stream)
        if stream:
            async for _ in answer:
                pass
    return os.getpid()


def number_of(query):
    """The call that a web request asks for, by its query."""
    return int(query.partition("=")[2])
