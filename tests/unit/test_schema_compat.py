"""Which changes of a schema are refused, and which pass?"""

import copy
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
SCRIPT = SCRIPTS / "check_schema_compat.py"

OLD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:example:thing:1.4",
    "x-version": "1.4",
    "type": "object",
    "description": "A thing.",
    "required": ["kind", "name"],
    "properties": {
        "kind": {"enum": ["cat", "dog"], "x-open": True, "x-privacy": "public"},
        "name": {"type": "string", "pattern": "^[a-z]+$", "x-privacy": "hashed"},
        "size": {"enum": ["s", "m"], "x-privacy": "public"},
        "legs": {"type": "integer", "minimum": 0, "maximum": 4, "default": 4},
        "tags": {"type": "array", "items": {"type": "string"}},
        "notes": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
        "owner": {"$ref": "#/$defs/Person"},
        "either": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
        "cat": {"$ref": "#/$defs/Body"},
        "dog": {"$ref": "#/$defs/Body"},
        "closed": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        "secret": {"type": "string", "x-privacy": "opt_in_content"},
    },
    "allOf": [
        {
            "if": {"properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
            "then": {"required": ["cat"], "properties": {"dog": False}},
        },
        {
            "if": {"properties": {"kind": {"const": "dog"}}, "required": ["kind"]},
            "then": {"required": ["dog"], "properties": {"cat": False}},
        },
    ],
    "$defs": {
        "Person": {
            "type": "object",
            "properties": {"email": {"type": "string", "x-privacy": "hashed"}},
            "required": ["email"],
        },
        "Body": {
            "type": "object",
            "properties": {"weight": {"type": "number"}, "child": {"$ref": "#/$defs/Body"}},
        },
    },
}


@pytest.fixture(scope="module")
def compat():
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module("check_schema_compat")
    sys.path.remove(str(SCRIPTS))


def changed(change, version="1.5"):
    """OLD with *change* made to it, and a version of its own."""
    new = copy.deepcopy(OLD)
    new["x-version"] = version
    change(new, new["properties"])
    return new


def told(compat, new, old=OLD):
    return [f"{found.path}: {found.message}" for found in compat.broken(old, new)]


def new_animal(root, props):
    """What a minor release does for a new type: a value, a body, a rule, and a word in the other rules."""
    props["kind"]["enum"].append("cow")
    props["cow"] = {"$ref": "#/$defs/Body"}
    for branch in root["allOf"]:
        branch["then"]["properties"]["cow"] = False
    root["allOf"].append(
        {
            "if": {"properties": {"kind": {"const": "cow"}}, "required": ["kind"]},
            "then": {"required": ["cow"], "properties": {"cat": False, "dog": False}},
        }
    )


def moved(root, props):
    """The same definitions under another name, in another place."""
    root["definitions"] = {"deep": {"Human": root["$defs"].pop("Person")}}
    props["owner"]["$ref"] = "#/definitions/deep/Human"


def inlined(root, props):
    props["owner"] = root["$defs"].pop("Person")


def renamed_recursion(root, props):
    body = root["$defs"]["Beast"] = root["$defs"].pop("Body")
    body["properties"]["child"]["$ref"] = props["cat"]["$ref"] = props["dog"]["$ref"] = "#/$defs/Beast"


def reordered(root, props):
    root["required"].reverse()
    root["allOf"].reverse()
    props["kind"]["enum"].reverse()
    props["either"]["anyOf"].reverse()
    root["properties"] = dict(reversed(props.items()))


COMPATIBLE = {
    "nothing": lambda root, props: None,
    "a new optional property": lambda root, props: props.update(age={"type": "integer"}),
    "a new optional property of a part": lambda root, props: root["$defs"]["Person"]["properties"].update(
        phone={"type": "string", "x-privacy": "hashed"}
    ),
    "a new value of an open enum": lambda root, props: props["kind"]["enum"].append("cow"),
    "a new value with its body and its rule": new_animal,
    "an open enum that closes": lambda root, props: props["kind"].pop("x-open"),
    "another description": lambda root, props: root.update(description="Some thing."),
    "another title": lambda root, props: props["name"].update(title="Its name", examples=["x"]),
    "a note of somebody else": lambda root, props: props["name"].update({"x-owner": "us"}),
    "another order": reordered,
    "const for an enum of one": lambda root, props: root["allOf"][0]["if"]["properties"].update(
        kind={"enum": ["cat"]}
    ),
    "a list of one type": lambda root, props: props["name"].update(type=["string"]),
    "moved definitions": moved,
    "inlined definitions": inlined,
    "a renamed recursive definition": renamed_recursion,
    "unknown properties allowed aloud": lambda root, props: root.update(additionalProperties=True),
}


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_a_compatible_change_passes(compat, change):
    assert told(compat, changed(change)) == []


