"""Do the types, the contract, its examples and its docs say the same?"""

import copy
import importlib
import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import msgspec.inspect
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_observer import otel_names
from llm_observer.event import BODIES, SCHEMA_VERSION, Event, encode, to_dict
from llm_observer.schema import Problem, schema_text, validate

ROOT = Path(__file__).parents[2]
CONTRACT = json.loads(schema_text())
CLASSES = {"public", "hashed", "opt_in_content"}
EXAMPLES = re.findall(
    r"^```json\n(.*?)^```", (ROOT / "docs/schema-examples.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)

some = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


# Types and file -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def build():
    sys.path.insert(0, str(ROOT / "scripts"))
    yield importlib.import_module("build_schema")
    sys.path.remove(str(ROOT / "scripts"))


def run_build(folder, *arguments):
    command = [sys.executable, folder / "scripts/build_schema.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copy_of_the_project(tmp_path):
    for folder in ("scripts", "shared", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contract_is_what_the_types_give(build):
    assert json.loads(json.dumps(build.schema())) == CONTRACT


def test_the_files_are_up_to_date():
    done = run_build(ROOT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["shared/schema/telemetry_event_v1.json", "docs/events.md"])
def test_an_edited_file_is_found_and_written_anew(copy_of_the_project, name):
    edited = copy_of_the_project / name
    before = edited.read_text("utf-8")
    edited.write_text(before.replace("Host", "Hosts"), "utf-8")
    done = run_build(copy_of_the_project, "--check")
    assert (done.returncode, done.stderr) == (1, f"{name} is stale: run python scripts/build_schema.py\n")
    assert run_build(copy_of_the_project).returncode == 0
    assert edited.read_text("utf-8") == before


def test_a_release_is_frozen_once(copy_of_the_project):
    released = copy_of_the_project / f"shared/schema/released/telemetry_event_v{SCHEMA_VERSION}.json"
    released.unlink(missing_ok=True)
    assert run_build(copy_of_the_project, "--release").returncode == 0
    assert released.read_text("utf-8") == schema_text()
    released.write_text("{}", "utf-8")
    assert run_build(copy_of_the_project, "--release").returncode == 1
    assert released.read_text("utf-8") == "{}"


def fields():
    for name, part in [("Event", CONTRACT), *CONTRACT["$defs"].items()]:
        yield from ((f"{name}.{field}", node) for field, node in part["properties"].items())


@pytest.mark.parametrize("node", [pytest.param(node, id=name) for name, node in fields()])
def test_every_field_has_a_description_and_a_privacy_class(node):
    assert node["description"].endswith((".", "…"))
    assert node["x-privacy"] in CLASSES


def test_no_value_may_be_null():
    assert "null" not in json.dumps(CONTRACT).replace("null is never written", "")


def test_hashes_are_marked_as_hashes_and_texts_as_opt_in():
    hashes = {name for name, node in fields() if name.endswith("hash") and node["x-privacy"] != "hashed"}
    texts = {name for name, node in fields() if node["x-privacy"] == "opt_in_content"}
    assert (hashes, texts) == (set(), {"LLMCall.content", "Content.input", "Content.output"})


# Both directions ----------------------------------------------------------------------------------------


def of_type(kind):
    """Any value that the type *kind* (of msgspec.inspect) can have."""
    return TYPES[type(kind)](kind)


def of_struct(kind):
    return st.builds(kind.cls, **{field.name: of_type(field.type) for field in kind.fields})


TYPES = {
    msgspec.inspect.Metadata: lambda kind: of_type(kind.type),
    msgspec.inspect.NoneType: lambda kind: st.none(),
    msgspec.inspect.BoolType: lambda kind: st.booleans(),
    msgspec.inspect.IntType: lambda kind: st.integers(min_value=kind.ge),
    msgspec.inspect.FloatType: lambda kind: st.floats(
        kind.ge, kind.le, allow_nan=False, allow_infinity=False
    ),
    msgspec.inspect.StrType: lambda kind: (
        st.from_regex(kind.pattern, fullmatch=True) if kind.pattern else st.text(max_size=20)
    ),
    msgspec.inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    msgspec.inspect.DictType: lambda kind: st.dictionaries(
        of_type(kind.key_type), of_type(kind.value_type), max_size=3
    ),
    msgspec.inspect.VarTupleType: lambda kind: st.lists(of_type(kind.item_type), max_size=3).map(tuple),
    msgspec.inspect.UnionType: lambda kind: st.one_of(*map(of_type, kind.types)),
    msgspec.inspect.StructType: of_struct,
}


def set_bodies(kind, body):
    """The fields of an event of the type *body*."""
    for field in kind.fields:
        if field.name == "type":
            yield field.name, st.just(body)
        elif field.name not in BODIES:
            yield field.name, of_type(field.type)
        elif field.name == body:
            yield field.name, of_type(field.type).filter(lambda value: value is not None)


def events():
    kind = msgspec.inspect.type_info(Event)
    return st.one_of(*(st.builds(Event, **dict(set_bodies(kind, body))) for body in BODIES))


def of_schema(node):
    """Any document that the schema *node* allows; it shares no code with the types."""
    if "$ref" in node:
        return of_schema(CONTRACT["$defs"][node["$ref"].removeprefix("#/$defs/")])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return st.one_of(*(KINDS[kind](node) for kind in kinds))


def of_object(node):
    if "properties" not in node:
        return st.dictionaries(st.text(max_size=9), of_schema(node["additionalProperties"]), max_size=3)
    parts = {name: of_schema(part) for name, part in node["properties"].items()}
    needed = {name: parts.pop(name) for name in node.get("required", ())}
    unknown = st.dictionaries(st.just("field_of_a_later_version"), st.just({"a": [None]}))
    return st.builds(dict.__or__, st.fixed_dictionaries(needed, optional=parts), unknown)


KINDS = {
    "boolean": lambda node: st.booleans(),
    "integer": lambda node: st.integers(min_value=node.get("minimum")),
    "number": lambda node: (
        st.floats(node.get("minimum"), node.get("maximum"), allow_nan=False, allow_infinity=False)
        | st.integers(node.get("minimum", -(2**60)), node.get("maximum", 2**60))
    ),
    "string": lambda node: (
        st.from_regex(node["pattern"], fullmatch=True) if "pattern" in node else st.text(max_size=20)
    ),
    "array": lambda node: st.lists(of_schema(node["items"]), max_size=3),
    "object": of_object,
}


def with_body(body):
    """The contract for one type, with the rule about bodies applied."""
    kept = {name: node for name, node in CONTRACT["properties"].items() if name not in {*BODIES} - {body}}
    kept["type"] = {"enum": [body]}
    return {"type": "object", "properties": kept, "required": [*CONTRACT["required"], body]}


def documents():
    return st.one_of(*(of_schema(with_body(body)) for body in BODIES))


@some
@given(events())
def test_every_event_that_the_types_allow_follows_the_contract(event):
    written = json.loads(encode(event))
    assert validate(written) == []
    assert validate(to_dict(event)) == []
    assert msgspec.json.decode(encode(event), type=Event) == event


@some
@given(documents())
def test_every_document_that_the_contract_allows_is_read_by_the_types(document):
    assert validate(document) == []
    assert msgspec.json.decode(json.dumps(document), type=Event).type == document["type"]


WRONG = {
    "string": "no such value",
    "integer": 7,
    "number": 1.5,
    "boolean": True,
    "array": [[]],
    "object": {"a": {}},
}


def leaves(node, value, path=()):
    """Path and allowed kinds of every value below *value* that the schema *node* knows."""
    if "$ref" in node:
        node = CONTRACT["$defs"][node["$ref"].removeprefix("#/$defs/")]
    kinds = (
        {"enum"} if "enum" in node else {node["type"]} if isinstance(node["type"], str) else {*node["type"]}
    )
    yield path, kinds | ({"integer"} if "number" in kinds else set())
    for key, part in node.get("properties", {}).items():
        if isinstance(value, dict) and key in value:
            yield from leaves(part, value[key], (*path, key))
    if "additionalProperties" in node:
        for key in value:
            yield from leaves(node["additionalProperties"], value[key], (*path, key))
    for index, entry in enumerate(value) if "items" in node else ():
        yield from leaves(node["items"], entry, (*path, index))


def put(document, path, value):
    *above, last = path
    changed = inner = copy.deepcopy(document)
    for key in above:
        inner = inner[key]
    inner[last] = value
    return changed


@some
@given(documents(), st.data())
def test_a_value_of_another_kind_is_refused_by_both(document, data):
    document |= {"schema_version": SCHEMA_VERSION}  # a later one may know more values
    path, kinds = data.draw(
        st.sampled_from([place for place in leaves(with_body(document["type"]), document) if place[0]])
    )
    wrong = data.draw(st.sampled_from([value for kind, value in WRONG.items() if kind not in kinds]))
    changed = put(document, path, wrong)
    assert validate(changed) != []
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(changed), type=Event)


CALL = json.loads(EXAMPLES[0])
STEP = next(json.loads(text) for text in EXAMPLES if '"type": "tool_call"' in text)
GONE = object()


def edited(path, value, document=CALL):
    *above, last = path.split(".")
    changed = inner = copy.deepcopy(document)
    for key in above:
        inner = inner[key]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return changed


REFUSED = {
    **{f"no {name}": (name, GONE, "$", f"{name} is missing") for name in CONTRACT["required"]},
    "no provider": ("llm_call.provider", GONE, "llm_call", "provider is missing"),
    "no body": ("llm_call", GONE, "$", "llm_call is missing"),
    "another body beside": (
        "tool_call",
        {"name": "x"},
        "tool_call",
        "has no place in an event of this type",
    ),
    "a negative count": ("llm_call.tokens.output", -1, "llm_call.tokens.output", "is less than 0"),
    "a whole number as a float": (
        "llm_call.tokens.output",
        1.0,
        "llm_call.tokens.output",
        "is number, not integer",
    ),
    "money as a number": ("llm_call.cost.total_usd", 1, "llm_call.cost.total_usd", "is integer, not string"),
    "money with an exponent": (
        "llm_call.cost.total_usd",
        "1e-05",
        "llm_call.cost.total_usd",
        r"does not match ^-?[0-9]+(\.[0-9]+)?$",
    ),
    "a trace id in capitals": ("trace_id", "A" * 32, "trace_id", "does not match ^[0-9a-f]{32}$"),
    "a long span id": ("span_id", "0" * 17, "span_id", "does not match ^[0-9a-f]{16}$"),
    "another major version": ("schema_version", "2.0", "schema_version", r"does not match ^1\.[0-9]+$"),
    "an unknown ending": (
        "llm_call.ending",
        "paused",
        "llm_call.ending",
        "is none of cancelled, closed_early, complete, error, local, open_at_exit, truncated",
    ),
    "a list as an attribute": (
        "attributes.feature",
        ["a"],
        "attributes.feature",
        "is array, not boolean, number, string",
    ),
}


@pytest.mark.parametrize(("path", "value", "where", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_event_is_refused_by_both_and_named(path, value, where, message):
    document = edited(path, value)
    assert Problem(where, message) in validate(document)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(document), type=Event)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("event_id", CALL["event_id"].replace("-7", "-4", 1)),
        ("time", "2025-11-21T08:00:01+00:00"),
        ("time", "2025-11-21"),
        ("type", "llm_calls"),
    ],
)
def test_ids_times_and_types_have_one_form(path, value):
    document = edited(path, value)
    assert path in {problem.path for problem in validate(document)}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(document), type=Event)


def test_null_is_read_as_unknown_but_never_written():
    document = edited("llm_call.error", None)
    assert validate(document) == [Problem("llm_call.error", "is null, not object")]
    event = msgspec.json.decode(json.dumps(document), type=Event)
    assert "error" not in to_dict(event)["llm_call"]


@pytest.mark.parametrize("bodies", [[], ["tool_call", "metric"]], ids=["none", "two"])
def test_an_event_cannot_be_made_without_its_one_body(bodies):
    event = msgspec.convert(STEP, Event)
    other = {
        "tool_call": event.tool_call,
        "metric": msgspec.convert({"name": "x", "value": 1}, metric_type()),
    }
    with pytest.raises(ValueError, match="has the body tool_call, and no other"):
        msgspec.structs.replace(event, **{"tool_call": None} | {name: other[name] for name in bodies})


def metric_type():
    return importlib.import_module("llm_observer.event").Metric


LATER = {
    "a new value of an open enum": edited("llm_call.ending", "paused"),
    "a new type with its body": edited(
        "rerank", {"x": 1}, edited("llm_call", GONE, edited("type", "rerank"))
    ),
    "a new field": edited("llm_call.weather", None),
}


@pytest.mark.parametrize("document", LATER.values(), ids=LATER.keys())
def test_an_event_of_a_later_minor_version_may_know_more(document):
    assert validate(document | {"schema_version": "1.99"}) == []


def test_a_closed_enum_stays_closed_in_later_minor_versions():
    document = next(json.loads(text) for text in EXAMPLES if '"type": "policy_decision"' in text)
    later = edited("policy_decision.decision", "perhaps", document | {"schema_version": "1.99"})
    assert validate(later) == [Problem("policy_decision.decision", "is none of allow, block, log")]


@pytest.mark.parametrize("document", [None, 1, "x", [], [CALL], {}, True, {"type": []}], ids=str)
def test_anything_else_is_no_event(document):
    assert validate(document) != []


def test_problems_repeat_nothing_of_the_document():
    secret = "CANARY-7f3a"
    document = copy.deepcopy(CALL)
    document["llm_call"] |= {"ending": secret, "tokens": [secret], "cost": {"total_usd": secret}}
    document |= {"tool_call": {"name": secret}, "trace_id": secret, "schema_version": secret}
    problems = validate(document)
    assert len(problems) == 7
    assert secret not in str(problems)


def test_a_key_of_the_app_cannot_write_to_the_terminal():
    problems = validate(edited("attributes", {"\x1b[2J.x": []}))
    assert problems == [Problem(r'attributes["\u001b[2J.x"]', "is array, not boolean, number, string")]


def test_checking_without_jsonschema_names_the_extra():
    script = (
        "import sys; sys.modules['jsonschema'] = None\n"
        "from llm_observer.schema import validate\n"
        "from llm_observer.errors import ConfigError\n"
        "try: validate({})\n"
        "except ConfigError as exc: print(exc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "checking events needs: pip install 'llm-observer[schema]'\n"


# Examples and docs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    EXAMPLES,
    ids=re.findall(r"^## (.*)$", (ROOT / "docs/schema-examples.md").read_text("utf-8"), re.MULTILINE),
)
def test_an_example_is_exactly_what_we_write(text):
    document = json.loads(text)
    assert validate(document) == []
    assert json.loads(encode(msgspec.convert(document, Event))) == document


def test_there_is_an_example_of_every_type():
    assert {json.loads(text)["type"] for text in EXAMPLES} == set(BODIES)


@pytest.mark.parametrize(
    "text", [text for text in EXAMPLES if '"llm_call": {' in text and "total_usd" in text]
)
def test_the_figures_of_an_example_add_up(text):
    call = json.loads(text)["llm_call"]
    cost, tokens = call["cost"], call.get("tokens", {})
    parts = [cost.get(f"{part}_usd", "0") for part in ("input", "cache_read", "cache_write", "output")]
    assert sum(map(Decimal, parts)) == Decimal(cost["total_usd"])
    assert tokens.get("input_total", 0) == sum(
        tokens.get(part, 0) for part in ("input_uncached", "cache_read", "cache_write")
    )


@pytest.fixture(scope="module")
def paths(build):
    return dict(build.fields(CONTRACT, CONTRACT["$defs"]))


def test_the_table_has_a_row_for_every_field(paths):
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/events.md").read_text("utf-8"), re.MULTILINE)
    assert rows == list(paths)


def test_the_table_cites_the_commit_of_the_conventions():
    text = (ROOT / "docs/events.md").read_text("utf-8")
    assert f"semantic-conventions-genai/tree/{otel_names.COMMIT}" in text
    assert otel_names.COMMIT.startswith("024a4f94")


def test_every_mapped_field_is_a_field(paths):
    assert otel_names.NAMES.keys() - paths.keys() == set()


@pytest.mark.parametrize("body", BODIES)
def test_the_mapping_is_one_to_one_and_no_name_is_part_of_another(body, paths):
    others = tuple(f"{other}." for other in BODIES if other != body)
    own = [
        otel_names.name_of(path).key
        for path, node in paths.items()
        if "$ref" not in node and "[]." not in path and not path.startswith(others)
    ]
    names = [name for name in own if not name.startswith("(")]
    assert len(names) == len(set(names))
    assert [(a, b) for a in names for b in names if b.startswith(f"{a}.")] == []
