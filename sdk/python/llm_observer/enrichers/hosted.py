"""What do the hosted tools of an answer cost, and which of them cannot be priced from it?"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from llm_observer.enrichers.bill import EXACT, Doubt, Rates
from llm_observer.enrichers.unit_prices import FREE_CONTENT_PREVIEW, XAI_SEARCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from llm_observer.call import LLMCall
    from llm_observer.decoded import Segment

__all__ = ["Hosted", "Ran", "hosted_bill", "offered"]

PER_THOUSAND = -3
SEARCH_COUNTS = ("web_search_requests", "web_search.num_requests", "web_search", "web_search_calls")
"""Billable searches as providers count them: Anthropic's `server_tool_use`, OpenAI's `tool_usage`, xAI's."""
SEARCH_CALL, FILE_CALL, IMAGE_CALL = "web_search_call", "file_search_call", "image_generation_call"
FILE_RATE, SEARCH_RATE = "storage_searches_kcount", "web_searches_kcount"

SHELL_CALL = "shell_call"
"""Counted by item only where it ran in a container of OpenAI's, not on the app's machine."""
TIMED = frozenset({"code_interpreter_call", SHELL_CALL})
"""OpenAI's containers: "$0.03 (1 GB) to $1.92 (64 GB) per 20-minute session per container", billed by the
minute, five at least, over all calls that share it. No answer tells its minutes or its size.

https://developers.openai.com/api/docs/pricing#built-in-tools, 2026-09-30.
"""
PRICED = TIMED | {FILE_CALL, IMAGE_CALL, SEARCH_CALL}
"""Hosted tools of the Responses API that are charged apart from tokens; same source."""

CLAUDE_CODE = frozenset({"code_execution", "bash_code_execution", "text_editor_code_execution"})
"""Anthropic's container: "$0.05 per hour, per container" past 1,550 hours a month, five minutes at least,
and nothing at all where a web tool of 2026-02-09 or later is among the tools.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool, 2026-11-21.
"""
_FREEING_TOOL = re.compile(r"web_(search|fetch)_(\d{8})")
_FREE_SINCE = "20260209"

_NO_REASONING = re.compile(r"openai/(ft:)?(gpt-4|chatgpt-4o)")
"""OpenAI's models that do not reason, on which the preview tool has its own price."""
_FIXED_CONTENT = re.compile(r"openai/(ft:)?(gpt-4o-mini|gpt-4\.1-mini)")
"""On these `web_search` bills "a fixed block of 8,000 input tokens per call"; whether the usage shows it
is not said. Same page."""
_SEARCH_MODEL = re.compile(r"openai/.*(-search-preview|-search-api)(-\d{4}-\d{2}-\d{2})?")
"""Chat models that search by themselves: "web search tool call charges also apply". Same page."""

_XAI = "x-ai/"

_STEMS = {IMAGE_CALL: "image_gen"}
"""What a tool is called in the counts, where that is not the type of its call."""

_types = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Ran(NamedTuple):
    """What ran for a call.

    by_item: hosted calls in the answer, by type. offered: types of the request's tools, None where unknown.
    """

    by_item: Mapping[str, int]
    offered: frozenset[str] | None


class Hosted(NamedTuple):
    """US dollars for hosted tools, None where none has a count; and what is doubtful."""

    usd: Decimal | None
    doubts: tuple[Doubt, ...]


def offered(segments: Sequence[Segment]) -> frozenset[str] | None:
    """Types of the tools in a request; None where the request has none or is not known."""
    types = set()
    for segment in segments:
        if segment.kind == "tool":
            kind = _types.decode(segment.raw).get("type")
            types.add("" if kind is None else bytes(kind).decode("utf-8", "replace").strip('"'))
    return frozenset(types) or None


def _tools_that_ran(call: LLMCall, ran: Ran) -> set[str]:
    """Names of the hosted tools in the answer of *call*."""
    shown = {tool.name for tool in call.other_tools if tool.name is not None and tool.name != SHELL_CALL}
    return shown | {name for name, count in ran.by_item.items() if count}


