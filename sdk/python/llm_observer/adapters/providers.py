"""Whose host is it? Tables: host to provider name.

Names are OpenTelemetry's (`gen_ai.provider.name`, docs/events.md names the commit) where it has one,
else the vendor's plain name.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from llm_observer.call import Server

__all__ = ["Place", "place_of"]

UNKNOWN = "unknown"
LOCAL = "local"
HOSTS: Mapping[str, str] = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "models.inference.ai.azure.com": "azure.ai.inference",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.x.ai": "x_ai",
    "api.mistral.ai": "mistral_ai",
    "codestral.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.perplexity.ai": "perplexity",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.moonshot.ai": "moonshot_ai",
    "api.moonshot.cn": "moonshot_ai",
    "openrouter.ai": "openrouter",
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api-inference.together.ai": "together",
    "api.cerebras.ai": "cerebras",
    "api.fireworks.ai": "fireworks",
    "router.huggingface.co": "huggingface",
    "api-inference.huggingface.co": "huggingface",
    "ai-gateway.vercel.sh": "vercel",
    "api.z.ai": "zai",
    "open.bigmodel.cn": "zai",
    "api.cloudflare.com": "cloudflare",
    "gateway.ai.cloudflare.com": "cloudflare",
    "api.voyageai.com": "voyage",
    "ollama.com": "ollama",
    "api.portkey.ai": "portkey",
    "gateway.pydantic.dev": "pydantic-gateway",
    "api.avian.io": "avian",
    "api.inference.crusoecloud.com": "crusoe",
    "api.deepinfra.com": "deepinfra",
    "api.novita.ai": "novita",
    "api.studio.nebius.com": "nebius",
    "api.tokenfactory.nebius.com": "nebius",
    "api.sambanova.ai": "sambanova",
    "api.hyperbolic.xyz": "hyperbolic",
    "integrate.api.nvidia.com": "nvidia",
    "models.github.ai": "github",
    "api.githubcopilot.com": "github",
    "dashscope.aliyuncs.com": "alibaba",
    "dashscope-intl.aliyuncs.com": "alibaba",
    "api.minimax.io": "minimax",
    "api.ai21.com": "ai21",
    "api.aimlapi.com": "aimlapi",
    "api.inference.net": "inference.net",
    "inference.baseten.co": "baseten",
    "api.lambda.ai": "lambda",
    "api.replicate.com": "replicate",
    "api.upstage.ai": "upstage",
    "api.writer.com": "writer",
    "api.meta.ai": "meta_ai",
    "api.siliconflow.com": "siliconflow",
    "api.siliconflow.cn": "siliconflow",
}
REGIONAL: Mapping[str, str] = {"??.api.openai.com": "openai", "??.openrouter.ai": "openrouter"}
"""Hosts with a vendor's region in their name, which says nothing of the customer."""
PATTERNS: Mapping[str, str] = {
    "*.openai.azure.com": "azure.ai.openai",
    "*.cognitiveservices.azure.com": "azure.ai.openai",
    "*.services.ai.azure.com": "azure.ai.openai",
    "*.models.ai.azure.com": "azure.ai.inference",
    "*.inference.ml.azure.com": "azure.ai.inference",
    "bedrock-*.amazonaws.com": "aws.bedrock",
    "bedrock-*.amazonaws.com.cn": "aws.bedrock",
    "bedrock-*.api.aws": "aws.bedrock",
    "*.bedrock-*.vpce.amazonaws.com": "aws.bedrock",
    "*aiplatform.googleapis.com": "gcp.vertex_ai",
    "aiplatform.*.rep.googleapis.com": "gcp.vertex_ai",
    "*.ml.cloud.ibm.com": "ibm.watsonx.ai",
    "*.endpoints.huggingface.cloud": "huggingface",
    "*.snowflakecomputing.com": "snowflake",
    "*.azuredatabricks.net": "databricks",
    "*.cloud.databricks.com": "databricks",
    "*.gcp.databricks.com": "databricks",
    "*.inference.heroku.com": "heroku",
}
"""Hosts with a customer's resource, an account or a region in their name: shown as a hash only."""
CLIENTS: Mapping[str, str] = {
    "AzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
}
"""What a client's class says of a host that is no vendor's own; an `Async` in front is cut."""
LOCAL_PORTS = {11434: "ollama", 1234: "lmstudio"}
"""Servers that are known by the port they take on one's own machine."""
_OWN_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """Who was called. hidden: host that an event shows as a hash only."""

    provider: str
    server: Server | None
    hidden: str | None


def place_of(url: str, client: str | None) -> Place:
    """Who answers at *url*, called through a client of class *client*."""
    host, port, scheme = _parts(url)
    shown_port = None if port == _OWN_PORTS.get(scheme) else port
    if _is_loopback(host):
        return Place(LOCAL_PORTS.get(port or 0, LOCAL), Server(address=host, port=shown_port), None)
    named = CLIENTS.get((client or "").removeprefix("Async"))
    pattern = _pattern_of(host)
    vendor = HOSTS.get(host) or REGIONAL.get(pattern)
    if vendor is not None:
        return Place(vendor, Server(address=host, port=shown_port), None)
    server = Server(port=shown_port) if shown_port is not None else None
    return Place(named or PATTERNS.get(pattern, UNKNOWN), server, host or None)


def _parts(url: str) -> tuple[str, int | None, str]:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").rstrip("."), parts.port, parts.scheme
    except ValueError:  # no URL: a bracket that never closes, a port that is no number
        return "", None, ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@lru_cache(maxsize=1024)
def _pattern_of(host: str) -> str:
    """The pattern that *host* fits, empty if none."""
    return next((pattern for pattern in (*REGIONAL, *PATTERNS) if fnmatchcase(host, pattern)), "")
