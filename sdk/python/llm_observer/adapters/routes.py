"""Which operation is a path? A table for the known ones, the nouns of the path for all others."""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from llm_observer.wire import Exchange

__all__ = ["Route", "route_of"]

OPERATIONS = {
    "chat/completions": "chat",
    "messages/count_tokens": "count_tokens",
    "count-tokens": "count_tokens",
    "messages": "chat",
    "responses/compact": "responses.compact",
    "responses/input_tokens": "responses.input_tokens",
    "responses": "responses",
    "completions": "text_completion",
    "complete": "text_completion",
    "embeddings": "embeddings",
    "moderations": "moderations",
    "images/generations": "images.generations",
    "images/edits": "images.edits",
    "images/variations": "images.variations",
    "audio/speech": "audio.speech",
    "audio/transcriptions": "audio.transcriptions",
    "audio/translations": "audio.translations",
    "rerank": "rerank",
    "chat": "chat",  # Writer, Cohere
    "prompts/{id}/completions": "chat",  # Portkey: a stored prompt
    "threads/runs": "threads.runs",
    "threads/{id}/runs": "threads.runs",
}
"""How the path of a POST ends, ids replaced, and what it does."""
_LONGEST = 3
"""Parts of the longest row."""
SOCKET_OPERATIONS = {
    "/responses": "responses",
    "/realtime": "realtime",
    "/realtime/transcriptions": "audio.transcriptions",
    "/realtime/translations": "realtime.translations",
    "/live": "live",
    "/live/decisions": "live.decisions",
}
"""What an answer on a WebSocket is, by its route: one socket carries several kinds."""
_SOCKET_SCHEMES = ("ws:", "wss:")
_BEDROCK = re.compile(
    r"/model/([^/]+)/(invoke|invoke-with-response-stream|converse|converse-stream|count-tokens)$"
)
_VERTEX = re.compile(r"/publishers/[^/]+/models/([^/]+):(\w+)$")
_AZURE = re.compile(r"/openai/deployments/([^/]+)/")
_IN_PATH = (_BEDROCK, _VERTEX, _AZURE)
_STREAMING = ("invoke-with-response-stream", "converse-stream", "streamRawPredict")
_NOUNS = frozenset(
    re.findall(
        r"\w+",
        """
    agents assistants audio audit_logs batches calls certificates chat checkpoints client_secrets clips
    completions compact containers content conversations costs cancel credentials deployments edits embeddings
    environments evals events experimental file_batches files fine_tuning generations graders groups images
    input_items input_tokens invites items jobs live memory_stores messages models moderations organization
    output_items pause permissions projects prompts realtime rerank responses results resume roles runs search
    sessions skills speech steps threads transcription_sessions transcriptions translations uploads usage
    user_profiles users variations vaults vector_stores versions videos voices webhooks
    """,
    )
)
"""Parts of a path that name a resource or what is done to it. Any other one is an id, or says nothing."""
_FIXED = re.compile(
    r"(v[0-9]{1,2}((alpha|beta)[0-9]{0,2})?|api|openai|anthropic|beta|model|complete|count_tokens|count-tokens|accept|archive"
    r"|decisions|fork|hangup|refer|reject|submit_tool_outputs|work|parts|invoke|invoke-with-response-stream"
    r"|converse|converse-stream)?"
)


class Route(NamedTuple):
    """What a path says.

    template: the path without ids. model: named in the path (Bedrock, Vertex, an Azure deployment).
    is_stream: True where the path asks for a stream, None where it says nothing. is_invoke: a model of any
    family is invoked on Bedrock. end: the last part of the path, an id where an object is asked for by it.
    """

    operation: str
    template: str
    model: str | None = None
    is_stream: bool | None = None
    is_invoke: bool = False
    end: str = ""


def route_of(exchange: Exchange) -> Route:
    """What the path that was sent says; the template is of the path that the SDK's method names."""
    sent = _path(exchange.url)
    asked = _path(exchange.options.route) or sent
    found = next((found for rule in _IN_PATH if (found := rule.search(sent or asked))), None)
    on_bedrock = _BEDROCK.search(sent)
    return Route(
        operation=_on_socket(exchange)
        or _operation(exchange.options.method.upper(), sent or asked, on_bedrock),
        template=_template(asked)[:200],
        model=unquote(found[1]) if found else None,
        is_stream=True if sent.endswith(_STREAMING) else None,
        is_invoke=on_bedrock is not None,
        end=unquote((sent or asked).rpartition("/")[2]),
    )


def _on_socket(exchange: Exchange) -> str | None:
    is_socket = exchange.url.startswith(_SOCKET_SCHEMES)
    return SOCKET_OPERATIONS.get(exchange.options.route) if is_socket else None


def _path(url: str) -> str:
    try:
        return re.sub(r"/{2,}", "/", urlsplit(url).path).rstrip("/")
    except ValueError:  # no URL: a bracket that never closes
        return ""


def _template(path: str) -> str:
    return "/".join(part if part in _NOUNS or _FIXED.fullmatch(part) else "{id}" for part in path.split("/"))


def _operation(method: str, path: str, on_bedrock: re.Match[str] | None) -> str:
    if on_bedrock is not None:
        return "count_tokens" if on_bedrock[2] == "count-tokens" else "invoke"
    on_vertex = _VERTEX.search(path)
    if on_vertex is not None:
        return "count_tokens" if on_vertex[1] == "count-tokens" else "chat"
    parts = _template(_AZURE.sub("/", path)).strip("/").split("/")
    for length in range(_LONGEST, 0, -1):
        operation = OPERATIONS.get("/".join(parts[-length:]))
        if method == "POST" and operation and not _is_below_an_id(parts[:-length]):
            return operation
    nouns = [part for part in parts if part in _NOUNS]
    return f"{'.'.join(nouns) or 'unknown'}:{method.lower()}"


def _is_below_an_id(above: list[str]) -> bool:
    """`/threads/{id}/messages` is no chat: the same word names another resource there."""
    return above[-1:] == ["{id}"] and any(part in _NOUNS for part in above)
