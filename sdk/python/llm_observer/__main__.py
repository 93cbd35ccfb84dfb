"""How does `python -m llm_observer` start? As the command `llm-observer`."""

from llm_observer.cli import main

if __name__ == "__main__":
    main(prog_name="llm-observer")
