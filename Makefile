# dancegen: `make` lists the commands. `make demo` and `make test` make .venv themselves.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two at a time: those of Ray mostly wait for processes. conftest.py says which must stay together.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup

# ablation needs a table of clips; the last two are parts of others
BENCHMARKS := $(filter-out $(addprefix benchmarks/,ablation.py plain_step.py noise_clips.py),$(wildcard benchmarks/*.py))

.DEFAULT_GOAL := help
.PHONY: help setup check test test-fast demo bench docs clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## make .venv with every version pinned in constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dancegen needs Python 3.11 or newer; name one: make PYTHON=python3.11" >&2; exit 2; }
	@echo "Setting up .venv (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip setuptools wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mediapipe,onnx,dev]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --force-reinstall --no-deps opencv-python-headless  # a machine without libGL
	@touch $@
	@echo "Ready: $(BIN)/dancegen --help"

check: $(READY)  ## formatting, lint, types, the rules of who may import whom, generated pages
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m basedpyright --level error
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

test: $(READY)  ## every test (15 minutes on two cores; no GPU is needed)
	$(PYTEST)

test-fast: $(READY)  ## only the tests that need no Ray (4 minutes on two cores)
	$(PYTEST) tests/unit

demo: $(READY)  ## the whole flow on a small corpus, ending in videos to look at
	@PATH="$(CURDIR)/$(BIN):$$PATH" configs/laptop/demo.sh

bench: $(READY)  ## the benchmarks; results go to benchmarks/results
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python "$$script"; done

docs: $(READY)  ## write docs/settings.md and docs/tables.md again
	$(BIN)/python docs/generate.py

clean:  ## delete .venv and what the demo made
	rm -rf $(VENV) demo
