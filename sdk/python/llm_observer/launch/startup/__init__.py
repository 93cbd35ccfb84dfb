"""The folder that stands first on `PYTHONPATH` in processes of `llm-observer run`."""
