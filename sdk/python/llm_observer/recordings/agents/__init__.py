"""Transcripts of coding agents: what each one's records tell of calls."""
