"""Which address stands for a provider that a log only names? Data, by the names that such tools use."""

import re
from collections.abc import Mapping

from llm_observer.adapters.providers import HOSTS

__all__ = ["UNKNOWN_HOST", "host_of", "is_claude", "is_region_open", "vendor_host_of"]

UNKNOWN_HOST = "unknown.invalid"
"""No host has this name (RFC 2606), so that the provider stays unknown."""
_AZURE = "unknown.openai.azure.com"
_BEDROCK = "bedrock-runtime.amazonaws.com"
_VERTEX = "aiplatform.googleapis.com"
_GEMINI = "generativelanguage.googleapis.com"
_LOCAL = "localhost"
_NAMES: Mapping[str, str] = {
    "amazon-bedrock": _BEDROCK,
    "anthropic-text": "api.anthropic.com",
    "aws-bedrock": _BEDROCK,
    "azure": _AZURE,
    "azure-ai": "models.inference.ai.azure.com",
    "azure-openai": _AZURE,
    "azure-openai-responses": _AZURE,
    "azure-text": _AZURE,
    "bedrock": _BEDROCK,
    "bedrock-converse": _BEDROCK,
    "cohere-chat": "api.cohere.com",
    "fireworks-ai": "api.fireworks.ai",
    "gemini": _GEMINI,
    "github-copilot": "api.githubcopilot.com",
    "google": _GEMINI,
    "google-ai-studio": _GEMINI,
    "google-generative-ai": _GEMINI,
    "google-vertex": _VERTEX,
    "google-vertex-ai": _VERTEX,
    "google-vertex-anthropic": _VERTEX,
    "grok": "api.x.ai",
    "lm-studio": "localhost:1234",
    "lmstudio": "localhost:1234",
    "mistral": "api.mistral.ai",
    "mistralai": "api.mistral.ai",
    "moonshot": "api.moonshot.ai",
    "moonshotai": "api.moonshot.ai",
    "ollama": "localhost:11434",
    "ollama-chat": "localhost:11434",
    "openai-codex": "api.openai.com",
    "openai-native": "api.openai.com",
    "perplexity-ai": "api.perplexity.ai",
    "text-completion-openai": "api.openai.com",
    "together": "api.together.xyz",
    "together-ai": "api.together.xyz",
    "togetherai": "api.together.xyz",
    "vertex": _VERTEX,
    "vertex-ai": _VERTEX,
    "vertex-ai-beta": _VERTEX,
    "vllm": _LOCAL,
    "x": "api.x.ai",
    "xai": "api.x.ai",
}
"""Providers as LiteLLM, Portkey, Helicone, Kong, Cloudflare and coding agents write them, with hyphens.

Lists of the tools' own sources, 2026-11-21: litellm 1.109.1 `LlmProviders`, @earendil-works/pi-ai 0.74.2
`KnownProvider`, models.dev (opencode), developers.cloudflare.com/ai-gateway/usage/providers.
"""
_OWN = {name.replace("_", "-").replace(".", "-"): host for host, name in reversed(tuple(HOSTS.items()))}
"""The names that events show, for the first host of each."""
_VENDORS = (
    (
        re.compile(r"gpt-|chatgpt-|o[1-9](-|$)|ft:(gpt|o[1-9])|text-embedding-[3a]|omni-moderation"),
        "api.openai.com",
    ),
    (re.compile(r"claude-"), "api.anthropic.com"),
    (re.compile(r"gemini-"), _GEMINI),
    (re.compile(r"(mistral|ministral|codestral|magistral|devstral)-"), "api.mistral.ai"),
)
"""Models that one vendor alone names so, at its own service."""
_BY_REGION = frozenset({_BEDROCK, _VERTEX})
"""Hosts that leave out the region, on which the price of Claude depends there."""
_PROFILE = "anthropic."
"""In Bedrock's own names of Claude, which say where they run: `us.anthropic.…`, `global.anthropic.…`."""


def host_of(provider: object) -> str:
    """The host of *provider*, however a tool spells its name; `UNKNOWN_HOST` if the name says nothing."""
    if not isinstance(provider, str):
        return UNKNOWN_HOST
    name = re.sub(r"[^a-z0-9]+", "-", provider.lower()).strip("-")
    return _NAMES.get(name) or _OWN.get(name) or UNKNOWN_HOST


def vendor_host_of(model: object) -> str:
    """The host of the vendor of *model*, for files that can only be of the vendor's own service."""
    name = model if isinstance(model, str) else ""
    return next((host for rule, host in _VENDORS if rule.match(name)), UNKNOWN_HOST)


def is_claude(model: object) -> bool:
    """Whether *model* is one of Anthropic's, whoever runs it."""
    return isinstance(model, str) and "claude" in model.lower()


def is_region_open(provider: object, *models: object) -> bool:
    """Whether the price at *provider* depends on a region that none of *models*, names of one, tells."""
    is_open = host_of(provider) in _BY_REGION and any(map(is_claude, models))
    return is_open and not any(_PROFILE in str(model) for model in models)
