"""Which forms of records are known, beside those of HTTP recorders and our own? A row for each."""

from llm_observer.recordings import batches
from llm_observer.recordings._form import Form
from llm_observer.recordings.agents import claude_code, cline, codex, gemini_cli, opencode, pi
from llm_observer.recordings.gateways import cloudflare, envoy, helicone, kong, litellm, openrouter, portkey

__all__ = ["FORMS"]

FORMS: tuple[Form, ...] = (
    batches.OPENAI,
    batches.ANTHROPIC,
    batches.INPUT,
    litellm.FORM,
    openrouter.FORM,
    openrouter.ACTIVITY,
    helicone.FORM,
    portkey.FORM,
    cloudflare.FORM,
    kong.FORM,
    envoy.FORM,
    claude_code.FORM,
    codex.FORM,
    pi.FORM,
    gemini_cli.FORM,
    opencode.FORM,
    cline.FORM,
)
"""In the order in which they are asked; no object fits two."""
