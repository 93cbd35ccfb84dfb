"""What if my prices differ from the list? Give your own, and discounts."""

from openai import OpenAI

import llm_observer
from llm_observer.demo.provider import Provider

llm_observer.patch(
    prices={"gpt-4o*": {"input": 2.0, "output": 8.0}},  # US dollars per million tokens
    discount={"*": 0.1},  # a tenth off
)

with Provider() as local:
    client = OpenAI(base_url=local.openai_url, api_key="none")
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])

print(llm_observer.session().summary())
