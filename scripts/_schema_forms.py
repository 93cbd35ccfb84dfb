"""What does a JSON Schema say, whichever way it is written? One form for one meaning."""

import json
from typing import Any

__all__ = ["LIMITS", "Node", "SchemaUnreadableError", "inside", "plain", "text_of", "whole"]

Node = dict[str, Any]

ANNOTATIONS = {
    *("$schema", "$id", "$defs", "definitions", "$anchor", "$comment"),
    *("title", "description", "examples", "deprecated", "readOnly", "writeOnly"),
}
OUTER_WINS = {"x-privacy", "x-open", "default"}
ONE_SCHEMA = {
    *("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties"),
}
SOME_SCHEMAS = {"allOf", "anyOf", "oneOf", "prefixItems"}
NAMED_SCHEMAS = {"properties", "patternProperties", "dependentSchemas"}
LIMITS = {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "minProperties", "maxProperties"),
}
KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(SOME_SCHEMAS | {"type", "required", "enum"}, list),
    **dict.fromkeys(NAMED_SCHEMAS, dict),
    **dict.fromkeys(LIMITS, (int, float)),
}


class SchemaUnreadableError(Exception):
    """A schema is no JSON, or points to what is not there."""


def plain(node: object, root: Node) -> Node:
    """*node* with its references followed, without annotations, and with one spelling for one meaning."""
    merged = _followed(node, root, ())
    merged = {key: value for key, value in merged.items() if not _is_annotation(key)}
    if "const" in merged:
        merged["enum"] = [merged.pop("const")]
    if isinstance(merged.get("type"), str):
        merged["type"] = [merged["type"]]
    for keyword in KINDS.keys() & merged.keys():
        if not isinstance(merged[keyword], KINDS[keyword]):
            raise SchemaUnreadableError(f"{keyword} cannot be {text_of(merged[keyword])}")
    for unordered in {"type", "required", "enum"} & merged.keys():
        merged[unordered] = sorted(merged[unordered], key=text_of)
    return merged


def _is_annotation(keyword: str) -> bool:
    return keyword in ANNOTATIONS or (keyword.startswith("x-") and keyword not in OUTER_WINS)


def _followed(node: object, root: Node, seen: tuple[str, ...]) -> Node:
    if isinstance(node, bool):
        return {} if node else {"not": {}}
    if not isinstance(node, dict):
        raise SchemaUnreadableError(f"{text_of(node)} stands where a schema should")
    ref = node.get("$ref")
    if not isinstance(ref, str) or not ref.startswith("#") or ref in seen:
        return dict(node)
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return _joined(_followed(_pointed(ref, root), root, (*seen, ref)), beside)


def _joined(target: Node, beside: Node) -> Node:
    """Both hold: the words beside a reference win, a constraint that both have goes to `allOf`."""
    clash = {
        key for key in target.keys() & beside.keys() if not _is_annotation(key) and key not in OUTER_WINS
    }
    joined = target | {key: value for key, value in beside.items() if key not in clash}
    if clash:
        joined["allOf"] = [*joined.get("allOf", ()), {key: beside[key] for key in clash}]
    return joined


def _pointed(ref: str, root: Node) -> object:
    found: Any = root
    for part in ref.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise SchemaUnreadableError(f"{ref} points to nothing")
    return found


def text_of(value: object) -> str:
    """JSON with sorted keys: equal texts are equal values (and 1 is not true)."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def whole(node: object, root: Node, above: tuple[int, ...] = ()) -> object:
    """*node* down to its leaves in one form; a recursion is named by how far up it goes."""
    if id(node) in above:
        return {"recursion": above[::-1].index(id(node))}
    inner = (*above, id(node))
    return {key: inside(key, value, root, inner) for key, value in plain(node, root).items()}


def inside(keyword: str, value: Any, root: Node, above: tuple[int, ...] = ()) -> object:
    """The value of *keyword* in one form, down to its leaves."""
    if keyword in ONE_SCHEMA:
        return whole(value, root, above)
    if keyword in NAMED_SCHEMAS:
        return {name: whole(part, root, above) for name, part in value.items()}
    if keyword in SOME_SCHEMAS:
        parts = [whole(part, root, above) for part in value]
        return parts if keyword == "prefixItems" else sorted(parts, key=text_of)
    return value
