# Each target does its own set-up: a Python from 3.11 on and make are enough.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
NEWEST ?= $(shell for p in python3.13 python3.12 $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python) \
	$(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python); do \
	$$p -c 'import ensurepip' 2>/dev/null && echo $$p && break; done)
PYTEST_ARGS ?=
WORKERS ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN = .venv/bin
REQUIREMENTS = setup.cfg $(wildcard requirements/*.txt)
PYTEST = bin/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: example test coverage check check-style check-types check-contracts check-docs docs benchmarks \
	clean test-oldest test-newest newest
.DELETE_ON_ERROR:

example: .venv/.example
	$(BIN)/python -m example_app

test: .venv/.dev
	@bash .ci/services
	.venv/$(PYTEST) $(PYTEST_ARGS)

# Which lines no test reaches; it takes half as long again as the tests alone.
coverage: .venv/.dev
	@bash .ci/services
	.venv/$(PYTEST) --cov --cov-report=term-missing:skip-covered $(PYTEST_ARGS)

check: check-style check-types check-contracts check-docs

check-style: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

check-types: .venv/.dev
	$(BIN)/mypy

check-contracts: .venv/.dev
	$(BIN)/lint-imports --no-logo

check-docs: .venv/.dev
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

docs: .venv/.dev
	$(BIN)/sphinx-build -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# How fast it is: the tables and plots of docs/speed.md. On a machine that has nothing else to do.
benchmarks: .venv/.benchmarks
	@bash .ci/services
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.report

# The oldest dependencies that setup.cfg admits, and the newest Python found, on SQLite alone and
# without what is marked `once`. What they break is broken for all cases of a test that go through the
# same code, so that three of them will do. The protocol stands on the standard library, however old
# the rest is.
ELSEWHERE = --databases sqlite -m "not once" --cases 3

test-oldest: .venv-oldest/.tests
	.venv-oldest/$(PYTEST) $(ELSEWHERE) --ignore tests/protocol $(PYTEST_ARGS)

test-newest: .venv-newest/.tests
	.venv-newest/$(PYTEST) $(ELSEWHERE) $(PYTEST_ARGS)

# Prints the newest Python found, or nothing.
newest:
	@echo $(NEWEST)

clean:
	rm -rf .venv .venv-oldest .venv-newest .venv-peers .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage .coverage.* htmlcov build dist *.egg-info docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python from 3.11 on was found; say where with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

# A stamp is older than setup.cfg or a requirements file as soon as one of them changes.
.venv/.example: setup.cfg | .venv/bin/python
	$(BIN)/pip install -q -e '.[example]'
	@touch $@

.venv/.dev: $(REQUIREMENTS) | .venv/bin/python
	$(BIN)/pip install -q -r requirements/dev.txt
	@touch .venv/.example $@

.venv/.benchmarks: $(REQUIREMENTS) | .venv/bin/python
	$(BIN)/pip install -q -r requirements/benchmarks.txt
	@touch $@

.venv-oldest/.tests: $(REQUIREMENTS)
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/pip install -q -c requirements/oldest.txt -r requirements/tests.txt
	@touch $@

.venv-newest/.tests: $(REQUIREMENTS)
	@test -n "$(NEWEST)" || { echo "No Python 3.13 or 3.12 was found; say where with NEWEST=..." >&2; exit 1; }
	$(NEWEST) -m venv .venv-newest
	.venv-newest/bin/pip install -q -r requirements/tests.txt
	@touch $@
