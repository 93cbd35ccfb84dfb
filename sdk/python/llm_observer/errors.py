"""The exceptions of llm_observer. `PolicyViolation` is the only one that may reach the app's call."""

__all__ = ["ConfigError", "LLMObserverError", "PolicyViolation", "SchemaError"]


class LLMObserverError(Exception):
    """Base of all exceptions that this library raises."""


class ConfigError(LLMObserverError):
    """A setting is wrong, or an optional library that it needs is missing."""


class SchemaError(LLMObserverError):
    """A document does not follow the event schema."""


class PolicyViolation(LLMObserverError):  # noqa: N818 - the name says what it is
    """A policy that the app switched on refused a call."""
