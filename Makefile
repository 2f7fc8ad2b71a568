# Thin targets; each says what it needs by depending on it. Python 3.11+ and make are enough.
PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
JOBS ?= 3 # tests mostly wait; each job has a Temporal of its own
RUN = $(UV) run --frozen --no-sync

.PHONY: help install demo test torture check audit fmt bench openapi env clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

install: .venv/.installed ## make the environment at .venv (the CLI is then .venv/bin/im)

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet "uv>=0.9,<1"

.venv/.installed: pyproject.toml uv.lock $(filter .tools/bin/uv,$(UV))
	$(UV) sync --frozen --quiet --compile-bytecode $(if $(filter file,$(origin PYTHON)),,--python $(PYTHON))
	.venv/bin/python -m compileall -q activities api cli domain service workflows
	@touch $@

demo: install ## show the product working, from nothing, in under two minutes
	.venv/bin/im demo

test: install ## run every test against a real Temporal dev server
	$(RUN) pytest -n $(JOBS) --dist loadfile

torture: install ## kill, freeze, fill and soak for half an hour, and print what was lost; SEED=n repeats a run
	TORTURE=1 $(RUN) pytest tests/faults -s

check: install ## what CI runs: format, lint, types, audit, then every test (import table and replay among them)
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	.ci/audit $(UV)
	$(RUN) pytest -n $(JOBS) --dist loadfile

audit: install ## look the locked packages up in a database of vulnerabilities
	.ci/audit $(UV)

fmt: install ## format and mend what can be mended
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: install ## measure on this machine: throughput, latency, isolation, CPU, memory; BENCH="--help" tells more
	$(UV) sync --frozen --quiet --group bench
	$(RUN) python -m bench.run $(BENCH)

openapi: install ## write the description of the API to docs/openapi.json, after a change of it
	.venv/bin/python -m api.document > docs/openapi.json

env: install ## write .env.example, after a change of the settings
	.venv/bin/python -m service.environment_file > .env.example

clean: ## drop the environment and every cache
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache
