"""What did the provider answer, as far as a gateway's record has it? Its own words, on their own wire.

The gateway's own count stands in only where the record has no answer with a usage, as it leaves out what else
a price depends on: tier, fast mode, region, hosted tools, audio.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from llm_observer.adapters.fields import Notes, as_name
from llm_observer.adapters.usage import ANTHROPIC, OPENAI, tokens_of
from llm_observer.recordings._hosts import is_claude
from llm_observer.recordings._told import CHAT, MESSAGES, PATHS, Told, address, body_of, region_caveat
from llm_observer.recordings._usage import Counts, usage_of
from llm_observer.recordings.gateways._usage import counts_of, is_anthropic_words, object_of, without_tokens

__all__ = ["passed_on", "path_in"]

_NO_CACHE_COUNTS = "the log does not say how much input was cached: priced as if none was"
_CACHED = frozenset({CHAT, MESSAGES, "/v1/responses", "/v1/completions"})
"""Paths of operations that read from a prompt cache."""
_NO_CHAT = (
    "/responses",
    "/embeddings",
    "/moderations",
    "/rerank",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
)
"""How addresses end whose answer is of another kind than a chat's."""


def path_in(url: object) -> str | None:
    """Where an answer that is no chat's is of, by *url*, an address or a path of any host."""
    try:
        path = urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:  # no URL: a bracket that never closes
        return None
    return next((f"/v1{end}" for end in _NO_CHAT if f"/{path}".rstrip("/").endswith(end)), None)


def passed_on(
    answer: Mapping[str, object],
    columns: Counts,
    provider: object,
    model: str | None,
    /,
    *,
    path: str | None = None,
    requested: str | None = None,
    **more: object,
) -> Told:
    """The call that *model* ended with *answer*. more: fields of `Told`.

    columns: the gateway's own count, for an *answer* without one. path: that the log names, if it is no
    chat's. requested: the model that was asked for.
    """
    own = object_of(answer.get("usage"))
    is_anthropic = is_claude(model) or is_anthropic_words(own)
    at_path = MESSAGES if is_anthropic else path or PATHS.get(str(answer.get("object")), CHAT)
    usage = _usage(own, columns, is_anthropic=is_anthropic)
    cached = None if _knows_cache(usage, at_path) else _NO_CACHE_COUNTS
    fields = {
        "answer": as_name(answer.get("id")),
        "caveat": "; ".join(filter(None, (cached, region_caveat(provider, requested, model)))) or None,
        "model": requested,
        **more,
    }
    return Told(
        url=address(provider, at_path),
        body=body_of(usage, **{**answer, "model": model, "usage": None}),
        **fields,  # type: ignore[arg-type]  # the fields of Told, by name
    )


def _usage(own: dict[str, object], columns: Counts, *, is_anthropic: bool) -> dict[str, object]:
    """*own* where it counts in the wire's words, else its counts or those of *columns* in these words.

    Zeros alone are what a gateway writes where it counted nothing, as of an image or of speech.
    """
    counts = counts_of(own)
    if counts.is_nothing:
        counts = columns
    elif is_anthropic_words(own) == is_anthropic:
        return own
    rest = without_tokens(own)
    return rest if counts.is_nothing else {**rest, **usage_of(counts, is_anthropic=is_anthropic)}


def _knows_cache(usage: Mapping[str, object], path: str) -> bool:
    """Whether *usage* says what was cached, or nothing can have been on *path*."""
    tokens = tokens_of(usage, ANTHROPIC if path == MESSAGES else OPENAI, Notes())
    is_told = tokens is not None and not (tokens.cache_read is None and tokens.cache_write is None)
    return path not in _CACHED or is_told
