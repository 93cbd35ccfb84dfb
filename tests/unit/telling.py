"""Records that tell of calls, as the tools write them: for each form a file, and what must be read out of it.

A row of what must come out: model, all input, read from the cache, written to it, output, status of the cost.
"""

import json
from datetime import UTC, datetime

STARTED_S = 1_763_716_800
STARTED = datetime.fromtimestamp(STARTED_S, UTC)
MOMENT = STARTED.isoformat(timespec="milliseconds").replace("+00:00", "Z")
CLAUDE, GPT = "claude-sonnet-4-5-20250929", "gpt-4o-2024-08-06"
CHAT_USAGE = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920},
}
CLAUDE_USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 20_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 50,
    "service_tier": "standard",
}
CHAT_ROW = (GPT, 2006, 1920, None, 300, "exact")
CLAUDE_ROW = (CLAUDE, 20_304, 20_000, 300, 50, "exact")


def moment(seconds):
    return (
        datetime.fromtimestamp(STARTED_S + seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def lines(*records):
    return "".join(f"{json.dumps(record)}\n" for record in records)


# Batches -----------------------------------------------------------------------------------------------


def chat_answer(**changes):
    answer = {"id": "chatcmpl-b1", "object": "chat.completion", "created": STARTED_S, "model": GPT}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    return {**answer, "choices": [choice], "usage": CHAT_USAGE, "service_tier": "default", **changes}


def batch_line(body=None, custom_id="a", **changes):
    response = {"status_code": 200, "request_id": "req_1", "body": chat_answer() if body is None else body}
    return {
        "id": f"batch_req_{custom_id}",
        "custom_id": custom_id,
        "response": response,
        "error": None,
        **changes,
    }


def claude_message(**changes):
    message = {
        "id": "msg_b1",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "stop_reason": "end_turn",
    }
    return {**message, "content": [{"type": "text", "text": "Hi"}], "usage": CLAUDE_USAGE, **changes}


def claude_result(**result):
    return {"custom_id": "a", "result": result or {"type": "succeeded", "message": claude_message()}}


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": STARTED_S,
    "status": "completed",
    "model": "gpt-5-nano-2025-08-07",
    "output": [],
    "service_tier": "default",
    "usage": {
        "input_tokens": 36,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 224,
        "output_tokens_details": {"reasoning_tokens": 128},
        "total_tokens": 260,
    },
}
EMBEDDINGS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 13, "total_tokens": 13},
}
BATCHES = {
    "OpenAI batch": (
        lines(batch_line(), batch_line(RESPONSE, "b"), batch_line(EMBEDDINGS, "c")),
        [
            (GPT, 2006, 1920, None, 300, "estimated"),  # by the rule: the list has no batch rate of that day
            ("gpt-5-nano-2025-08-07", 36, 0, 0, 224, "estimated"),
            ("text-embedding-3-small", 13, None, None, None, "estimated"),
        ],
    ),
    "Anthropic batch": (lines(claude_result()), [CLAUDE_ROW]),
}

# Gateways ----------------------------------------------------------------------------------------------

LITELLM_USAGE = {
    **CHAT_USAGE,
    "prompt_tokens": 20_304,
    "completion_tokens": 50,
    "prompt_tokens_details": {
        "cached_tokens": 20_000,
        "cache_creation_tokens": 300,
        "cache_creation_token_details": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    },
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 20_000,
}


def litellm(**changes):
    return {
        "id": "chatcmpl-l1",
        "call_type": "acompletion",
        "stream": False,
        "response_cost": 0.0123,
        "status": "success",
        "custom_llm_provider": "anthropic",
        "total_tokens": 20_354,
        "prompt_tokens": 20_304,
        "completion_tokens": 50,
        "startTime": STARTED_S + 0.25,
        "endTime": STARTED_S + 2.25,
        "model": f"anthropic/{CLAUDE}",
        "api_base": "https://api.anthropic.com",
        "metadata": {"usage_object": LITELLM_USAGE},
        "cache_hit": None,
        "messages": [{"role": "user", "content": "Hi"}],
        "response": {"id": "chatcmpl-l1"},
        **changes,
    }


