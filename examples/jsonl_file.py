"""How do I read the events? Each is one line of JSON; docs/events.md describes every field."""

import json
import tempfile
from pathlib import Path

from openai import OpenAI

import llm_observer
from llm_observer.demo.provider import Provider

path = Path(tempfile.mkdtemp()) / "events.jsonl"
llm_observer.patch(file=str(path))

with Provider() as local:
    client = OpenAI(base_url=local.openai_url, api_key="none")
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])

llm_observer.shutdown()
for line in path.read_text("utf-8").splitlines():
    call = json.loads(line)["llm_call"]
    print(
        call["model_responded"],
        call["tokens"]["input_total"],
        call["tokens"]["output"],
        call["cost"]["total_usd"],
    )
