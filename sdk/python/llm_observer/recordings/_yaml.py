"""How is a cassette's YAML loaded? Safely: a tag of any language gives plain data, never an object."""

from functools import cache
from typing import Any

__all__ = ["loader"]


@cache
def loader() -> Any:
    """A safe PyYAML loader that reads times as texts and takes what it does not know as plain data.

    Raises ImportError without PyYAML.
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where it is: many times faster
    resolvers = {
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
        for first, rules in base.yaml_implicit_resolvers.items()
    }
    made: Any = type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    made.add_constructor("!binary", _binary)  # Ruby's spelling of `!!binary`
    made.add_multi_constructor("", _any)
    return made


def _binary(loader: Any, node: Any) -> object:
    return loader.construct_yaml_binary(node)


def _any(loader: Any, _tag: str, node: Any) -> object:
    """Plain data of a node under any tag; nodes tell what they are by their `id`."""
    if node.id == "mapping":
        return loader.construct_mapping(node, deep=True)
    if node.id == "sequence":
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)
