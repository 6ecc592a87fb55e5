# Needs python3 (3.11 or newer) with venv, and PyPI. Everything lands in .venv; a second run of a
# target installs nothing. Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.NOTPARALLEL:
.PHONY: demo test bench clean

demo: $(VENV)/installed-cli  ## train a small CNN on the embedded Fashion-MNIST sample
	$(BIN)/facula train

test: $(VENV)/installed-dev  ## style, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(VENV)/installed-dev  ## ratios to PyTorch, which it installs; writes bench/RESULTS.md
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m bench --results bench/RESULTS.md --json bench/results.json

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("facula needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# One stamp an extra: touched after a successful installation, stale when pyproject.toml changes.
$(VENV)/installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@
