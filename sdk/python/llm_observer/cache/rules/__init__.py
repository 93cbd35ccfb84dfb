"""Which caching rule holds for a call? One function; the rules are data in the modules beside it."""

from llm_observer.cache.rules._names import claude_of, gpt_of, is_family, is_not_chat, parse
from llm_observer.cache.rules._spec import Rule, RuleId
from llm_observer.cache.rules.anthropic import COMPATIBLE, claude_rule
from llm_observer.cache.rules.deepseek import deepseek_rule
from llm_observer.cache.rules.generic import generic_rule
from llm_observer.cache.rules.openai import gpt_rule
from llm_observer.call import LLMCall

__all__ = ["Rule", "RuleId", "rule_for", "rule_of"]


def rule_of(call: LLMCall, at_s: float) -> Rule | None:
    """The rule for *call*, made at *at_s*: by the model that answered, if its name tells a family.

    The requested name may be an alias: a deployment's, a profile's, a gateway's.
    """
    names = [name for name in (call.model_responded, call.model_requested) if name]
    known = (name for name in names if is_family(parse(name).base))
    model = next(known, names[-1] if names else None)
    return None if model is None else rule_for(call.provider, call.wire, model, at_s)


def rule_for(provider: str, wire: str, model: str, at_s: float) -> Rule | None:
    """The rule for *model* at *provider*, None if nothing is known (an embeddings model, a private name).

    provider: OpenTelemetry name, as in an event. at_s: when the call was made, seconds since the epoch.
    """
    vendor, base = parse(model)
    if is_not_chat(base):
        return None
    if claude := claude_of(base):
        return claude_rule(provider, *claude, at_s)
    version = gpt_of(base)
    if version is not None:
        return gpt_rule(base, version)
    if provider == "deepseek":
        return deepseek_rule(at_s)
    if wire == "anthropic" and provider in COMPATIBLE:
        return COMPATIBLE[provider]
    return generic_rule(provider, vendor, base, at_s)