def spend_log(**changes):
    return {
        "request_id": "chatcmpl-l2",
        "call_type": "acompletion",
        "api_key": "hashed",
        "spend": 0.01,
        "total_tokens": 2306,
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "startTime": "2025-11-21 09:20:00.250000+00:00",
        "endTime": "2025-11-21T09:20:02.250000Z",
        "model": GPT,
        "custom_llm_provider": "openai",
        "metadata": json.dumps(
            {"additional_usage_values": {"prompt_tokens_details": {"cached_tokens": 1920}}}
        ),
        "cache_hit": "False",
        "status": "success",
        **changes,
    }


def generation(**changes):
    return {
        "id": "gen-1",
        "upstream_id": "chatcmpl-791bcf62",
        "total_cost": 0.0015,
        "created_at": "2025-11-21T09:20:00.433273+00:00",
        "model": "anthropic/claude-sonnet-4.5",
        "streamed": True,
        "cancelled": False,
        "provider_name": "Anthropic",
        "latency": 1250,
        "generation_time": 1200,
        "tokens_prompt": 9,
        "tokens_completion": 24,
        "native_tokens_prompt": 10,
        "native_tokens_completion": 25,
        "native_tokens_reasoning": 5,
        "native_tokens_cached": 3,
        "usage": 0.0015,
        "is_byok": False,
        **changes,
    }


def helicone(**changes):
    return {
        "response_id": "r1",
        "response_status": 200,
        "response_model": GPT,
        "request_id": "h1",
        "request_created_at": MOMENT,
        "request_path": "https://api.openai.com/v1/chat/completions",
        "request_model": "gpt-4o",
        "provider": "OPENAI",
        "delay_ms": 1500,
        "time_to_first_token": 200,
        "total_tokens": 2306,
        "prompt_tokens": 86,
        "prompt_cache_read_tokens": 1920,
        "prompt_cache_write_tokens": 0,
        "completion_tokens": 300,
        "response_body": {"id": "chatcmpl-h1", "usage": CHAT_USAGE},
        **changes,
    }


def portkey(**changes):
    return {
        "id": "p1",
        "trace_id": "t1",
        "created_at": "Fri Nov 21 2025 09:20:00 GMT+0000 (Coordinated Universal Time)",
        "is_success": 1,
        "ai_org": "openai",
        "ai_model": GPT,
        "req_units": 2006,
        "res_units": 300,
        "total_units": 2306,
        "request_url": "https://api.openai.com/v1/chat/completions",
        "cost": 0.9,
        "response_time": 1500,
        "response_status_code": 200,
        "response": {"body": {"id": "chatcmpl-p1", "usage": CHAT_USAGE}},
        **changes,
    }


def cloudflare(**changes):
    return {
        "id": "c1",
        "cached": False,
        "cost": 0.01,
        "created_at": MOMENT,
        "duration": 1500,
        "model": GPT,
        "path": "chat/completions",
        "provider": "openai",
        "status_code": 200,
        "success": True,
        "tokens_in": 2006,
        "tokens_out": 300,
        **changes,
    }


def kong_part(**changes):
    return {
        "payload": {"response": "[$optional_payload_response]"},
        "usage": {"prompt_tokens": 2006, "total_tokens": 2306, "completion_tokens": 300, "cost": 0.0038},
        "meta": {
            "request_model": "gpt-4o",
            "provider_name": "openai",
            "response_model": GPT,
            "llm_latency": 2670,
        },
        **changes,
    }


def kong(**parts):
    return {
        "started_at": STARTED_S * 1000 + 250,
        "request": {"uri": "/ai", "method": "POST", "url": "http://gw/ai"},
        "response": {"status": 200},
        "latencies": {"request": 2700, "proxy": 2670},
        "ai": {"payload": {"request": "[$optional_payload_request_]"}, **(parts or {"proxy": kong_part()})},
    }


def envoy(**changes):
    return {
        "start_time": MOMENT,
        "bytes_received": 159,
        "duration": 108,
        "genai_backend_name": "default/openai/route/aigw-run/rule/0/ref/0",
        "genai_model_name": GPT,
        "genai_tokens_input": 2006,
        "genai_tokens_output": "300",
        "method": "POST",
        "response_code": 200,
        **changes,
    }


