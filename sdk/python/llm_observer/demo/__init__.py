"""The demo: a stand-in for the providers on this machine, and a small app that calls it."""
