# Every target first provides what it needs (tools/setup), which takes no time when it is there.
# PYTHON=python3.12 chooses the interpreter of .venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lab test check lint bench prove faults flows docs clean setup setup-lab setup-bench

VENV := .venv/bin
RUN := $(VENV)/python
ONLY ?= *
# What proves the same promise without a lab.
BESIDE_oam := tests/golden/test_trace_equals_ofproto.py
BESIDE_monitoring := tests/acceptance/test_faults.py
BESIDE_icmp := tests/acceptance/test_icmp_paths.py
BESIDE_* := $(BESIDE_oam)
export PYTHON
# Where Debian keeps the daemons that labs start, also for those who became root with plain su.
export PATH := $(PATH):/usr/sbin:/sbin

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup:
	@tools/setup venv

setup-lab:
	@tools/setup lab

setup-bench:
	@tools/setup bench

demo: setup-lab ## start everything on Mininet and walk through what the project does (root)
	@$(RUN) -m mininet_topos.demo

lab: setup-lab ## the demo's network, left open for you (root)
	@$(RUN) -m mininet_topos.lab

test: setup-lab lint ## lint, types, import contracts, then all tests (root)
	@tools/in-clean-lab $(RUN) -m pytest

check: lint ## lint, types, import contracts, unit and golden tests
	@$(RUN) -m pytest tests/unit tests/golden

lint: setup
	@$(VENV)/ruff check --quiet
	@$(VENV)/ruff format --check --quiet
	@$(VENV)/mypy --no-error-summary
	@contracts=$$($(VENV)/lint-imports --no-logo --no-cache 2>&1) || { echo "$$contracts"; exit 1; }

prove: setup-lab ## the long evidence behind every claim, or behind one: ONLY=foundation (root)
	@PROVE=full tools/in-clean-lab $(RUN) -m pytest -s tests/acceptance/test_$(ONLY).py $(BESIDE_$(ONLY))

faults: setup-lab ## break a lab in every way of the catalogue, and write what the monitor said of it (root)
	@PROVE=full tools/in-clean-lab $(RUN) -m pytest -s tests/acceptance/test_faults.py

bench: setup-bench ## the figures of docs/benchmarks.md (root)
	@$(RUN) -m tests.bench

flows: setup ## write flows/ from the declaration of the pipeline and the scenarios
	@$(RUN) -m tools.flows

docs: setup ## write what docs/ holds that comes from the code
	@$(RUN) -m tools.docs

clean: ## remove what was made here, .venv included
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build ./*.egg-info
