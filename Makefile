# `make demo` and `make test` each set all up on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-pandas3 test-lowest check accuracy docs notebooks table clean

# Tests that the runs at other versions of the libraries repeat.
CORE := tests/test_layers.py tests/arguments tests/catalog tests/data tests/metrics \
	tests/search_space tests/selection tests/validation tests/forecasting tests/portfolio \
	tests/estimator/test_frames.py tests/estimator/test_forecaster_index.py \
	tests/estimator/test_forecaster_update.py tests/search/test_optuna_backend.py \
	tests/persistence/test_saves.py
# Files go to two processes, the longest first: tests/conftest.py puts them in order.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
PYTEST_CORE := -m pytest -q $(PARALLEL) $(CORE)
PANDAS3 := .venv-pandas3
LOWEST := .venv-lowest

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(SETUP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]' 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import automodel_sk, pytest, neuralforecast' || { echo "The installation failed; its output is above."; exit 1; }
	@touch $(SETUP)

setup: $(SETUP)  ## install the package and its test tools into .venv

demo: setup  ## several models, combined, on the air-passengers panel, about a minute
	$(BIN)/automodel-sk demo

test: setup check  ## linters, types and the default test suite
	$(BIN)/python -m pytest -q $(PARALLEL)

test-all: setup check test-pandas3 test-lowest  ## the slow and GPU tests too, and other versions
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -q $(PARALLEL) -m ''

$(PANDAS3)/.installed: pyproject.toml constraints.txt
	test -x $(PANDAS3)/bin/python || $(PYTHON) -m venv $(PANDAS3)
	{ grep -v '^pandas==' constraints.txt; echo 'pandas>=3'; } > $(PANDAS3)/constraints.txt
	$(PANDAS3)/bin/python -m pip install --quiet --constraint $(PANDAS3)/constraints.txt --editable '.[test-core]'
	@touch $@

test-pandas3: $(PANDAS3)/.installed  ## the core tests on pandas 3, without the extra "portfolio"
	$(PANDAS3)/bin/python $(PYTEST_CORE)

# torch comes from pip as in the tested set: its oldest releases are gigabytes for a GPU. So does
# dateutil, which is not asked for here: pandas, up to 3.0, reads no time zones of dateutil 4.
$(LOWEST)/.installed: pyproject.toml constraints.txt
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/python -m pip install --quiet --no-deps "$$(grep '^torch==' constraints.txt)"
	grep '^python-dateutil==' constraints.txt > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --constraint $(LOWEST)/constraints.txt --editable '.[test-core]'
	@touch $@

test-lowest: $(LOWEST)/.installed  ## the core tests at the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/python $(PYTEST_CORE)

check: setup  ## linters, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell automodel_sk benchmarks docs examples recipe tests *.md Dockerfile Makefile

accuracy: setup  ## compare the accuracy with the recorded one, five minutes
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt
	$(BIN)/python -m benchmarks.accuracy.guard

docs: setup  ## the documentation as a site, warnings as errors
	$(BIN)/mkdocs build --strict

notebooks: setup  ## execute the notebooks of the documentation anew
	$(BIN)/python tests/fixtures/notebooks.py

table: setup  ## the README's table of options, from their declarations
	$(BIN)/python tests/fixtures/options_table.py

clean:  ## remove what the targets made
	rm -rf $(VENV) $(PANDAS3) $(LOWEST) .pytest_cache .mypy_cache .ruff_cache demo_output
