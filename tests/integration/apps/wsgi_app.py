"""A web app for gunicorn: each request makes one call."""

import llm_observer
from integration.apps.calling import call, number_of

llm_observer.patch()


def app(environ, start_response):
    pid = call(number_of(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(pid).encode()]
