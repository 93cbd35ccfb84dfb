"""Adapters: pure decoders of wire formats."""

from llm_observer.adapters._registry import adapters, decode

__all__ = ["adapters", "decode"]
