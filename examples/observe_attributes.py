"""Which feature spent what? `observe()` puts attributes on events and collects the calls inside."""

from openai import OpenAI

import llm_observer
from llm_observer.demo.provider import Provider

llm_observer.patch()

with Provider() as local:
    client = OpenAI(base_url=local.openai_url, api_key="none")
    with llm_observer.observe(customer="c-17"):
        with llm_observer.observe(feature="chat") as chat:
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])
        with llm_observer.observe(feature="search") as search:
            client.embeddings.create(model="text-embedding-3-small", input="Hello")

print(chat.summary())
print(search.summary())