BREAKS = {
    "a removed property": (lambda root, props: props.pop("tags"), ["tags: is gone"]),
    "a removed property of a part": (
        lambda root, props: root["$defs"]["Person"]["properties"].pop("email"),
        ["owner.email: is gone"],
    ),
    "a part used twice breaks twice": (
        lambda root, props: root["$defs"]["Body"]["properties"].pop("weight"),
        [f"{path}.weight: is gone" for path in ("cat.child", "cat", "dog.child", "dog")],
    ),
    "a new required property": (
        lambda root, props: (props.update(age={}), root["required"].append("age")),
        ["age: is new and required"],
    ),
    "an optional property that is required now": (
        lambda root, props: root["required"].append("legs"),
        ["legs: is now required"],
    ),
    "a required property that is optional now": (
        lambda root, props: root["required"].remove("name"),
        ["name: is no longer required"],
    ),
    "another type": (
        lambda root, props: props["legs"].update(type="string"),
        ['legs: type was ["integer"], is ["string"]'],
    ),
    "a narrower type": (
        lambda root, props: props["notes"]["additionalProperties"].update(type="string"),
        ['notes.*: type was ["number", "string"], is ["string"]'],
    ),
    "a wider type": (
        lambda root, props: props["legs"].update(type="number"),
        ['legs: type was ["integer"], is ["number"]'],
    ),
    "another type of the entries": (
        lambda root, props: props["tags"]["items"].update(type="integer"),
        ['tags[]: type was ["string"], is ["integer"]'],
    ),
    "entries of any type": (
        lambda root, props: props["tags"].pop("items"),
        ['tags[]: type was ["string"], is absent'],
    ),
    "a lost value of an open enum": (
        lambda root, props: props["kind"]["enum"].remove("dog"),
        ['kind: the value "dog" is gone'],
    ),
    "a lost value of a closed enum": (
        lambda root, props: props["size"]["enum"].remove("m"),
        ['size: the value "m" is gone'],
    ),
    "a new value of a closed enum": (
        lambda root, props: props["size"]["enum"].append("l"),
        ['size: the value "l" is new'],
    ),
    "a closed enum that opens": (
        lambda root, props: props["size"].update({"x-open": True}),
        ["size: the enum is open now: its readers do not expect more values"],
    ),
    "an enum that opens together with its new value": (
        lambda root, props: props["size"].update({"x-open": True, "enum": ["s", "m", "l"]}),
        [
            'size: the value "l" is new',
            "size: the enum is open now: its readers do not expect more values",
        ],
    ),
    "another const": (
        lambda root, props: root["allOf"][0]["then"]["properties"].update(size={"const": "s"}),
        ["size: has a new rule"],
    ),
    "another pattern": (
        lambda root, props: props["name"].update(pattern="^[a-z0-9]+$"),
        ['name: pattern was "^[a-z]+$", is "^[a-z0-9]+$"'],
    ),
    "a new pattern": (
        lambda root, props: props["secret"].update(pattern="x"),
        ['secret: pattern was absent, is "x"'],
    ),
    "a new format": (
        lambda root, props: props["secret"].update(format="uri"),
        ['secret: format was absent, is "uri"'],
    ),
    "a higher minimum": (
        lambda root, props: props["legs"].update(minimum=1),
        ["legs: minimum was 0, is 1"],
    ),
    "no minimum": (lambda root, props: props["legs"].pop("minimum"), ["legs: minimum was 0, is absent"]),
    "a lower maximum": (lambda root, props: props["legs"].update(maximum=2), ["legs: maximum was 4, is 2"]),
    "a higher maximum": (lambda root, props: props["legs"].update(maximum=8), ["legs: maximum was 4, is 8"]),
    "a new longest length": (
        lambda root, props: props["name"].update(maxLength=9),
        ["name: maxLength was absent, is 9"],
    ),
    "another default": (
        lambda root, props: props["legs"].update(default=2),
        ["legs: default was 4, is 2"],
    ),
    "from public to hashed": (
        lambda root, props: props["kind"].update({"x-privacy": "hashed"}),
        ["kind: the privacy class was public, is hashed"],
    ),
    "from hashed to public": (
        lambda root, props: props["name"].update({"x-privacy": "public"}),
        ["name: the privacy class was hashed, is public"],
    ),
    "from public to opt-in": (
        lambda root, props: props["size"].update({"x-privacy": "opt_in_content"}),
        ["size: the privacy class was public, is opt_in_content"],
    ),
    "from opt-in to public": (
        lambda root, props: props["secret"].update({"x-privacy": "public"}),
        ["secret: the privacy class was opt_in_content, is public"],
    ),
    "a privacy class that is gone": (
        lambda root, props: props["name"].pop("x-privacy"),
        ["name: the privacy class was hashed, is absent"],
    ),
    "unknown properties refused": (
        lambda root, props: root.update(additionalProperties=False),
        ["*: unknown properties are refused now"],
    ),
    "unknown properties of one kind only": (
        lambda root, props: root.update(additionalProperties={"type": "string"}),
        ['*: type was absent, is ["string"]'],
    ),
    "unknown properties allowed where they were refused": (
        lambda root, props: props["closed"].update(additionalProperties=True),
        ["closed.*: unknown properties are allowed now"],
    ),
    "a new property where unknown ones were refused": (
        lambda root, props: props["closed"]["properties"].update(b={}),
        ["closed.b: is new where unknown properties were not free"],
    ),
    "another branch of a union": (
        lambda root, props: props["either"]["anyOf"][0].update(maxLength=4),
        [
            (
                'either: anyOf was [{"maxLength": 3, "type": ["string"]}, {"type": ["null"]}], is '
                '[{"maxLength": 4, "type": ["string"]}, {"type": ["null"]}]'
            )
        ],
    ),
    "a rule that is gone": (
        lambda root, props: root["allOf"].pop(),
        ['$: a rule is gone: {"properties": {"kind": {"enum": ["dog"]}}, "required": ["kind"]}'],
    ),
    "a new rule about old documents": (
        lambda root, props: root["allOf"].append({"required": ["tags"]}),
        ['$: a rule is new: {"required": ["tags"]}'],
    ),
    "a new rule about a new value with an else": (
        lambda root, props: (
            props["kind"]["enum"].append("cow"),
            root["allOf"].append(
                {
                    "if": {"properties": {"kind": {"const": "cow"}}, "required": ["kind"]},
                    "else": {"required": ["tags"]},
                }
            ),
        ),
        ['$: a rule is new: {"properties": {"kind": {"enum": ["cow"]}}, "required": ["kind"]}'],
    ),
    "a rule that asks for more": (
        lambda root, props: root["allOf"][0]["then"]["required"].append("legs"),
        ["legs: is now required"],
    ),
    "a keyword that nobody here knows": (
        lambda root, props: props["name"].update(contentEncoding="base64"),
        ['name: contentEncoding was absent, is "base64"'],
    ),
    "another definition behind the same name": (
        lambda root, props: root["$defs"].update(Person={"type": "string"}),
        [
            "owner.email: is gone",
            "owner.email: is no longer required",
            'owner: type was ["object"], is ["string"]',
        ],
    ),
}


