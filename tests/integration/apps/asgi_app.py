"""A web app for uvicorn: each request makes one call."""

import llm_observer
from integration.apps.calling import call_async, number_of

llm_observer.patch()


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    pid = await call_async(number_of(scope["query_string"].decode()))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": str(pid).encode()})
