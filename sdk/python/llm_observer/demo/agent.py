"""An agent in two states: as one writes it in a hurry, and after the cache doctor's advice was followed.

Four jobs with the real SDKs, eight turns each: a model asks for a tool, gets its result, and goes on. Each
job breaks the prompt cache in one way; the fixed agent is the same but for that. All that varies is seeded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from llm_observer.demo.cached_provider import TURNS

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI

    from llm_observer.demo.provider import Provider

__all__ = ["HANDBOOK", "run"]

HANDBOOK = resources.files(__package__).joinpath("handbook.md").read_text("utf-8")
CLAUDE = "claude-sonnet-4-6"
GPT = "gpt-5"
SEED = 4
_MARK = {"cache_control": {"type": "ephemeral"}}
_TOOLS = {
    "find_order": "Finds an order by its number, with its state, its lines and its payment.",
    "find_product": "Finds products by words, size and price, with stock as of the last full hour.",
    "free_slots": "Lists free slots of the workshop nearest to a postal code in the next three weeks.",
    "send_mail": "Sends a mail to the customer of an order; its text must follow the handbook.",
    "track_parcel": "Says where a parcel is and on which day it arrives, if the carrier knows.",
}


class Job(NamedTuple):
    """One conversation. is_fixed: the advice was followed."""

    is_fixed: bool
    random: Random

    def clock(self, turn: int) -> str:
        """The time at *turn*."""
        return f"2026-11-21 09:{turn:02}:{self.random.randrange(60):02}"

    def request_id(self) -> str:
        """A new one at every call."""
        return f"req_{self.random.getrandbits(96):024x}"


def run(provider: Provider, *, is_fixed: bool) -> None:
    """Let the agent do its four jobs at *provider*."""
    import anthropic
    import openai

    job = Job(is_fixed, Random(SEED))  # noqa: S311 - the same numbers in every run
    with (
        anthropic.Anthropic(
            base_url=provider.anthropic_url,
            api_key="none",
            http_client=anthropic.DefaultHttpxClient(trust_env=False),
        ) as claude,
        openai.OpenAI(
            base_url=provider.openai_url,
            api_key="none",
            http_client=openai.DefaultHttpxClient(trust_env=False),
        ) as gpt,
    ):
        answer_mail(claude, job)
        check_orders(claude, job)
        find_parts(gpt, job)
        book_repairs(gpt, job)


def answer_mail(claude: Anthropic, job: Job) -> None:
    """The time stands in the system prompt; fixed: it comes with the question."""

    def ask(messages: list[Any]) -> Any:
        now = "" if job.is_fixed else f"It is {job.clock(len(messages))}.\n"
        return claude.messages.create(
            model=CLAUDE,
            max_tokens=500,
            tools=_claude_tools(),
            system=_system(now + HANDBOOK, is_marked=True),
            messages=_marked(messages),
        )

    _claude_turns(ask, f"It is {job.clock(0)}. Customer 17 asks where order 4711 is.")


def check_orders(claude: Anthropic, job: Job) -> None:
    """No breakpoint is set, and without one Claude caches nothing; fixed: two."""

    def ask(messages: list[Any]) -> Any:
        return claude.messages.create(
            model=CLAUDE,
            max_tokens=500,
            tools=_claude_tools(),
            system=_system(HANDBOOK, is_marked=job.is_fixed),
            messages=_marked(messages) if job.is_fixed else messages,
        )

    _claude_turns(ask, "Which of today's orders have no payment yet?")


def find_parts(gpt: OpenAI, job: Job) -> None:
    """Tools come out of a set, in any order; fixed: they are sorted."""

    def ask(messages: list[Any]) -> Any:
        names = sorted(_TOOLS)
        if not job.is_fixed:
            job.random.shuffle(names)
        return gpt.chat.completions.create(model=GPT, tools=_gpt_tools(names), messages=messages)

    _gpt_turns(ask, HANDBOOK, "A chain for a bicycle with eleven gears, please.")


def book_repairs(gpt: OpenAI, job: Job) -> None:
    """A tool's description names the request; fixed: it does not."""

    def ask(messages: list[Any]) -> Any:
        note = "" if job.is_fixed else f" Request id: {job.request_id()}."
        tools = _gpt_tools(sorted(_TOOLS), send_mail=note)
        return gpt.chat.completions.create(model=GPT, tools=tools, messages=messages)

    _gpt_turns(ask, HANDBOOK, "My brakes squeal. When can I come?")


def _claude_turns(ask: Callable[[list[Any]], Any], question: str) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": question}]}]
    for turn in range(TURNS):
        (block,) = ask(messages).content
        if block.type != "tool_use":
            return
        call = {"type": "tool_use", "id": block.id, "name": block.name, "input": block.input}
        result = {"type": "tool_result", "tool_use_id": block.id, "content": _result(turn)}
        messages = [
            *messages,
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]


def _gpt_turns(ask: Callable[[list[Any]], Any], system: str, question: str) -> None:
    messages: list[Any] = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    for turn in range(TURNS):
        message = ask(messages).choices[0].message
        if not message.tool_calls:
            return
        (call,) = message.tool_calls
        function = {"name": call.function.name, "arguments": call.function.arguments}
        asked = {
            "role": "assistant",
            "tool_calls": [{"id": call.id, "type": "function", "function": function}],
        }
        messages = [*messages, asked, {"role": "tool", "tool_call_id": call.id, "content": _result(turn)}]


def _system(text: str, *, is_marked: bool) -> list[Any]:
    return [{"type": "text", "text": text, **(_MARK if is_marked else {})}]


def _marked(messages: list[Any]) -> list[Any]:
    """*messages* with a breakpoint at their end."""
    *before, last = messages
    *blocks, end = last["content"]
    return [*before, {**last, "content": [*blocks, {**end, **_MARK}]}]


def _result(turn: int) -> str:
    """What a tool gives: some lines of JSON."""
    random = Random(f"{SEED}-{turn}")  # noqa: S311 - the same numbers in every run
    lines = [
        {"order": 4700 + line, "article": random.randrange(1000), "pieces": random.randrange(1, 9)}
        for line in range(12)
    ]
    return json.dumps({"state": "packed", "lines": lines})


def _claude_tools() -> list[Any]:
    return [
        {"name": name, "description": text, "input_schema": _SCHEMA} for name, text in sorted(_TOOLS.items())
    ]


def _gpt_tools(names: list[str], **notes: str) -> list[Any]:
    """The tools in this order. notes: what to add to the description of a tool, by its name."""
    described = ((name, _TOOLS[name] + notes.get(name, "")) for name in names)
    functions = ({"name": name, "description": text, "parameters": _SCHEMA} for name, text in described)
    return [{"type": "function", "function": function} for function in functions]


_SCHEMA = {"type": "object", "properties": {"turn": {"type": "integer"}}, "required": ["turn"]}
