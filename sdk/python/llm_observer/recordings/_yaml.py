"""How is a cassette's YAML loaded? Safely: a tag of any language gives plain data, never an object."""

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader as Base
else:  # libyaml is many times faster, and not in every build of PyYAML
    Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = ["Loader"]


class Loader(Base):
    """A safe loader that reads times as texts and takes what it does not know as plain data."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the shape are PyYAML's
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
        for first, rules in Base.yaml_implicit_resolvers.items()
    }


def _binary(loader: Any, node: yaml.Node) -> object:
    return loader.construct_yaml_binary(node)


def _any(loader: Any, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


Loader.add_constructor("!binary", _binary)  # Ruby's spelling of `!!binary`
Loader.add_multi_constructor("", _any)
