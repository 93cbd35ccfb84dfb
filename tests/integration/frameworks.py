"""How is the same question put through each framework? Plain and streamed, sync and async, to a server.

Each function returns what the app gets: one object, or the items of a stream. Frameworks are imported where
they are used, as each is installed in an environment of its own.
"""

import importlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from integration.exchanges import anthropic_message, openai_completion, plain, streamed
from integration.loopback import json_answer

GPT, CLAUDE = "gpt-4o-mini", "claude-sonnet-4-6"
KEY = "none"


class Framework(NamedTuple):
    """package: import name. sdk: what it is built on here.

    make: from a server's URL, what the ways are called with. ways: by name, sync or async.
    """

    package: str
    sdk: str
    make: Callable[[str], Any]
    ways: dict[str, Callable[[Any], Any | Awaitable[Any]]]
    answer: Callable[[str], Any] = plain
    stream: Callable[[str], Any] = streamed


def _langchain_openai(url):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=GPT, base_url=f"{url}/v1", api_key=KEY, max_retries=0, stream_usage=True)


def _langchain_anthropic(url):
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model=CLAUDE, base_url=url, api_key=KEY, max_retries=0, max_tokens=64)


async def _all(items):
    return [item async for item in items]


async def _langchain_astream(model):
    return [item async for item in model.astream("hello")]


LANGCHAIN = {
    "call": lambda model: model.invoke("hello"),
    "stream": lambda model: list(model.stream("hello")),
    "async call": lambda model: model.ainvoke("hello"),
    "async stream": _langchain_astream,
}


def _llama_openai(url):
    from llama_index.llms.openai import OpenAI

    return OpenAI(model=GPT, api_base=f"{url}/v1", api_key=KEY, max_retries=0)


def _llama_anthropic(url):
    from llama_index.llms.anthropic import Anthropic

    return Anthropic(model=CLAUDE, base_url=url, api_key=KEY, max_retries=0)


def _llama_hello():
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role="user", content="hello")]


async def _llama_astream(model):
    return await _all(await model.astream_chat(_llama_hello()))


LLAMA_INDEX = {
    "call": lambda model: model.chat(_llama_hello()),
    "stream": lambda model: list(model.stream_chat(_llama_hello())),
    "async call": lambda model: model.achat(_llama_hello()),
    "async stream": _llama_astream,
}


def litellm_to(model):
    """LiteLLM's arguments for *model*, by URL."""

    def make(url):
        api_base = f"{url}/v1" if model.startswith("openai/") else url
        hello = [{"role": "user", "content": "hello"}]
        return {"model": model, "api_base": api_base, "api_key": KEY, "max_retries": 0, "messages": hello}

    return make


def _litellm(arguments, **more):
    import litellm

    return litellm.completion(**arguments, **more)


def _litellm_async(arguments):
    import litellm

    return litellm.acompletion(**arguments)


async def _litellm_astream(arguments):
    import litellm

    return await _all(await litellm.acompletion(**arguments, **STREAMED))


STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
LITELLM = {
    "call": _litellm,
    "stream": lambda arguments: list(_litellm(arguments, **STREAMED)),
    "async call": _litellm_async,
    "async stream": _litellm_astream,
}


def _pydantic_openai(url):
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return Agent(OpenAIChatModel(GPT, provider=OpenAIProvider(base_url=f"{url}/v1", api_key=KEY)))


def _pydantic_anthropic(url):
    from anthropic import AsyncAnthropic
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(base_url=url, api_key=KEY)
    return Agent(AnthropicModel(CLAUDE, provider=AnthropicProvider(anthropic_client=client)))


def _pydantic_call(agent):
    return agent.run_sync("hello").all_messages()


async def _pydantic_async(agent):
    return (await agent.run("hello")).all_messages()


async def _pydantic_stream(agent):
    async with agent.run_stream("hello") as result:
        said = [text async for text in result.stream_text(delta=True, debounce_by=None)]
        return said, result.all_messages()


PYDANTIC_AI = {"call": _pydantic_call, "async call": _pydantic_async, "async stream": _pydantic_stream}


def _answer_type():
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        people: int | None = None

    return City


ASKED = {"messages": [{"role": "user", "content": "which city?"}], "max_tokens": 64}
CITY = {"name": "Bern", "people": 134000}


def _instructor(provider, name, model, path=""):
    def make(url):
        import instructor

        module = importlib.import_module(provider)
        wrap = getattr(instructor, f"from_{provider}")
        options = {"base_url": url + path, "api_key": KEY, "max_retries": 0}
        return (
            wrap(getattr(module, name)(**options)),
            wrap(getattr(module, f"Async{name}")(**options)),
            {**ASKED, "model": model, "response_model": _answer_type()},
        )

    return make


def _shown(city):
    return [base.__name__ for base in type(city).__mro__], city.model_dump()


def _instructor_call(made):
    client, _, asked = made
    return _shown(client.create(**asked))


async def _instructor_async(made):
    _, client, asked = made
    return _shown(await client.create(**asked))


INSTRUCTOR = {"call": _instructor_call, "async call": _instructor_async}


def tool_answer(sdk, city=CITY):
    """The answer's fields come as the arguments of a tool, by the name of the type."""
    if sdk == "openai":
        function = {"name": "City", "arguments": json.dumps(city)}
        called = {"role": "assistant", "content": None}
        called["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        choice = {"index": 0, "message": called, "finish_reason": "tool_calls"}
        return json_answer(json.dumps(openai_completion(choices=[choice])).encode())
    called = {"type": "tool_use", "id": "toolu_1", "name": "City", "input": city}
    return json_answer(json.dumps(anthropic_message(content=[called], stop_reason="tool_use")).encode())


FRAMEWORKS = {
    "langchain-openai": Framework("langchain_openai", "openai", _langchain_openai, LANGCHAIN),
    "langchain-anthropic": Framework("langchain_anthropic", "anthropic", _langchain_anthropic, LANGCHAIN),
    "llama-index-llms-openai": Framework("llama_index.llms.openai", "openai", _llama_openai, LLAMA_INDEX),
    "llama-index-llms-anthropic": Framework(
        "llama_index.llms.anthropic", "anthropic", _llama_anthropic, LLAMA_INDEX
    ),
    "litellm": Framework("litellm", "openai", litellm_to(f"openai/{GPT}"), LITELLM),
    "pydantic-ai on openai": Framework("pydantic_ai.models.openai", "openai", _pydantic_openai, PYDANTIC_AI),
    # It streams whatever the app asks for (pydantic-ai 2.68, models/anthropic.py).
    "pydantic-ai on anthropic": Framework(
        "pydantic_ai.models.anthropic", "anthropic", _pydantic_anthropic, PYDANTIC_AI, answer=streamed
    ),
    "instructor on openai": Framework(
        "instructor", "openai", _instructor("openai", "OpenAI", GPT, "/v1"), INSTRUCTOR, tool_answer
    ),
    "instructor on anthropic": Framework(
        "instructor", "anthropic", _instructor("anthropic", "Anthropic", CLAUDE), INSTRUCTOR, tool_answer
    ),
}
CALLS = [(name, way) for name, framework in FRAMEWORKS.items() for way in framework.ways]
