"""How is a recorded request sent again? Through the SDK client and method that fit it.

`plan` reads a recording and gives a `Plan`; `send` makes the call. Where the SDK has a method of its
own for the route, and the recorded body fits its signature, that one is used; else the client's own
`post`, `get` or `delete`, which take the same way through the SDK.
"""

import base64
import copy
import importlib
import inspect
import json
import re
from operator import attrgetter
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from integration.sdks import SDK_OF, real_client

Surface = Literal["plain", "raw", "streaming"]

TYPED = {
    "openai": {
        "/chat/completions": "chat.completions.create",
        "/completions": "completions.create",
        "/responses": "responses.create",
        "/responses/compact": "responses.compact",
        "/responses/input_tokens": "responses.input_tokens.count",
        "/embeddings": "embeddings.create",
        "/moderations": "moderations.create",
        "/images/generations": "images.generate",
        "/images/edits": "images.edit",
        "/images/variations": "images.create_variation",
        "/audio/speech": "audio.speech.create",
        "/audio/transcriptions": "audio.transcriptions.create",
        "/audio/translations": "audio.translations.create",
        "/files": "files.create",
        "/threads": "beta.threads.create",
    },
    "anthropic": {
        "/v1/messages": "messages.create",
        "/v1/messages?beta=true": "beta.messages.create",
        "/v1/messages/count_tokens": "messages.count_tokens",
        "/v1/complete": "completions.create",
    },
}
_PLACEHOLDERS = {
    "<AWS_REGION>": "us-east-1",
    "<OLLAMA_API_BASE>": "http://localhost:11434/v1",
    "<GPUSTACK_API_BASE>": "http://gpustack.example/v1",
}
_RAW = {"raw": "true", "streaming": "stream"}
_INVOKE = re.compile(r"/model/([^/]+)/invoke(-with-response-stream)?$")
_VERTEX = re.compile(r"/projects/([^/]+)/locations/([^/]+)/publishers/anthropic/models/([^:]+):(\w+)$")
_DEPLOYMENT = re.compile(r"(.*)/openai(?:/deployments/([^/]+))?(/(?!v1/).+)$")


class Plan(NamedTuple):
    """One call to make.

    client: options of the client. typed: dotted name of the SDK's method, None for the general one.
    body: the fields of the request. files: parts of an upload, by field name.
    """

    kind: str
    client: dict[str, str]
    method: str
    route: str
    typed: str | None
    body: dict[str, Any] | None
    files: list[tuple[str, tuple[str, bytes, str]]]

    @property
    def is_stream(self):
        return bool(self.body and self.body.get("stream") is True)

    @property
    def arguments(self):
        """The body, and what is uploaded under its field's name."""
        return {**(self.body or {}), **dict(self.files)}


def plan(recorded, wire):
    """The call that makes the request of *recorded*, which is of *wire*."""
    request = recorded["request"]
    url = request["url"]
    for placeholder, value in _PLACEHOLDERS.items():
        url = url.replace(placeholder, value)
    parts = urlsplit(url)
    body, files = _body_of(request)
    make = _vertex if "/publishers/anthropic/models/" in parts.path else _PLANS[wire]
    kind, client, route, extra = make(f"{parts.scheme}://{parts.netloc}", parts.path, body or {})
    if parts.query and "api-version" not in parts.query:
        route = f"{route}?{parts.query}"
    if extra:
        body = {**(body or {}), **extra}
    typed = TYPED[SDK_OF[kind]].get(route) if request["method"] == "POST" else None
    made = Plan(kind, client, request["method"], route, typed, body, files)
    return made if typed and _fits(made) else made._replace(typed=None)


def _vertex(host, path, body):
    project, region, model, verb = _VERTEX.search(path).groups()
    stream = {"stream": True} if verb == "streamRawPredict" else {}
    body.pop("anthropic_version", None)
    return "vertex", {"project_id": project, "region": region}, "/v1/messages", {"model": model, **stream}


def _bedrock(host, path, body):
    client = {"aws_region": re.search(r"runtime\.([a-z0-9-]+)\.", host)[1]}
    invoked = _INVOKE.search(path)
    if invoked is None or "messages" not in body:
        return "bedrock", client, path, {}
    body.pop("anthropic_version", None)
    stream = {"stream": True} if invoked[2] else {}
    return "bedrock", client, "/v1/messages", {"model": unquote(invoked[1]), **stream}


