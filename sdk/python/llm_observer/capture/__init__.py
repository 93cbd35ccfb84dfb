"""Capture: two hooks per SDK, and what they see of a call."""
