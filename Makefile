# `make demo` and `make test` each set all up on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check accuracy docs table clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(SETUP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]' 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import automodel_sk, pytest, neuralforecast' || { echo "The installation failed; its output is above."; exit 1; }
	@touch $(SETUP)

setup: $(SETUP)  ## install the package and its test tools into .venv

demo: setup  ## a real search on the air-passengers panel, about a minute
	$(BIN)/automodel-sk demo

test: setup check  ## linters, types and the default test suite
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --max-worker-restart 0

test-all: setup check  ## the slow and GPU tests too
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -q -n 2 --dist loadfile --max-worker-restart 0 -m ''

check: setup  ## linters and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

accuracy: setup  ## compare the accuracy with the recorded one, five minutes
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt
	$(BIN)/python -m benchmarks.accuracy.guard

docs: setup  ## the documentation as a site, warnings as errors
	$(BIN)/mkdocs build --strict

table: setup  ## the README's table of options, from their declarations
	$(BIN)/python tests/fixtures/options_table.py

clean:  ## remove what the targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache demo_output
