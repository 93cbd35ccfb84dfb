"""Which model does a name mean? Routes, regions, dates and versions taken off."""

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["ModelName", "Version", "claude_of", "gpt_of", "is_family", "is_not_chat", "parse"]

Version = tuple[int, int]
REGIONS = re.compile(r"^(?:us-gov|us|eu|apac|au|ca|jp|sa|global)\.")
VENDORS = re.compile(r"^(anthropic|openai|deepseek|xai|mistral|google|meta|amazon|qwen|moonshotai?|zai)\.")
NOT_CHAT = re.compile(
    r"embed|moderation|whisper|transcri|\btts\b|-tts|dall-e|image|imagine|\bsora\b|rerank|realtime|ocr"
)
"""Models that answer no prompt of text, or hold a session open: there is no prompt cache to speak of."""
CLAUDE = re.compile(
    r"^claude-(opus|sonnet|haiku|fable|mythos)-(?:(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?|(preview))"
)
CLAUDE_3 = re.compile(r"^claude-(\d)(?:-(\d)(?!\d))?-(opus|sonnet|haiku)")
GPT = re.compile(r"^gpt-(\d{1,2})(?!\d)(?:\.(\d{1,2})(?!\d))?(?:-|$)")
NO_NUMBER = re.compile(r"^(?:o\d(?:-|$)|gpt-4o|chatgpt-|codex-mini|computer-use-preview)")
NO_VERSION: Version = (0, 0)
FIRST_CACHED: Version = (4, 1)
FAMILIES = ("gemini", "grok", "deepseek")
PREVIEW: Version = (4, 99)
"""Mythos Preview came before Mythos 5."""


class ModelName(NamedTuple):
    """vendor: who made it, where the name says so (`x-ai/…`, `anthropic.…`). base: the name alone."""

    vendor: str
    base: str


@lru_cache(maxsize=1024)
def parse(model: str) -> ModelName:
    """*model* without route, region, fine-tuning, dates after `@` and variants after `:`."""
    name = model.strip().lower().removeprefix("ft:")  # ft:gpt-4o-2024-08-06:org::id
    if name.startswith("arn:"):  # …:inference-profile/us.anthropic.claude-…
        name = name.rpartition("/")[2]
    route, _, name = name.rpartition("/")
    vendor = route.rpartition("/")[2].lstrip("~")
    name = REGIONS.sub("", re.split("[@:]", name, maxsplit=1)[0])
    found = VENDORS.match(name)
    if found is None:
        return ModelName(vendor, name)
    return ModelName(found[1], name[found.end() :])


def claude_of(base: str) -> tuple[str, Version] | None:
    """Family and version of a Claude model, None if it is none or too old for caching."""
    name = base.replace(".", "-")
    if found := CLAUDE.match(name):
        version = PREVIEW if found[4] else (int(found[2]), int(found[3] or 0))
        return found[1], version
    if found := CLAUDE_3.match(name):
        return found[3], (int(found[1]), int(found[2] or 0))
    return None


def gpt_of(base: str) -> Version | None:
    """Version of an OpenAI model; (0, 0) where the name has none; None if it is not theirs to serve.

    gpt-oss is open weights: whoever serves it has a cache of their own. Models before GPT-4o have none.
    """
    if NO_NUMBER.match(base):
        return NO_VERSION
    found = GPT.match(base)
    if found is None:
        return None
    version = int(found[1]), int(found[2] or 0)
    return version if version >= FIRST_CACHED else None


def is_family(base: str) -> bool:
    """Whether the name tells a family whose caching has rules of its own, wherever it is served."""
    return claude_of(base) is not None or gpt_of(base) is not None or base.startswith(FAMILIES)


def is_not_chat(base: str) -> bool:
    """Whether no prompt cache can be spoken of: embeddings, speech, images, moderation."""
    return NOT_CHAT.search(base) is not None