def hosted_bill(call: LLMCall, ran: Ran, rates: Rates, listed: str) -> Hosted:
    """What the hosted tools of *call* cost at *rates*.

    listed: `vendor/model` of the price list; empty where *rates* are the app's own, with no rules on top.
    """
    amounts: list[Decimal] = []
    doubts: list[Doubt] = []
    for usd, found in (_searches(call, ran, rates, listed), _file_searches(ran, rates)):
        doubts += found
        if usd is not None:
            amounts.append(usd)
    doubts += _uncounted(call, ran)
    doubts += _containers(call, ran)
    if _SEARCH_MODEL.fullmatch(listed):
        doubts.append(Doubt("estimated", "a fee per search is not in the figure: the answer has no count"))
    with localcontext(EXACT):
        return Hosted(sum(amounts, Decimal(0)) if amounts else None, tuple(doubts))


def _searches(call: LLMCall, ran: Ran, rates: Rates, listed: str) -> tuple[Decimal | None, list[Doubt]]:
    counts = {} if call.server_tool_use is None else call.server_tool_use
    stated = next((counts[key] for key in SEARCH_COUNTS if key in counts), None)
    count = ran.by_item.get(SEARCH_CALL) if stated is None else stated
    if count is None:
        return None, []
    rate, doubts = _search_rate(ran, rates, listed)
    if not count:
        return Decimal(0), []
    if rate is None:
        return None, [Doubt("estimated", "web searches are not in the figure: no price")]
    if stated is None:
        doubts.append(Doubt("estimated", "web searches as the answer shows them, not as they are billed"))
    with localcontext(EXACT):
        return (rate * count).scaleb(PER_THOUSAND), doubts


def _search_rate(ran: Ran, rates: Rates, listed: str) -> tuple[Decimal | None, list[Doubt]]:
    """US dollars per 1,000 searches, by the tool that the request offered."""
    rate = rates.plain(SEARCH_RATE)
    if rate is None and listed.startswith(_XAI):
        return XAI_SEARCH, []
    if rate is None or not _NO_REASONING.match(listed):
        return rate, []
    if ran.offered is None:
        return rate, [Doubt("estimated", "web search at the price of the tool that is no preview")]
    if any(kind.startswith("web_search_preview") for kind in ran.offered):
        return FREE_CONTENT_PREVIEW, []
    if _FIXED_CONTENT.match(listed):
        return rate, [Doubt("estimated", "8,000 input tokens a search are in the figure only if counted")]
    return rate, []


def _file_searches(ran: Ran, rates: Rates) -> tuple[Decimal | None, list[Doubt]]:
    count, rate = ran.by_item.get(FILE_CALL), rates.plain(FILE_RATE)
    if not count:
        return None, []
    if rate is None:
        return None, [Doubt("estimated", "file searches are not in the figure: no price")]
    with localcontext(EXACT):
        return (rate * count).scaleb(PER_THOUSAND), []


def _uncounted(call: LLMCall, ran: Ran) -> Iterator[Doubt]:
    """Hosted tools with a price of their own that ran, and that no count names."""
    counted = " ".join((*(call.server_tool_use or ()), *(ran.by_item.keys() & {SEARCH_CALL, FILE_CALL})))
    billed = _tools_that_ran(call, ran) & PRICED
    left_out = sorted(name for name in billed if _STEMS.get(name, name.removesuffix("_call")) not in counted)
    if left_out:
        yield Doubt("estimated", f"{', '.join(left_out)} not in the figure: the answer has no count")


def _containers(call: LLMCall, ran: Ran) -> Iterator[Doubt]:
    if call.wire != "anthropic" or not _tools_that_ran(call, ran) & CLAUDE_CODE:
        return
    found = (_FREEING_TOOL.fullmatch(kind) for kind in ran.offered or ())
    if not any(match is not None and match[2] >= _FREE_SINCE for match in found):
        yield Doubt(
            "estimated", "code execution is not in the figure: by the hour past 1,550 free ones a month"
        )