WITHOUT_CACHE = (GPT, 2006, None, None, 300, "estimated")
GATEWAYS = {
    "LiteLLM payload": (lines(litellm()), [CLAUDE_ROW]),
    "LiteLLM spend logs": (json.dumps([spend_log()], indent=1), [CHAT_ROW]),
    "OpenRouter generation": (
        json.dumps({"data": generation()}),
        [("anthropic/claude-sonnet-4.5", 10, 3, None, 25, "estimated")],  # the provider states another figure
    ),
    "Helicone": (lines(helicone()), [(GPT, 2006, 1920, None, 300, "exact")]),
    "Helicone without bodies": (
        lines(helicone(response_body=None)),
        [(GPT, 2006, 1920, 0, 300, "exact")],
    ),
    "Portkey": (lines(portkey()), [CHAT_ROW]),
    "Portkey without bodies": (lines(portkey(response=None)), [WITHOUT_CACHE]),
    "Cloudflare": (json.dumps({"result": [cloudflare()], "success": True}), [WITHOUT_CACHE]),
    "Kong": (lines(kong()), [WITHOUT_CACHE]),
    "Kong 3.8": (
        lines(kong(**{"ai-proxy": kong_part(usage={"prompt_token": 2006, "completion_token": 300})})),
        [WITHOUT_CACHE],
    ),
    "Envoy": (lines(envoy()), [WITHOUT_CACHE]),
}

# Coding agents -----------------------------------------------------------------------------------------


def claude_code(message_id="msg_1", *, second=1, usage=None, **changes):
    """One of the lines of an answer."""
    used = {**CLAUDE_USAGE, **(usage or {})}
    return {
        "parentUuid": "p",
        "isSidechain": False,
        "userType": "external",
        "cwd": "/repo",
        "sessionId": "s1",
        "version": "2.1.0",
        "type": "assistant",
        "message": claude_message(id=message_id, usage=used, stop_reason=None),
        "requestId": f"req_{message_id}",
        "uuid": f"u{second}",
        "timestamp": moment(second),
        **changes,
    }


def claude_code_user(second=0, **changes):
    message = {"role": "user", "content": "Do it"}
    kept = {"uuid": f"u{second}", "sessionId": "s1", "timestamp": moment(second)}
    return {"parentUuid": None, "type": "user", "message": message, **kept, **changes}


def codex_line(kind, payload, second=0):
    return {"timestamp": moment(second), "type": kind, "payload": payload}


def codex_usage(used, cached, output, reasoning=0):
    return {
        "input_tokens": used,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": used + output,
    }


def codex_count(total, last, second=1):
    info = {"total_token_usage": total, "last_token_usage": last, "model_context_window": 272_000}
    return codex_line("event_msg", {"type": "token_count", "info": info, "rate_limits": {}}, second)


CODEX_FIRST, CODEX_SECOND = codex_usage(12_880, 9600, 328, 29), codex_usage(13_400, 12_800, 90)
CODEX_SUM = codex_usage(26_280, 22_400, 418, 29)
CODEX = [
    codex_line(
        "session_meta", {"id": "019a", "cwd": "/repo", "cli_version": "0.60.0", "model_provider": "openai"}
    ),
    codex_line("turn_context", {"cwd": "/repo", "model": "gpt-5.1-codex"}),
    codex_line("response_item", {"type": "message", "role": "user", "content": []}),
    codex_line("event_msg", {"type": "token_count", "info": None, "rate_limits": {}}),
    codex_count(CODEX_FIRST, CODEX_FIRST, 5),
    codex_count(CODEX_FIRST, CODEX_FIRST, 6),
    codex_count(CODEX_SUM, CODEX_SECOND, 9),
]
CODEX_ROWS = [
    ("gpt-5.1-codex", 12_880, 9600, None, 328, "exact"),
    ("gpt-5.1-codex", 13_400, 12_800, None, 90, "exact"),
]


def pi_message(second=1, **changes):
    usage = {"input": 4, "output": 50, "cacheRead": 20_000, "cacheWrite": 300, "totalTokens": 20_354}
    message = {
        "role": "assistant",
        "content": [],
        "api": "anthropic-messages",
        "provider": "anthropic",
        "model": "claude-opus-4-5",
        "usage": usage,
        "stopReason": "stop",
        "timestamp": (STARTED_S + second) * 1000,
        **changes,
    }
    return {"type": "message", "id": f"m{second}", "timestamp": moment(second + 2), "message": message}


PI_SESSION = {"type": "session", "version": 3, "id": "s", "timestamp": MOMENT, "cwd": "/repo"}
PI_ROW = ("claude-opus-4-5", 20_304, 20_000, 300, 50, "bound")


