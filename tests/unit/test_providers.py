"""Whose host is it, and what of its name may an event show?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.adapters.providers import CLIENTS, HOSTS, LOCAL_PORTS, PATTERNS, place_of
from llm_observer.call import Server

CUSTOMERS = {
    "*.openai.azure.com": ["acme.openai.azure.com"],
    "*.cognitiveservices.azure.com": ["acme-east.cognitiveservices.azure.com"],
    "*.services.ai.azure.com": ["acme.services.ai.azure.com"],
    "*.models.ai.azure.com": ["llama-acme.eastus2.models.ai.azure.com"],
    "*.inference.ml.azure.com": ["acme.eastus.inference.ml.azure.com"],
    "bedrock-*.amazonaws.com": [
        "bedrock-runtime.us-east-1.amazonaws.com",
        "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
    ],
    "bedrock-*.amazonaws.com.cn": ["bedrock-runtime.cn-north-1.amazonaws.com.cn"],
    "bedrock-*.api.aws": ["bedrock-mantle.us-east-1.api.aws"],
    "*.bedrock-*.vpce.amazonaws.com": ["vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com"],
    "*aiplatform.googleapis.com": ["us-east5-aiplatform.googleapis.com"],
    "aiplatform.*.rep.googleapis.com": ["aiplatform.eu.rep.googleapis.com"],
    "*.ml.cloud.ibm.com": ["us-south.ml.cloud.ibm.com"],
    "*.endpoints.huggingface.cloud": ["x7.us-east-1.aws.endpoints.huggingface.cloud"],
    "*.snowflakecomputing.com": ["acme.snowflakecomputing.com"],
    "*.azuredatabricks.net": ["adb-7.7.azuredatabricks.net"],
    "*.cloud.databricks.com": ["acme.cloud.databricks.com"],
    "*.gcp.databricks.com": ["7.7.gcp.databricks.com"],
    "*.inference.heroku.com": ["us.inference.heroku.com"],
}
"""Hosts as customers have them, by row of the table."""


@pytest.mark.parametrize(("host", "provider"), HOSTS.items())
def test_each_public_host_has_its_name_and_is_shown(host, provider):
    assert place_of(f"https://{host}/v1/x?y=z", None) == (provider, Server(address=host), None)


@pytest.mark.parametrize("region", ["au", "ca", "eu", "gb", "in", "jp", "us"])
@pytest.mark.parametrize(
    ("rest", "provider"), [("api.openai.com", "openai"), ("openrouter.ai", "openrouter")]
)
def test_a_vendors_host_in_a_region_has_its_name_and_is_shown(rest, provider, region):
    host = f"{region}.{rest}"
    assert place_of(f"https://{host}/v1/x", None) == (provider, Server(address=host), None)


def test_each_row_of_customers_hosts_has_an_example():
    assert CUSTOMERS.keys() == PATTERNS.keys()


@pytest.mark.parametrize(
    ("pattern", "host"), [(pattern, host) for pattern, hosts in CUSTOMERS.items() for host in hosts]
)
def test_each_customers_host_has_its_name_and_is_hidden(pattern, host):
    assert place_of(f"https://{host}/v1/x", None) == (PATTERNS[pattern], None, host)


@pytest.mark.parametrize(("client", "provider"), CLIENTS.items())
@pytest.mark.parametrize("prefix", ["", "Async"])
def test_each_client_names_the_vendor_of_a_host_that_is_not_known(client, provider, prefix):
    place = place_of("https://llm.corp.example/v1", prefix + client)
    assert place == (provider, None, "llm.corp.example")


@pytest.mark.parametrize("client", [None, "OpenAI", "AsyncAnthropic", "Async", "MyClient"])
def test_a_host_that_nothing_names_is_unknown(client):
    assert place_of("https://llm.corp.example/v1", client) == ("unknown", None, "llm.corp.example")


def test_a_vendors_own_host_counts_more_than_the_client():
    assert place_of("https://api.openai.com/v1", "AzureOpenAI").provider == "openai"


def test_the_client_counts_more_than_a_customers_host():
    place = place_of("https://acme.openai.azure.com/x", "AsyncAnthropicBedrock")
    assert place == ("aws.bedrock", None, "acme.openai.azure.com")


@pytest.mark.parametrize(("port", "provider"), LOCAL_PORTS.items())
def test_a_local_server_is_known_by_its_port(port, provider):
    assert place_of(f"http://localhost:{port}/v1", None) == (
        provider,
        Server(address="localhost", port=port),
        None,
    )


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1"),
        ("http://127.8.9.1:8000/v1", "127.8.9.1"),
        ("http://[::1]:8000/v1", "::1"),
        ("http://0.0.0.0:8000/v1", "0.0.0.0"),
        ("http://api.localhost:8000/v1", "api.localhost"),
        ("http://LOCALHOST.:8000/v1", "localhost"),
    ],
)
def test_ones_own_machine_is_local_and_shown(url, address):
    assert place_of(url, "AzureOpenAI") == ("local", Server(address=address, port=8000), None)


@pytest.mark.parametrize(
    "host", ["10.0.0.7", "192.168.1.9", "127.0.0.1.example.com", "localhost.example.com"]
)
def test_another_machine_is_not_local(host):
    assert place_of(f"http://{host}:8000/v1", None) == ("unknown", Server(port=8000), host)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://api.openai.com:443/v1", None),
        ("http://api.openai.com:80/v1", None),
        ("https://api.openai.com:80/v1", 80),
        ("https://API.OpenAI.com.:8443/v1", 8443),
    ],
)
def test_a_port_is_shown_where_it_is_not_the_schemes_own(url, port):
    assert place_of(url, None) == ("openai", Server(address="api.openai.com", port=port), None)


def test_what_stands_before_the_host_is_not_part_of_it():
    place = place_of("https://user:canary@api.openai.com/canary?canary", None)
    assert place == ("openai", Server(address="api.openai.com"), None)


@pytest.mark.parametrize(
    "host",
    [
        "api.openai.com.evil.example",
        "xapi.openai.com",
        "acme.api.openai.com",
        "openai.azure.com.example",
        "bedrock.example",
    ],
)
def test_a_host_that_only_looks_alike_is_unknown(host):
    assert place_of(f"https://{host}/v1", None) == ("unknown", None, host)


@pytest.mark.parametrize(
    "url", ["", "/v1/chat", "https://[::1/x", "https://h:port/x", "https://h:99999/x", "https:///"]
)
def test_what_is_no_url_is_unknown(url):
    assert place_of(url, None) == ("unknown", None, None)


@given(
    url=st.text(st.characters(categories=["Cs", "L", "N", "P", "Z"]))
    | st.text("htps:/[]@.%19a").map(lambda text: f"https://{text}"),
    client=st.none() | st.text(),
)
def test_no_url_at_all_raises(url, client):
    place = place_of(url, client)
    assert place.provider
    assert place.server is None or place.server.address is None or place.hidden is None
