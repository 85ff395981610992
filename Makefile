# Ironfeet. `make help` lists the commands; docs/operations.md explains how an installation is run.

SHELL := /bin/bash
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
ifeq ($(PYTHON),)
  $(error Python 3.11 or newer is needed: apt-get install python3)
endif
VENV := .venv/bin
UV := var/tools/bin/uv
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

.PHONY: help run setup test-setup test checks lint types unit pwa openapi openapi-check integration e2e all-pytest bench lock clean
.NOTPARALLEL:

help:  ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run:  ## set everything up and run it: http://localhost:8000 (PORT=…)
	@exec setpriv --pdeathsig TERM $(PYTHON) -m scripts.run

setup:  ## install and build only
	@$(PYTHON) -m scripts.run setup

test-setup:
	@$(PYTHON) -m scripts.run setup --tests

test: test-setup checks all-pytest  ## all checks and tests, quick ones first

checks:  # the types of the Python code beside the rest, because each of both keeps one core busy
	@$(MAKE) --no-print-directory types & types=$$!; \
	$(MAKE) --no-print-directory lint openapi-check pwa; others=$$?; \
	wait $$types && exit $$others

lint:  ## style and architecture of the Python code
	$(VENV)/python -m ruff check .
	$(VENV)/python -m ruff format --check .
	$(VENV)/lint-imports

types:  ## types of the Python code
	$(VENV)/python -m mypy

unit:  ## tests without a database
	$(VENV)/python -m pytest -n auto --maxprocesses 4 tests/unit

pwa:  ## lint, types and tests of the pages
	@$(PYTHON) -m scripts.node pwa npm run check

openapi:  ## export the OpenAPI document and the TypeScript types made from it
	$(VENV)/python -m scripts.export_openapi pwa/openapi.json
	@$(PYTHON) -m scripts.node pwa npm run gen

openapi-check:
	@$(PYTHON) -m scripts.check_generated

integration:  ## tests on a PostgreSQL of their own
	$(VENV)/python -m pytest tests/integration

e2e:  ## the walk in a real Chromium
	$(VENV)/python -m pytest tests/e2e

# One run, so that its last line counts them all: the quick ones first, then the browsers, which take
# longest. Two processes: with a third nothing is done sooner on two cores, and browsers wait longer.
all-pytest:
	$(VENV)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder tests/unit tests/e2e tests/integration

bench:  ## measure the running stack; one JSON line a figure
	$(VENV)/python -m bench

lock:  ## pin requirements*.txt and package-lock.json anew
	test -x $(UV) || { $(PYTHON) -m venv var/tools && var/tools/bin/pip install --quiet uv; }
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt
	$(COMPILE) requirements-node.in -o requirements-node.txt
	@$(PYTHON) -m scripts.node pwa npm install --package-lock-only

clean:  ## remove what was built and installed, not the data in var/postgres
	rm -rf .venv pwa/node_modules pwa/dist var/tools var/nginx var/run .mypy_cache .ruff_cache .hypothesis
