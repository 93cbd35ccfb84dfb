"""A small app with the real SDKs, as an agent would use them: what the demo observes.

Each function is a way of calling that looks different on the wire. The requests are recorded ones, so
that what the SDK sends fits what the provider counted.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from llm_observer import observe
from llm_observer.demo.provider import Provider
from llm_observer.demo.recordings import requests_of

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic
    from openai import AsyncOpenAI, OpenAI

__all__ = ["run"]


def run(provider: Provider) -> None:
    """Make all calls of the demo to *provider*."""
    import anthropic
    import openai

    with (
        openai.OpenAI(
            base_url=provider.openai_url,
            api_key="none",
            http_client=openai.DefaultHttpxClient(trust_env=False),
        ) as gpt,
        anthropic.Anthropic(
            base_url=provider.anthropic_url,
            api_key="none",
            http_client=anthropic.DefaultHttpxClient(trust_env=False),
        ) as claude,
    ):
        _sync_calls(gpt, claude)
    asyncio.run(_async_part(provider))


def _sync_calls(gpt: "OpenAI", claude: "Anthropic") -> None:
    with observe(feature="assistant"):
        tool_loop(gpt)
        tools_in_a_stream(claude)
    with observe(feature="handbook"):
        cached_prompt(claude)
        cached_prefix(gpt)
    with observe(feature="search"):
        embedding(gpt)
        missing_model(gpt)
    with observe(feature="chat"):
        stream_without_usage(gpt)
        abandoned_stream(gpt)


async def _async_part(provider: Provider) -> None:
    import anthropic
    import openai

    async with (
        openai.AsyncOpenAI(
            base_url=provider.openai_url,
            api_key="none",
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
        ) as gpt,
        anthropic.AsyncAnthropic(
            base_url=provider.anthropic_url,
            api_key="none",
            http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False),
        ) as claude,
    ):
        await _async_calls(gpt, claude)


async def _async_calls(gpt: "AsyncOpenAI", claude: "AsyncAnthropic") -> None:
    async with observe(feature="assistant"):
        await reasoning_tool_loop(gpt)
    async with observe(feature="chat"):
        await stream(gpt)
    async with observe(feature="import"):
        await retried(claude)


def tool_loop(gpt: "OpenAI") -> None:
    """The model asks for a tool, gets its result, and answers."""
    for request in requests_of("weather"):
        gpt.chat.completions.create(**request)


def tools_in_a_stream(claude: "Anthropic") -> None:
    """Two tools at once, in a stream."""
    for request in requests_of("two_tools"):
        for _event in claude.messages.create(**request):
            pass


async def reasoning_tool_loop(gpt: "AsyncOpenAI") -> None:
    """The same loop with a reasoning model and the Responses API."""
    for request in requests_of("reasoning"):
        await gpt.responses.create(**request)


def cached_prompt(claude: "Anthropic") -> None:
    """The first call writes the prompt to the cache, the second reads it."""
    for request in requests_of("cache"):
        claude.messages.create(**request)


def cached_prefix(gpt: "OpenAI") -> None:
    """OpenAI caches long prefixes by itself."""
    for request in requests_of("cached_prefix"):
        gpt.chat.completions.create(**request)


def embedding(gpt: "OpenAI") -> None:
    """No output tokens."""
    for request in requests_of("embedding"):
        gpt.embeddings.create(**request)


def missing_model(gpt: "OpenAI") -> None:
    """An error that the app handles."""
    import openai

    for request in requests_of("missing_model"):
        try:
            gpt.chat.completions.create(**request)
        except openai.NotFoundError:
            continue


async def stream(gpt: "AsyncOpenAI") -> None:
    """A stream that ends with its usage."""
    for request in requests_of("stream"):
        async for _chunk in await gpt.chat.completions.create(**request):
            pass


def stream_without_usage(gpt: "OpenAI") -> None:
    """OpenAI sends no usage in a stream unless `stream_options` asks for it."""
    for request in requests_of("stream_without_usage"):
        for _chunk in gpt.chat.completions.create(**request):
            pass


def abandoned_stream(gpt: "OpenAI") -> None:
    """The app leaves after the first chunk; the usage would have come last."""
    for request in requests_of("abandoned"):
        with gpt.chat.completions.create(**request) as chunks:
            next(iter(chunks))


async def retried(claude: "AsyncAnthropic") -> None:
    """The provider is over its limit at first, and the SDK tries again by itself."""
    for request in requests_of("retry"):
        async for _event in await claude.messages.create(**_known_by_all(request)):
            pass


def _known_by_all(request: dict[str, Any]) -> dict[str, Any]:
    """Older versions of the SDK know no `output_config`."""
    known = {name: value for name, value in request.items() if name != "output_config"}
    return {**known, "extra_body": {"output_config": request["output_config"]}}