def gemini(message_id="g1", **changes):
    tokens = {"input": 9000, "output": 40, "cached": 6000, "thoughts": 60, "tool": 10, "total": 9110}
    message = {
        "id": message_id,
        "timestamp": moment(3),
        "type": "gemini",
        "content": "Hi",
        "model": "gemini-2.5-pro",
    }
    return {**message, "tokens": tokens, **changes}


GEMINI_HEADER = {"sessionId": "s", "projectHash": "h", "startTime": MOMENT, "lastUpdated": MOMENT}
GEMINI_USER = {"id": "u1", "timestamp": MOMENT, "type": "user", "content": "Do it"}
GEMINI_ROW = ("gemini-2.5-pro", 9010, 6000, None, 100, "exact")


def opencode(**changes):
    return {
        "id": "msg_o1",
        "sessionID": "ses_1",
        "role": "assistant",
        "time": {"created": STARTED_S * 1000, "completed": STARTED_S * 1000 + 900},
        "parentID": "msg_o0",
        "modelID": "gpt-5.1",
        "providerID": "openai",
        "mode": "build",
        "path": {"cwd": "/repo", "root": "/repo"},
        "cost": 0.01,
        "tokens": {
            "total": 66_423,
            "input": 375,
            "output": 123,
            "reasoning": 69,
            "cache": {"read": 65_856, "write": 0},
        },
        **changes,
    }


OPENCODE_USER = {"id": "msg_o0", "sessionID": "ses_1", "role": "user", "time": {"created": STARTED_S * 1000}}
OPENCODE_ROW = ("gpt-5.1", 66_231, 65_856, 0, 192, "exact")


def cline(said="api_req_started", *, request=None, info=True, **changes):
    asked = {
        "request": "GET /",
        "tokensIn": 4,
        "tokensOut": 50,
        "cacheWrites": 300,
        "cacheReads": 20_000,
        "cost": 0.1,
    }
    text = json.dumps(asked if request is None else request)
    model = {"modelInfo": {"providerId": "anthropic", "modelId": CLAUDE, "mode": "act"}} if info else {}
    return {"ts": STARTED_S * 1000, "type": "say", "say": said, "text": text, **model, **changes}


AGENTS = {
    "Claude Code": (
        lines(
            {"type": "summary", "summary": "A task", "leafUuid": "u9"},
            claude_code_user(),
            claude_code(usage={"output_tokens": 2}),
            claude_code(second=2),
            claude_code_user(3, toolUseResult={"totalTokens": 99_999, "usage": CLAUDE_USAGE}),
            claude_code("msg_2", second=4),
        ),
        [CLAUDE_ROW, CLAUDE_ROW],
    ),
    "Claude Code, stream-json": (
        lines(
            {"type": "system", "subtype": "init", "session_id": "s1", "tools": [], "model": CLAUDE},
            {"type": "assistant", "message": claude_message(), "session_id": "s1", "uuid": "u1"},
            {
                "type": "result",
                "subtype": "success",
                "usage": CLAUDE_USAGE,
                "total_cost_usd": 9,
                "session_id": "s1",
            },
        ),
        [CLAUDE_ROW],
    ),
    "Codex": (lines(*CODEX), CODEX_ROWS),
    "pi": (
        lines(PI_SESSION, {"type": "message", "message": {"role": "user", "content": "Do it"}}, pi_message()),
        [PI_ROW],
    ),
    "Gemini CLI": (
        json.dumps({**GEMINI_HEADER, "messages": [GEMINI_USER, gemini()]}, indent=2),
        [GEMINI_ROW],
    ),
    "Gemini CLI, lines": (
        lines(GEMINI_HEADER, GEMINI_USER, gemini(tokens=None), gemini(), {"$set": {"lastUpdated": MOMENT}}),
        [GEMINI_ROW],
    ),
    "opencode": (json.dumps(opencode(), indent=2), [OPENCODE_ROW]),
    "opencode export": (
        json.dumps(
            {
                "info": {"id": "ses_1", "title": "A task"},
                "messages": [{"info": OPENCODE_USER, "parts": []}, {"info": opencode(), "parts": []}],
            },
            indent=2,
        ),
        [OPENCODE_ROW],
    ),
    "Cline": (
        json.dumps([{"ts": 1, "type": "say", "say": "task", "text": "Do it"}, cline()]),
        [(CLAUDE, 20_304, 20_000, 300, 50, "bound")],
    ),
}
TOLD = {**BATCHES, **GATEWAYS, **AGENTS}
