"""Which text fields does a multipart form have? Enough of RFC 7578 to find a model's name."""

import re

from llm_observer.adapters.fields import clean

__all__ = ["form_fields"]

MAX_VALUE = 512
MAX_HEAD = 4096
_NAME = re.compile(
    rb'content-disposition:[^\r\n]*?[; ]name="?([A-Za-z0-9_\[\].-]{1,80})"?(?=[;\r\n])', re.IGNORECASE
)


def form_fields(body: bytes) -> dict[str, str]:
    """Names and values of the short fields of *body*; uploaded files are left out."""
    boundary = body.split(b"\r\n", 1)[0].split(b"\n", 1)[0]
    if len(boundary) <= len(b"--") or not boundary.startswith(b"--"):
        return {}
    parts = (_field(part) for part in body.split(boundary)[1:])
    return dict(part for part in parts if part is not None)


def _field(part: bytes) -> tuple[str, str] | None:
    head, found, value = part.partition(b"\r\n\r\n")
    if not found:
        head, found, value = part.partition(b"\n\n")
    name = _NAME.search(head[:MAX_HEAD] + b"\r\n")
    if name is None or b"filename" in head.lower() or len(value) > MAX_VALUE:
        return None
    return name[1].decode("ascii"), clean(value.decode("utf-8", "replace").rstrip("\r\n"))
