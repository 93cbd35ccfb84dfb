"""Which calls does opencode tell of? Messages of its storage, and `opencode export`.

A message of several steps has the last step's tokens and the cost of all, so each `step-finish` part is a
call where there are more. `input` is without what is cached. Where there is a `total`, it tells whether
`output` holds the reasoning, which older versions left in it. @opencode-ai/sdk 1.19.3 (`AssistantMessage`,
`StepFinishPart`), and https://github.com/anomalyco/opencode/issues/17566 on reasoning, 2026-11-21.
"""

from collections.abc import Iterable, Mapping

from llm_observer.adapters.fields import as_name, at, dicts
from llm_observer.recordings._form import Form, has, stateless
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since, told
from llm_observer.recordings._usage import Counts, count

__all__ = ["FORM"]


def _fits(fields: Mapping[str, object]) -> bool:
    info = _info(fields)
    is_answer = has(info, "modelID", "providerID", "tokens") and info.get("role") == "assistant"
    return has(info, "id", "sessionID", "time") and (is_answer or ("parts" in fields and "role" in info))


def _info(fields: Mapping[str, object]) -> Mapping[str, object]:
    """The message itself: in an export it stands beside its parts."""
    info = fields.get("info")
    return info if isinstance(info, dict) else fields


def _told(fields: Fields) -> Iterable[Told]:
    info = _info(fields)
    if info.get("role") != "assistant":
        return
    steps = [part for part in dicts(fields.get("parts")) if part.get("type") == "step-finish"]
    for told_of in steps if len(steps) > 1 else (info,):
        tokens = told_of.get("tokens")
        if isinstance(tokens, dict):
            yield _call(info, tokens, as_name(told_of.get("id")))


def _call(info: Mapping[str, object], tokens: Fields, name: str | None) -> Told:
    counts = _counts(tokens)
    return told(
        counts,
        info.get("providerID"),
        as_name(info.get("modelID")),
        closing="failed" if info.get("error") else "end_of_body",
        times=since(at(info, "time.created"), ended=at(info, "time.completed")),
        answer=None if name is None else f"opencode\0{name}",
    )


def _counts(tokens: Fields) -> Counts:
    fresh, output, reasoning = (count(tokens, name) for name in ("input", "output", "reasoning"))
    cache = tokens.get("cache")
    read, written = (count(cache, name) if isinstance(cache, dict) else None for name in ("read", "write"))
    parts = [part for part in (fresh, output, reasoning, read, written) if part is not None]
    is_apart = output is not None and reasoning is not None and sum(parts) == count(tokens, "total")
    return Counts(
        fresh=fresh,
        output=output + reasoning if is_apart and output is not None and reasoning is not None else output,
        read=read,
        written=written,
        reasoning=reasoning,
    )


FORM = Form("opencode", _fits, stateless(_told), lists=("messages",), stranger=None)
