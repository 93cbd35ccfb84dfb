"""What do the codes on an event mean, and what is to be done about them? One table."""

from collections.abc import Mapping

__all__ = ["EVENT_CODES"]

EVENT_CODES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "cost status": {
        "exact": ("Every token that was billed has a price that is known.", ""),
        "estimated": (
            "Something about the cost was assumed; it is in the sums, and `note` says what.",
            "Read `llm_call.cost.note`; a private price (docs/cost.md) ends the doubt about a price.",
        ),
        "bound": (
            "A fact is missing: a cache write's lifetime, an image's size, a rate of audio, part of a file.",
            "The sum is a bound, `note` says which fact it is.",
        ),
        "unknown_model": (
            "No price is known for the model: the call is counted apart, never as zero.",
            "`llm-observer prices MODEL` shows close names; set prices={…}, or pip install -U genai-prices.",
        ),
        "usage_absent": (
            "The answer has no usage: a stream that did not ask for it or was left early, or a failure.",
            'For OpenAI streams pass stream_options={"include_usage": True}.',
        ),
        "tier_unpriced": (
            "The answer came from a service tier, speed or region whose price is not known.",
            "Set a private price with `tiers`, docs/cost.md.",
        ),
        "not_billed": ("Nothing is billed: an error, a count of tokens, or a usage counted before.", ""),
    },
    "reason of an unknown cost": {
        "usage_not_requested": (
            "An OpenAI stream that did not ask for its usage.",
            'Pass stream_options={"include_usage": True}; the request is never changed for you.',
        ),
        "stream_cut_short": (
            "A stream that ended before its usage came; the provider bills what it generated.",
            "Read streams to their end where the cost matters.",
        ),
        "not_priced": (
            "The event has no cost part: it was written by something that does not price, or after a fault.",
            "Look at `faults` in llm_observer.stats().",
        ),
    },
    "cache verdict": {
        "first": ("Nothing like this prompt was seen before.", ""),
        "hit": ("All that could be reused was read from the cache.", ""),
        "harmless": ("Something changed, behind all that could be reused.", ""),
        "partial": ("Less was read than the structure allows, and nothing explains the rest.", ""),
        "breaker": (
            "A change of the prompt or of a setting ended the reuse.",
            "`llm-observer cache FILE` names the change, its place and its price.",
        ),
        "compaction": (
            "The history was replaced by a summary.",
            "Compact seldom: each time the whole prompt is paid anew.",
        ),
        "ttl": (
            "The lifetime of the cache entry was over.",
            "Ask for a longer one, or call more often: `llm-observer cache FILE --what-if ttl=best`.",
        ),
        "concurrent": (
            "The call that wrote the entry had not begun to answer.",
            "Send one call first, and the others when its answer has begun.",
        ),
        "look_back": (
            "The last breakpoint was too many blocks away for the provider to find the entry.",
            "Set a breakpoint at least every 20 blocks (Anthropic).",
        ),
        "not_enabled": (
            "The request did not ask for caching.",
            "Set cache_control (Anthropic) on the last stable block.",
        ),
        "too_short": ("The prompt is below the least size that the provider caches for this model.", ""),
        "key_accounting": (
            "Another `prompt_cache_key` counts it as a miss.",
            "Keep the key per conversation.",
        ),
        "unexplained": (
            "A prompt that could be read was not: caches live on single machines.",
            "On OpenAI a prompt_cache_key per conversation leads calls to one machine.",
        ),
        "unknown": ("The usage does not tell what was read from the cache.", ""),
    },
    "source of a cache entry": {
        "elsewhere": (
            "The cache was filled by calls that this process did not see, or by a hosted tool's own passes.",
            "",
        ),
    },
    "cause of missed tokens": {
        "routing": (
            "Nothing of the prompt's explains the miss: the call met a machine without the entry.",
            "On OpenAI set a prompt_cache_key per conversation.",
        ),
    },
    "label of a token count": {
        "exact": ("The provider counted it.", ""),
        "calibrated": ("It lies between two counts of the provider.", ""),
        "prior": ("It was estimated before the provider had counted anything.", ""),
    },
    "ending of a call": {
        "complete": ("The answer came to its end.", ""),
        "closed_early": ("The app left the stream.", "What was generated is billed: its usage is unknown."),
        "cancelled": ("The task was cancelled, or the program interrupted.", ""),
        "error": ("The app got an exception or an error status.", "`llm_call.error` says which."),
        "truncated": ("The connection ended before the answer did.", "Look at timeouts of proxies."),
        "local": ("Answered without HTTP, by a middleware; it costs nothing.", ""),
        "open_at_exit": ("It was still open when the process ended.", "Close streams before the end."),
    },
    "note on a call": {
        "request_not_kept": ("The body of the request is an upload or a stream, and is not kept.", ""),
        "request_undecodable": ("The body of the request has a coding that cannot be undone.", ""),
        "request_truncated": (
            "The body of the request is larger than what is kept.",
            "Raise max_exchange_bytes.",
        ),
        "request_not_json": ("The body of the request is not JSON.", ""),
        "request_wrong_type": ("A field of the request has another type than documented; it is absent.", ""),
        "response_undecodable": ("The answer has a coding that cannot be undone.", ""),
        "response_truncated": ("The answer is larger than what is kept.", "Raise max_exchange_bytes."),
        "response_not_json": ("The answer is not JSON.", "A proxy may have answered instead."),
        "response_wrong_type": ("A field of the answer has another type than documented; it is absent.", ""),
        "usage_wrong_type": ("A count in the usage is no whole number; it is absent.", ""),
        "asked_elsewhere": (
            "The answer to a background request that this process did not make: its cost counts here.",
            "If the other process fetches it too, both count it.",
        ),
        "stream_events_not_json": ("Some events of the stream are not JSON; the others count.", ""),
    },
    "type of an event": {
        "llm_call": ("One answer of a provider, or one failed call.", ""),
        "tool_call": ("A tool that the app ran.", ""),
        "agent_step": ("A step of an agent.", ""),
        "function_call": ("A function of the app.", ""),
        "diagnostic": ("A warning, log record or exception of the app, or a test event.", ""),
        "policy_violation": ("A policy found something.", ""),
        "policy_decision": ("A policy decided.", ""),
        "metric": ("One measured number.", ""),
        "custom": ("An event of the app's own.", ""),
    },
    "severity": {
        "debug": ("Of use to who looks for a fault.", ""),
        "info": ("As it should be.", ""),
        "warning": ("Something to look at.", ""),
        "error": ("Something failed.", ""),
        "critical": ("The app cannot go on.", ""),
    },
    "decision of a policy": {
        "allow": ("The call went on.", ""),
        "block": ("The call was stopped.", ""),
        "log": ("The call went on, and was noted.", ""),
    },
    "wire": {
        "openai": ("OpenAI's format, also of the many compatible providers.", ""),
        "anthropic": ("Anthropic's format, also on Bedrock and Vertex.", ""),
        "bedrock_invoke": ("Bedrock's InvokeModel, around a vendor's own format.", ""),
        "unknown": ("No known format: only method, path, status and times are told.", ""),
    },
    "tier of a price": {
        "standard": ("The list price, where the answer names no other tier.", ""),
        "batch": ("A batch job, at about half the price.", ""),
        "flex": ("Slower, at about half the price (OpenAI), or at no other price (Groq).", ""),
        "priority": ("Faster, at a higher price.", ""),
        "fast": ("A faster mode of the model, at a higher price.", ""),
        "region": ("Processing that is bound to a region, at a surcharge.", ""),
    },
    "part of a cost": {
        "input": ("Input that was not read from the cache, and not written to it.", ""),
        "cache_read": ("Input that was read from the cache.", ""),
        "cache_write": ("Input that was written to the cache.", ""),
        "output": ("Output, reasoning included.", ""),
        "server_tools": ("Hosted tools, such as web search.", ""),
        "unsplit": ("Figures of providers that state a sum alone.", ""),
    },
    "piece of a prompt": {
        "tool": ("The definition of a tool.", ""),
        "schema": ("The form that the answer has to have.", ""),
        "system": ("Instructions: a system prompt.", ""),
        "developer": ("Instructions, by OpenAI's newer name.", ""),
        "user": ("What the user says.", ""),
        "assistant": ("What the model said.", ""),
        "thinking": ("What the model thought.", ""),
        "tool_use": ("A call of a tool by the model.", ""),
        "tool_result": ("What the tool gave.", ""),
    },
    "mode of caching": {
        "automatic": ("Anthropic sets the breakpoint: `cache_control` of the request as a whole.", ""),
        "implicit": ("OpenAI sets the breakpoints.", ""),
        "explicit": ("The app sets the breakpoints (OpenAI's `prompt_cache_options`).", ""),
    },
    "source of a price": {
        "genai-prices": ("The list of the genai-prices package.", "pip install -U genai-prices renews it."),
        "built-in": ("A documented price that the list lacks; docs/cost.md has the sources.", ""),
        "override": ("A private price of yours.", ""),
        "provider": ("The provider states the cost itself.", ""),
    },
    "kind of tool": {
        "function": ("The app runs it, and its arguments are JSON.", ""),
        "custom": ("The app runs it, and its input is text.", ""),
        "server": ("The provider runs it, such as web search.", ""),
        "builtin": ("The provider defines the tool, the app runs it (computer use, a local shell).", ""),
        "mcp": ("An MCP server that the provider calls.", ""),
    },
    "scope of the hash key": {
        "configured": ("You set it: hashes can be compared wherever the same key is set.", ""),
        "installation": ("This installation's own: hashes can be compared on this machine.", ""),
        "process": (
            "Of one process: its hashes can be compared with no others.",
            "Set LLM_OBSERVER_HASH_KEY, or give the app a state folder that can be written.",
        ),
    },
}
"""By group, then by code: what it means, and what can be done, if anything."""
