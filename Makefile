# `make` alone lists the targets. Everything is installed into .venv; what a run makes lies under var/.
.DEFAULT_GOAL := help
.PHONY: help install install-dev run check test bench requirements clean

BIN := .venv/bin
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
INSTALL = $(if $(PYTHON),$(PYTHON),$(error Python 3.11 or newer is needed. Install it, or name it: make run PYTHON=/path/to/python)) -I bakery_iot/install.py
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command 'make requirements'

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## the demo bakeries at http://127.0.0.1:8000, or elsewhere: make run HOST=0.0.0.0 PORT=8001
	@exec $(INSTALL) --then bakery_iot.run

install:
	@exec $(INSTALL)

install-dev:
	@exec $(INSTALL) --dev

# With DEBUG the settings ask for no servers and keys: nothing here uses them.
check: export DEBUG := on
check: install-dev ## style, types, layers, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -W ignore manage.py makemigrations --check --dry-run

# Most tests wait for machines and processes rather than compute: three at a time suit two cores.
WORKERS ?= 3
test: check ## the checks and all tests; one test at a time: make test WORKERS=0
	$(BIN)/pytest -n $(WORKERS) --no-loadscope-reorder

# Five minutes, and the machine to itself. The figures also go to var/bench.json.
bench: install-dev ## what a reading costs here: make bench BENCH="--ovens 1000 --seconds 60 --only modbus"
	@exec $(BIN)/python -m bench $(BENCH)

requirements: install-dev ## pins and hashes anew, after a change in requirements*.in
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-run.in -o requirements-run.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt

clean: ## removes what was installed; the data in var/ stays
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
