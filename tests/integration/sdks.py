"""How does a test get an SDK client that needs neither network nor credentials? From a transport."""

import importlib
import importlib.util
from importlib.metadata import version
from types import ModuleType

from integration.loopback import Script
from integration.transports import transports

SDK_OF = {
    "openai": "openai",
    "azure": "openai",
    "anthropic": "anthropic",
    "bedrock": "anthropic",
    "vertex": "anthropic",
}
KINDS = tuple(SDK_OF)

_CLASSES = {
    "openai": ("OpenAI", "AsyncOpenAI"),
    "azure": ("AzureOpenAI", "AsyncAzureOpenAI"),
    "anthropic": ("Anthropic", "AsyncAnthropic"),
    "bedrock": ("AnthropicBedrock", "AsyncAnthropicBedrock"),
    "vertex": ("AnthropicVertex", "AsyncAnthropicVertex"),
}
_CREDENTIALS = {
    "openai": {"api_key": "sk-none"},
    "azure": {
        "api_key": "none",
        "api_version": "2024-10-21",
        "azure_endpoint": "https://res.openai.azure.com",
    },
    "anthropic": {"api_key": "sk-ant-none"},
    "bedrock": {"aws_access_key": "none", "aws_secret_key": "none", "aws_region": "us-east-1"},
    "vertex": {"access_token": "none", "region": "us-east5", "project_id": "none"},
}
_NEEDS = {"bedrock": "botocore"}
_HTTPX2_SINCE = {"openai": 3, "anthropic": 1}


def sdk_version(sdk):
    """The installed version of *sdk*, as numbers."""
    return tuple(int(part) for part in version(sdk).split(".")[:2])


def transport_module(sdk) -> ModuleType:
    """The HTTP library that the installed *sdk* is built on."""
    return importlib.import_module("httpx2" if sdk_version(sdk)[0] >= _HTTPX2_SINCE[sdk] else "httpx")


def codings(sdk):
    """The content codings that the HTTP library of *sdk* decodes here."""
    decoders = importlib.import_module(f"{transport_module(sdk).__name__}._decoders")
    return tuple(sorted(decoders.SUPPORTED_DECODERS.keys() - {"identity"}))


def missing(kind):
    """The library that this kind of client needs and that is not here, if any."""
    need = _NEEDS.get(kind)
    return need if need is not None and importlib.util.find_spec(need) is None else None


def make_client(kind, *answers, is_async=False, **options):
    """A client of *kind* that gets *answers* in order, or from one callable `Received -> Answer`."""
    respond = answers[0] if len(answers) == 1 and callable(answers[0]) else Script(*answers)
    made = transports(transport_module(SDK_OF[kind]), respond)
    return client_on(kind, made.asynchronous if is_async else made.sync, is_async=is_async, **options)


def client_on(kind, transport, *, is_async=False, **options):
    """A client of *kind* on *transport*, without retries unless *options* say so."""
    module = transport_module(SDK_OF[kind])
    http = (module.AsyncClient if is_async else module.Client)(transport=transport, trust_env=False)
    return real_client(kind, is_async=is_async, **{"http_client": http, **options})


def real_client(kind, *, is_async=False, **options):
    """A client of *kind* on whatever *options* give, such as a loopback server's `base_url`."""
    client = getattr(importlib.import_module(SDK_OF[kind]), _CLASSES[kind][is_async])
    # A timeout of its own: with the default one, anthropic refuses long answers that are not streamed.
    defaults = {"max_retries": 0, "timeout": 60.0, **_CREDENTIALS[kind]}
    if kind == "azure" and "base_url" in options:
        del defaults["azure_endpoint"]
    return client(**{**defaults, **options})
