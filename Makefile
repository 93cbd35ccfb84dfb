# Needs Python 3.11 or later and make; everything else is installed into .venv by the first target that needs it.
#   make test ARGS="tests/unit -k cost"    more words for the program that a target runs
#   make test COVERAGE=1                   lines and branches, at least 90 percent
#   make test PYTHON=/path/to/python3      with this Python

VENV ?= .venv
PYTHON ?=
ARGS ?=
COVERAGE ?=

RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
PYTHONS := $(if $(PYTHON),$(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python)

.PHONY: help demo test chaos lint types docs site schema bench evaluate matrix pythons golden build clean
.DELETE_ON_ERROR:

help:
	@echo "make demo      real SDKs, recorded answers, no key, no network"
	@echo "make test      all tests"
	@echo "make lint      style, formatting, layers"
	@echo "make types     mypy, strict"
	@echo "make docs      write what the docs take from the code"
	@echo "make site      the docs as web pages, into .site/"
	@echo "make schema    write the event schema and its page from the types"
	@echo "make golden    write the golden files of the tests anew"
	@echo "make bench     what a call costs with and without us"
	@echo "make evaluate  the cache doctor on real traces and injected breakers, into docs/evaluation.md"
	@echo "make chaos     every fault of docs/chaos.md, a process each"
	@echo "make matrix    integration tests on old and new SDKs"
	@echo "make pythons   unit tests on the other Pythons of this machine"
	@echo "make build     wheel and sdist, into dist/"
	@echo "make clean     remove what these targets made"
	@echo ".ci/run        all checks"

demo: $(READY)
	@$(RUN) -m llm_observer demo $(ARGS)

ifeq ($(COVERAGE),)
test: $(READY)
	$(RUN) -m pytest -n auto --dist worksteal $(ARGS)
else
test: $(READY)
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest -n auto --dist worksteal $(ARGS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report --fail-under=90
endif

chaos: $(READY)
	CHAOS=all $(RUN) -m pytest -n 2 tests/integration/test_chaos.py $(ARGS)

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports

types: $(READY)
	$(RUN) -m mypy

docs: $(READY)
	$(RUN) scripts/build_docs.py $(ARGS)

site: $(READY)
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet $(ARGS)

schema: $(READY)
	$(RUN) scripts/build_schema.py $(ARGS)

golden: $(READY)
	$(RUN) -m pytest -n auto --update-golden $(ARGS)

bench: $(READY)
	$(RUN) tests/bench/run.py $(ARGS)

evaluate: $(READY)
	$(RUN) scripts/evaluate_cache_doctor.py $(ARGS)

matrix: $(READY)
	$(RUN) scripts/sdk_matrix.py $(ARGS)

pythons: $(READY)
	$(RUN) scripts/test_pythons.py $(ARGS)

build: $(READY)
	$(RUN) -m build --outdir dist $(ARGS)

clean:
	rm -rf $(VENV) .matrix .site dist build .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis
	find sdk tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# A name on PATH may be a shim of a version that is not there, and Debian's Python comes without venv: ask each.
$(READY): pyproject.toml
	@found= bare=; \
	for python in $(PYTHONS); do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if $$python -c 'import ensurepip, venv' 2>/dev/null; then found=$$python; break; fi; \
		bare=$$python; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
		echo "$$bare has no venv module: install it (Debian, Ubuntu: python3-venv) or name another with PYTHON=" >&2; \
		exit 1; \
	elif [ -z "$$found" ]; then \
		echo "no Python 3.11 or later here: install one, or name it with PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	$(RUN) -m pip --version >/dev/null 2>&1 || $$found -m venv --clear $(VENV)
	@echo "installing into $(VENV) …" >&2
	@$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
