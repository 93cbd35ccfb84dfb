"""What did the user say last, and what was the answer's text? Only asked for where the app opted in."""

from collections.abc import Iterable, Sequence

import msgspec

from llm_observer.adapters.fields import loads

__all__ = ["newest_user_text", "plain"]

_TEXT_KINDS = (None, "text", "input_text", "output_text", "refusal")


def newest_user_text(messages: Sequence[msgspec.Raw]) -> str | None:
    """The text of the last of *messages* that a user wrote; a prompt that is one text is his."""
    for raw in reversed(messages):
        message = loads(bytes(raw))
        if isinstance(message, str):
            return message
        if isinstance(message, dict) and message.get("role") == "user":
            text = plain(message.get("content"))
            if text:
                return text
    return None


def plain(content: object) -> str | None:
    """The text in *content*, which is a text or a list of parts; None where there is none."""
    if isinstance(content, str):
        return content or None
    if not isinstance(content, list):
        return None
    return joined(_of_part(part) for part in content)


def joined(texts: Iterable[str | None]) -> str | None:
    """*texts* as one, None where there are none."""
    return "".join(text for text in texts if text) or None


def _of_part(part: object) -> str | None:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("type") not in _TEXT_KINDS:
        return None
    for name in ("text", "refusal"):
        text = part.get(name)
        if isinstance(text, str):
            return text
    return None
