# dancegen: `make` lists the commands. All targets that need .venv create it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two tests at a time: Ray tests mostly wait for processes. conftest.py groups tests that must share a worker.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup --max-worker-restart 0

# ablation.py needs a table of clips, heads.py a GPU, dance_quality.py is `make gate`; plain_step.py, noise_clips.py and local_cluster.py are modules
BENCHMARKS := $(filter-out $(addprefix benchmarks/,ablation.py comparison.py dance_quality.py heads.py plain_step.py noise_clips.py local_cluster.py random_kills.py real_people.py),$(wildcard benchmarks/*.py))

.DEFAULT_GOAL := help
.PHONY: help setup check test test-fast demo bench gate wheel try-wheel audit docs site clean

help:  ## List the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## Create .venv with every version pinned in constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "dancegen needs Python 3.11 or newer. Set its path: make PYTHON=python3.11" >&2; exit 2; }
	@echo "Setting up .venv (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip setuptools wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mediapipe,onnx,renderer,dev]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --force-reinstall --no-deps opencv-python-headless  # no libGL on this machine
	@touch $@
	@echo "Ready: $(BIN)/dancegen --help"

check: $(READY)  ## Check formatting, lint, types, import rules, generated files and links
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m basedpyright --level error
	$(BIN)/lint-imports
	$(BIN)/python tests/house.py
	$(BIN)/python docs/generate.py --check
	$(BIN)/python docs/site.py $(VENV)/site

test: $(READY)  ## Run all tests (20 minutes on two cores, no GPU needed)
	$(PYTEST)

test-fast: $(READY)  ## Run only the tests that need no Ray (6 minutes on two cores)
	$(PYTEST) tests/unit

demo: $(READY)  ## Run the whole pipeline on a small synthetic corpus and render videos
	@PATH="$(CURDIR)/$(BIN):$$PATH" configs/laptop/demo.sh

bench: $(READY)  ## Run the benchmarks and print their results
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python "$$script"; done

gate: $(READY)  ## Measure the shipped dance model against its bars
	$(BIN)/python benchmarks/dance_quality.py

wheel: $(READY)  ## Build the wheel of the last commit into dist/
	@rm -rf dist && mkdir -p dist/tree && git archive HEAD | tar -x -C dist/tree
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist dist/tree
	@rm -r dist/tree
	@echo dist/*.whl

try-wheel: wheel  ## Install the wheel into a fresh environment and try its commands there (10 minutes on two cores)
	cluster/try_wheel.sh dist/*.whl $(SONGS)

# --strict, because a package that the service does not answer for is otherwise no failure
audit: $(READY)  ## Look for known vulnerabilities of the pinned packages; ADVISORIES=FOLDER does it without network
ifdef ADVISORIES
	$(BIN)/python cluster/advisories.py $(ADVISORIES) constraints.txt
else
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1; }
	$(VENV)/audit/bin/pip-audit --strict -r constraints.txt --no-deps --disable-pip
endif

docs: $(READY)  ## Generate docs/settings.md, docs/tables.md, jobs/ and cluster/kuberay/ from the code
	$(BIN)/python docs/generate.py

site: $(READY)  ## Build the documentation site into site/
	$(BIN)/python docs/site.py site

clean:  ## Delete .venv and the results of the demo
	rm -rf $(VENV) demo site dist build