def _anthropic(host, path, body):
    base, _, rest = path.rpartition("/v1/")
    return "anthropic", {"base_url": host + base}, f"/v1/{rest}", {}


def _openai(host, path, body):
    azure = _DEPLOYMENT.match(path) if host.endswith(".azure.com") and "//" not in path else None
    if azure is not None:
        return _azure(host + azure[1], azure[2], azure[3], body)
    route = next((r for r in sorted(TYPED["openai"], key=len, reverse=True) if path.endswith(r)), None)
    if route is None:
        base, _, rest = path.rpartition("/v1/")
        return "openai", {"base_url": f"{host}{base}/v1"}, f"/{rest}", {}
    return "openai", {"base_url": host + path.removesuffix(route)}, route, {}


def _azure(endpoint, deployment, route, body):
    client = {"azure_endpoint": endpoint}
    if deployment is not None and body.get("model", deployment) != deployment:
        client["azure_deployment"] = deployment
    return "azure", client, route, {"model": deployment} if "model" not in body and deployment else {}


_PLANS = {"openai": _openai, "anthropic": _anthropic, "bedrock_invoke": _bedrock}


def _body_of(request):
    content = bytes_of(request)
    if not content:
        return None, []
    try:
        return json.loads(content), []
    except ValueError:
        return _form(content, request)


def bytes_of(message):
    """The body of a recorded request or answer."""
    if "body_b64" in message:
        return base64.b64decode(message["body_b64"])
    return (message.get("body_text") or "").encode()


def _form(content, request):
    kind = next(value for name, value in request["headers"] if name.lower() == "content-type")
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    fields, files = {}, []
    for part in content.split(b"--" + boundary)[1:-1]:
        head, _, value = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)[1].decode()
        filename = re.search(rb'filename="([^"]*)"', head)
        if filename is None:
            fields[name] = value.decode()
        else:
            files.append((name, (filename[1].decode(), value, "application/octet-stream")))
    return fields, files or [("file", ("file", b"", "application/octet-stream"))]


def _fits(plan):
    """The SDK's own method takes these arguments: all that it requires, none under an unknown name."""
    method = _method(real_client(plan.kind, **plan.client), plan.typed)
    if method is None:
        return False
    names = inspect.signature(method).parameters
    required = {n for n, p in names.items() if p.default is p.empty and p.kind is p.KEYWORD_ONLY}
    is_known = all(name in names for name, _ in plan.files)
    return is_known and required <= plan.arguments.keys()


def _method(client, typed):
    try:
        return attrgetter(typed)(client)
    except AttributeError:  # this version of the SDK has no such method
        return None


def arguments_of(plan):
    """A fresh copy of what an app would pass to the SDK's method."""
    return copy.deepcopy(plan.arguments)


def send(client, plan, surface: Surface, arguments):
    """Make the call; what the SDK gives back (for an async client: to be awaited)."""
    return (_send_typed if plan.typed else _send_general)(client, plan, surface, arguments)


def _send_typed(client, plan, surface, arguments):
    owner, _, name = plan.typed.rpartition(".")
    resource = attrgetter(owner)(client)
    names = inspect.signature(getattr(resource, name)).parameters
    if surface != "plain":
        resource = getattr(resource, f"with_{surface}_response")
    known = {key: value for key, value in arguments.items() if key in names}
    if extra := {key: value for key, value in arguments.items() if key not in names}:
        known["extra_body"] = extra
    return getattr(resource, name)(**known)


def _send_general(client, plan, surface, arguments):
    sdk = importlib.import_module(SDK_OF[plan.kind])
    constants = importlib.import_module(f"{sdk.__name__}._constants")
    headers = {constants.RAW_RESPONSE_HEADER: _RAW[surface]} if surface in _RAW else {}
    kwargs: dict[str, Any] = {"cast_to": object, "options": {"headers": headers}}
    if plan.method == "GET":
        return client.get(plan.route, **kwargs)
    if plan.files:
        headers["Content-Type"] = "multipart/form-data"
        kwargs["files"] = plan.files
    if plan.is_stream:
        is_async = type(client).__name__.startswith("Async")
        stream_cls = sdk.AsyncStream if is_async else sdk.Stream
        kwargs |= {"stream": True, "stream_cls": stream_cls[object]}
    names = [name for name, _ in plan.files]
    body = {key: value for key, value in arguments.items() if key not in names} or None
    return getattr(client, plan.method.lower())(plan.route, body=body, **kwargs)
