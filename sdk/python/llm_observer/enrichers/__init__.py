"""Enrichers: each adds one thing to a call."""