@pytest.mark.parametrize(("change", "expected"), BREAKS.values(), ids=BREAKS.keys())
def test_a_breaking_change_is_named_by_its_path(compat, change, expected):
    assert told(compat, changed(change)) == expected


@pytest.mark.parametrize("change", [change for change, _ in BREAKS.values()], ids=BREAKS.keys())
def test_a_higher_major_may_break_everything(compat, change):
    assert told(compat, changed(change, version="2.0")) == []


def test_an_addition_needs_a_higher_minor(compat):
    new = changed(COMPATIBLE["a new optional property"], version="1.4")
    assert told(compat, new) == ["age: is new, and MINOR is still 4"]


def test_a_version_that_goes_back_is_refused(compat):
    assert told(compat, changed(COMPATIBLE["nothing"], version="1.3")) == [
        "$: the version went back from 1.4 to 1.3"
    ]


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("urn:x:y:1.0", (1, 0)),
        ("https://x.example/schema/thing_v2.json", (2, 0)),
        ("https://x.example/v3.1/", None),
        ("https://x.example/thing/4.12.3.json", (4, 12)),
        ("", None),
    ],
)
def test_the_version_may_stand_in_the_id(compat, id_, expected):
    assert compat.version({"$id": id_}) == expected


def test_schemas_without_any_version_are_held_to_the_same_rules(compat):
    assert told(compat, {"type": "string"}, {"type": "integer"}) == ['$: type was ["integer"], is ["string"]']


