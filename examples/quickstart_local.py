"""What do my calls cost? Answered by a local stand-in; with OPENAI_API_KEY set, by the real API."""

import os

from openai import OpenAI

import llm_observer
from llm_observer.demo.provider import Provider

llm_observer.patch(summary=True)

with Provider() as local, llm_observer.observe(feature="quickstart"):
    client = OpenAI() if "OPENAI_API_KEY" in os.environ else OpenAI(base_url=local.openai_url, api_key="none")
    question = [{"role": "user", "content": "What is a token? One sentence."}]
    client.chat.completions.create(model="gpt-4o", messages=question)
    options = {"include_usage": True}
    for _ in client.chat.completions.create(
        model="gpt-4o", messages=question, stream=True, stream_options=options
    ):
        pass
    client.responses.create(model="gpt-5", input="And in one word?")
