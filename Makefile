# Everything a developer types. Each target sets up what it needs and can be the first command ever run
# on a machine with Python 3.11 or newer, git and make; a second call finds it done.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# What `make bench` measures beside ours. One of them, AsyncTasQ, needs Python 3.12, and is left out with an older one.
PEERS := .venv-peers
PEERS_PYTHON ?= $(PYTHON)
# The simulation, compiled.
COMPILED := .compiled
BUILT := $(COMPILED)/built-$(shell find cloud_tasks fakes simulation hatch_build.py pyproject.toml -name __pycache__ -prune \
    -o -type f -print | LC_ALL=C sort | xargs cksum | cksum | cut -d ' ' -f 1)
LOCKS := $(addprefix requirements/,build.txt run.txt dev.txt docs.txt)

# No version check by pip, no download of another Python by uv.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
# The tests start thousands of processes: modules are compiled once, not once in each of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo services test soak lint format bench bench-peers compiled docs lock clean
.DELETE_ON_ERROR:

help: ## say what can be typed
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## make the virtual environment with everything for tests and linters
	@echo "Ready: $(BIN)/python, $$($(BIN)/python --version)"

demo: $(VENV)/.project ## measure every module of Python's standard library, one task per file
	$(BIN)/python examples/stdlib_census/run.py

services: ## install the servers that the tests use (Redis, PostgreSQL, MariaDB, RabbitMQ), where it may
	@$(PYTHON) -m tests.services.install

test: $(VENV)/.dev services ## run all tests; every branch of the core must be covered
	@# What tests of the core alone cover; to watch all the others as well would make them take twice as long.
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term tests/core
	@# Four for two cores: many tests wait for servers, signals and leases.
	$(BIN)/python -m pytest -n 4 --ignore=tests/core

soak: $(VENV)/.dev services ## kill workers for a minute and restart the server, on each driver; a quarter of an hour
	CLOUD_TASKS_LONG_SOAK=1 $(BIN)/python -m pytest tests/e2e/test_soak.py

lint: $(VENV)/.dev ## check style, types, imports and the generated tables of the docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@# Each of these is a program of its own, with its modules beside it.
	@set -e; for program in docs/generate.py $(addsuffix .,$(sort $(dir $(wildcard examples/*/*.py)))); do echo "mypy $$program"; \
	    (cd $$(dirname $$program) && MYPYPATH=. "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" \
	    --cache-dir "$(CURDIR)/.mypy_cache/$$program" $$(basename $$program)); done
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check

format: $(VENV)/.dev ## format the sources and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev ## measure, each as a ratio to a raw limit of the same machine
	@# It tells what it could not measure.
	-@$(MAKE) --no-print-directory compiled
	$(BIN)/python -m benchmarks

compiled: $(BUILT) ## compile the simulation into .compiled, which takes a C compiler, and compare traces
	@echo "Ready: $(COMPILED)"

bench-peers: $(PEERS)/.ready ## install the systems that `make bench` compares with, apart from everything else

docs: $(VENV)/.docs ## generate the tables and build the HTML pages into docs/_build/html
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs docs/_build/html
	@echo "Built: docs/_build/html/index.html"

# Each lock keeps to the versions of those before it, so that all of them fit into one environment.
COMPILE := requirements/uv $(VENV) pip compile --quiet --upgrade --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock: $(VENV)/.tools ## look for newer versions of all requirements and lock them
	$(COMPILE) requirements/build.in --output-file requirements/build.txt
	$(COMPILE) pyproject.toml --constraints requirements/build.txt --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --all-extras requirements/dev.in --constraints requirements/build.txt \
	    --constraints requirements/run.txt --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml requirements/docs.in --constraints requirements/build.txt \
	    --constraints requirements/dev.txt --output-file requirements/docs.txt
	$(COMPILE) requirements/peers.in --override requirements/peers-override.in --output-file requirements/peers.txt

clean: ## remove everything that make made
	rm -rf $(VENV) $(PEERS) $(COMPILED) docs/_build .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

INSTALL := requirements/uv $(VENV) pip install --quiet --compile-bytecode --python $(BIN)/python

# The environment is made anew when a lock changes: what is no longer listed must not linger.
$(VENV)/.tools: $(LOCKS)
	@echo "Setting up $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/build.txt
	@touch $@

$(VENV)/.run: $(VENV)/.tools
	@$(INSTALL) --require-hashes --requirement requirements/run.txt
	@touch $@

$(VENV)/.project: $(VENV)/.run pyproject.toml
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.project
	@$(INSTALL) --require-hashes --requirement requirements/dev.txt
	@touch $@

# Named for its sources: to take one away, or to take up an older one, is a change, too.
$(BUILT): $(VENV)/.dev
	@rm -rf $(COMPILED)
	HATCH_BUILD_HOOKS_ENABLE=1 $(BIN)/python -m hatchling build --target wheel --directory $(COMPILED)
	@$(BIN)/python -m zipfile --extract $(COMPILED)/*.whl $(COMPILED)
	@PYTHONPATH=$(COMPILED) $(BIN)/python -P -c 'import simulation.loop as loop, sys; \
	    sys.exit("nothing was compiled" if loop.__file__.endswith(".py") else 0)'
	@for backend in model sqs pubsub conductor; do \
	    $(BIN)/python -m simulation selfcheck --backend $$backend --built $(COMPILED) || exit; done
	@touch $@

$(VENV)/.docs: $(VENV)/.project
	@$(INSTALL) --require-hashes --requirement requirements/docs.txt
	@touch $@

# `sync` asks no more than the hashes: arq's bounds do not fit, see requirements/peers-override.in.
$(PEERS)/.ready: $(VENV)/.tools requirements/peers.txt
	@rm -rf $(PEERS)
	@$(PEERS_PYTHON) -m venv $(PEERS)
	@requirements/uv $(VENV) pip sync --quiet --compile-bytecode --require-hashes --python $(PEERS)/bin/python \
	    requirements/peers.txt
	@touch $@
	@echo "Ready: $(PEERS), $$($(PEERS)/bin/python --version)"