def test_a_constraint_beside_a_reference_counts(compat):
    old = {"$ref": "#/$defs/a", "$defs": {"a": {"minimum": 1}}}
    assert told(compat, {**old, "minimum": 2}, old) == ['$: a rule is new: {"minimum": 2}']


def run(*arguments, script=SCRIPT):
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def saved(path, schema):
    path.write_text(json.dumps(schema), "utf-8")
    return path


def test_breaks_are_written_out_with_whom_they_break_and_exit_1(tmp_path):
    old = saved(tmp_path / "old.json", OLD)
    new = saved(tmp_path / "new.json", changed(BREAKS["a removed property"][0]))
    done = run(old, new)
    assert (done.returncode, done.stdout) == (1, "tags: is gone (breaks readers)\n")


def test_a_compatible_pair_exits_0_silently(tmp_path):
    old = saved(tmp_path / "old.json", OLD)
    done = run(old, old)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b", "c"], ["--against-released", "a"], ["--what"]])
def test_wrong_usage_exits_2(arguments):
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "[]",
        '{"$ref": "#/$defs/none"}',
        '{"properties": {"a": 1}}',
        '{"properties": []}',
        '{"required": 1}',
        '{"minimum": "1"}',
    ],
    ids=str,
)
def test_an_unreadable_schema_exits_3_and_says_why(tmp_path, text):
    broken = tmp_path / "broken.json"
    if text is not None:
        broken.write_text(text, "utf-8")
    done = run(broken, saved(tmp_path / "old.json", OLD))
    assert done.returncode == 3
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@pytest.fixture
def checkout(tmp_path):
    """A repository of its own with our scripts, a contract and its committed release."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    released = tmp_path / "shared/schema/released"
    released.mkdir(parents=True)
    saved(released.parent / "telemetry_event_v1.json", OLD)
    saved(released / "telemetry_event_v1.4.json", OLD)
    saved(released / "telemetry_event_v1.3.json", {**OLD, "x-version": "1.3"})
    git(tmp_path, "init", "-q")
    committed(tmp_path)
    return tmp_path


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def committed(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--no-verify", "-m", "x")


def against_released(folder):
    done = run("--against-released", script=folder / "scripts/check_schema_compat.py")
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_the_contract_is_held_to_its_newest_release(checkout):
    assert against_released(checkout) == (0, "")
    saved(
        checkout / "shared/schema/telemetry_event_v1.json",
        changed(COMPATIBLE["a new optional property"], version="1.4"),
    )
    code, text = against_released(checkout)
    assert (code, text.partition(" (")[0]) == (1, "age: is new, and MINOR is still 4")


def test_the_newest_release_is_the_one_with_the_highest_number(checkout):
    add = COMPATIBLE["a new optional property"]
    saved(checkout / "shared/schema/released/telemetry_event_v1.10.json", changed(add, version="1.10"))
    saved(
        checkout / "shared/schema/telemetry_event_v1.json", changed(lambda root, props: None, version="1.11")
    )
    assert against_released(checkout) == (1, "age: is gone (breaks readers)\n")


@pytest.mark.parametrize("is_committed", [False, True], ids=["uncommitted", "committed"])
def test_an_edited_release_is_found(checkout, is_committed):
    release = checkout / "shared/schema/released/telemetry_event_v1.3.json"
    release.write_text(release.read_text("utf-8") + "\n", "utf-8")
    if is_committed:
        committed(checkout)
    code, text = against_released(checkout)
    assert (code, text.split(" in ")[0]) == (1, "telemetry_event_v1.3.json: is not what was released")


def test_a_deleted_release_is_found(checkout):
    (checkout / "shared/schema/released/telemetry_event_v1.3.json").unlink()
    committed(checkout)
    code, text = against_released(checkout)
    assert (code, text.split(" in ")[0]) == (1, "telemetry_event_v1.3.json: was released")


def test_a_new_release_is_free_until_it_is_committed(checkout):
    saved(checkout / "shared/schema/released/telemetry_event_v1.5.json", changed(COMPATIBLE["nothing"]))
    saved(checkout / "shared/schema/telemetry_event_v1.json", changed(COMPATIBLE["nothing"]))
    assert against_released(checkout) == (0, "")


def test_a_checkout_without_git_is_compared_all_the_same(checkout):
    shutil.rmtree(checkout / ".git")
    assert against_released(checkout) == (0, "")


def test_our_contract_stands_beside_its_release():
    done = run("--against-released")
    assert (done.returncode, done.stdout) == (0, "")
