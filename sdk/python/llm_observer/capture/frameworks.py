"""Which installed packages are never the app? Those that stand between it and an SDK, or run it: data."""

from llm_observer.capture.targets import TARGETS

__all__ = ["is_framework"]

_NAMES = frozenset(
    """
    llm_observer wrapt
    httpx httpx2 httpcore httpcore2 h11 h2 hpack anyio sniffio trio outcome aiohttp httpx_aiohttp requests
    urllib3 websockets boto3 botocore pydantic pydantic_core
    agents ag2 aisuite autogen crewai dspy google guardrails guidance haystack instructor litellm logfire_api
    magentic marvin mem0 mirascope outlines pydantic_ai pydantic_evals pydantic_graph ragas deepeval
    semantic_kernel smolagents strands workflows
    tenacity backoff stamina retry retrying cachetools diskcache joblib nest_asyncio asgiref
    ddtrace sentry_sdk logfire langfuse langsmith traceloop weave mlflow phoenix agentops braintrust helicone
    lmnr newrelic elasticapm opik posthog
    uvicorn starlette fastapi gunicorn hypercorn granian uvloop waitress werkzeug flask django rest_framework
    litestar sanic quart tornado falcon bottle pyramid streamlit gradio chainlit mcp fastmcp click typer fire
    celery kombu billiard vine amqp dramatiq rq huey arq taskiq apscheduler prefect dagster airflow temporalio
    ray dask distributed greenlet gevent eventlet
    IPython ipykernel traitlets nbclient papermill marimo tqdm
    pytest _pytest pluggy pytest_asyncio xdist coverage debugpy vcr respx pytest_httpx
    """.split()  # noqa: SIM905 - a literal has a line for each of them
)
_FAMILIES = ("autogen_", "crewai_", "langchain", "langgraph", "llama_", "openinference", "opentelemetry")
"""How the names begin of packages that come in dozens."""
_SDKS = frozenset(target.sdk.partition(".")[0] for target in TARGETS)


def is_framework(package: str) -> bool:
    """Whether *package*, the name of a folder or module in site-packages, is known not to be the app."""
    return package in _NAMES or package in _SDKS or package.startswith(_FAMILIES)
