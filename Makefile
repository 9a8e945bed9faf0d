# One command each. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test lint bench bench-tools chaos system-packages clean

help:
	@echo "make demo   install, build the sample journal and send its digest to a local mail server"
	@echo "make test   install everything that tests need, lint, then run all tests"
	@echo "make lint   ruff, mypy and the import floors"
	@echo "make bench  the benchmarks, peers side by side; make bench-tools installs those peers alone"
	@echo "make chaos  kill, freeze and restart a cluster for three minutes; the report is docs/chaos.md"
	@echo "make clean  remove the environment and everything that was built"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "publisher needs Python 3.11 or later; name one with: make PYTHON=python3.11 ..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Install the venv module first: apt-get install python3-venv"; exit 2; }

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing publisher into $(VENV) ..."
	@$(PIP) install --quiet -c constraints.txt -e .
	@$(BIN)/python -m compileall -q publisher
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing publisher and its test tools into $(VENV) ..."
	@$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.runtime

demo: $(VENV)/.runtime
	@$(BIN)/publisher demo

system-packages:
	@scripts/system-packages.sh

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: system-packages lint
	$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-report=term

bench-tools: $(VENV)/.dev
	@scripts/bench-tools.sh

bench: bench-tools
	$(BIN)/python -m benchmarks

chaos: $(VENV)/.dev
	@scripts/system-packages.sh
	$(BIN)/python -m tests.chaos --report docs/chaos.md

clean:
	rm -rf $(VENV) public .public var build dist .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
