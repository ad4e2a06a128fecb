# authbench: `make compare` measures, `make test` checks, `make setup` installs. All three need only Python, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup compare test lint lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install authbench into .venv from the hashed lock

$(STAMP): requirements.lock pyproject.toml
	@PYTHON=$(PYTHON) sh deploy/setup.sh $(VENV)
	@touch $@

compare: setup ## measure the six core schemes and write runs/<id>/report.html
	@$(BIN)/authbench run

test: setup lint ## lint, types and the whole test suite against real servers
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

lint: setup ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

lock: ## refresh requirements.lock (needs uv)
	uv pip compile --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements.lock

clean: ## remove the environment and caches, keep runs/
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
