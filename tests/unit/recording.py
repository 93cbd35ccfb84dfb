"""One exchange in every form that recordings have: the same call must come out of each."""

import json
from base64 import b64encode
from datetime import UTC, datetime

import yaml

STARTED_S = 1_763_716_800
SENT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Grüße ✓"}]}
USAGE = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920},
}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Grüße"}}],
    "usage": USAGE,
}
URL = "https://api.openai.com/v1/chat/completions"
REQUEST_TEXT, ANSWER_TEXT = json.dumps(SENT, ensure_ascii=False), json.dumps(ANSWER, ensure_ascii=False)
JSON_TYPE = {"Content-Type": "application/json", "X-Request-Id": "req_1"}
LISTED = {name: [value] for name, value in JSON_TYPE.items()}
PAIRS = [[name, value] for name, value in JSON_TYPE.items()]
STARTED = datetime.fromtimestamp(STARTED_S, UTC)


def coded(text):
    return b64encode(text.encode()).decode()


def plain(**changes):
    """A line of the documented form; None takes a field out."""
    line = {
        "url": URL,
        "request": {"body": REQUEST_TEXT},
        "status": 200,
        "response": {"headers": JSON_TYPE, "body": ANSWER_TEXT},
        "started_at": STARTED_S,
    }
    return json.dumps({name: value for name, value in {**line, **changes}.items() if value is not None})


def cassette_line():
    request = {"method": "POST", "url": URL, "headers": [], "body_text": REQUEST_TEXT}
    answer = {"status": 200, "headers": PAIRS, "body_b64": coded(ANSWER_TEXT)}
    return json.dumps({"id": "1", "request": request, "response": answer, "started_at": STARTED.isoformat()})


def flat():
    texts = {"request_body": REQUEST_TEXT, "response_body": ANSWER_TEXT, "response_headers": PAIRS}
    return plain(request=None, response=None, **texts)


def texts():
    return plain(request=REQUEST_TEXT, response=ANSWER_TEXT, response_headers=JSON_TYPE)


def objects():
    return plain(request=SENT, response=ANSWER, response_headers=JSON_TYPE)


def entry(**changes):
    """An entry of a HAR file."""
    shown = [{"name": name, "value": value} for name, value in JSON_TYPE.items()]
    return {
        "startedDateTime": STARTED.isoformat(),
        "time": 1500,
        "timings": {
            "blocked": 2,
            "dns": -1,
            "connect": 30,
            "ssl": 20,
            "send": 1,
            "wait": 400,
            "receive": 1067,
        },
        "request": {
            "method": "POST",
            "url": URL,
            "headers": [],
            "postData": {"mimeType": "application/json", "text": REQUEST_TEXT},
        },
        "response": {
            "status": 200,
            "headers": shown,
            "content": {"text": coded(ANSWER_TEXT), "encoding": "base64"},
        },
        **changes,
    }


def har(*entries):
    return json.dumps({"log": {"version": "1.2", "entries": entries or [entry()]}})


def vcrpy(**answer):
    """A cassette of VCR.py, as data."""
    request = {"method": "POST", "uri": URL, "headers": {}, "body": REQUEST_TEXT}
    status = {"code": 200, "message": "OK"}
    response = {"status": status, "headers": LISTED, "body": {"string": ANSWER_TEXT}, **answer}
    return {"interactions": [{"request": request, "response": response}], "version": 1}


def vcrpy_rebuilt():
    """As some projects serialise it: bodies as data."""
    found = vcrpy()
    one = found["interactions"][0]
    del one["request"]["body"], one["response"]["body"]
    one["request"]["parsed_body"], one["response"]["parsed_body"] = SENT, ANSWER
    return found


def ruby(encoded=False):
    kept = {"base64_string": coded(ANSWER_TEXT)} if encoded else {"string": ANSWER_TEXT}
    answer_body = {"encoding": "UTF-8", **kept}
    request = {"method": "post", "uri": URL, "body": {"encoding": "UTF-8", "string": REQUEST_TEXT}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": LISTED, "body": answer_body}
    recorded_at = STARTED.strftime("%a, %d %b %Y %H:%M:%S GMT")
    one = {"request": request, "response": response, "recorded_at": recorded_at}
    return {"http_interactions": [one], "recorded_with": "VCR 6.2.0"}


def go():
    request = {"method": "POST", "url": URL, "body": REQUEST_TEXT, "headers": {}}
    response = {"status": "200 OK", "code": 200, "body": ANSWER_TEXT, "headers": LISTED, "duration": "1.5s"}
    return {"version": 2, "interactions": [{"id": 0, "request": request, "response": response}]}


def r():
    """As R's VCR writes it."""
    found = ruby()
    found["http_interactions"][0]["response"] |= {"status": {"status_code": 200}, "headers": JSON_TYPE}
    return found


def in_yaml(document):
    return yaml.safe_dump(document, allow_unicode=True)


FORMS = {
    "plain": plain(),
    "plain, one field a part": flat(),
    "plain, bodies as texts": texts(),
    "plain, bodies as objects": objects(),
    "plain, headers and base64": cassette_line(),
    "HAR": har(),
    "VCR.py in YAML": in_yaml(vcrpy()),
    "VCR.py in YAML, binary": in_yaml(vcrpy(body={"string": ANSWER_TEXT.encode()})),
    "VCR.py in YAML, bodies as data": in_yaml(vcrpy_rebuilt()),
    "VCR.py in JSON": json.dumps(vcrpy()),
    "Ruby's VCR in YAML": "---\n" + in_yaml(ruby()),
    "Ruby's VCR in YAML, base64": in_yaml(ruby(encoded=True)),
    "Ruby's VCR in JSON": json.dumps(ruby()),
    "R's VCR": in_yaml(r()),
    "go-vcr": in_yaml(go()),
}
