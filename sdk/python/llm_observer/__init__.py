"""One line that shows what LLM calls cost: `import llm_observer; llm_observer.patch()`."""
