# Needs Python 3.11 or later and make; everything else goes into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PHOTOS ?=
# Most tests keep one processor busy. Each process takes up to 2 GB: they train networks.
PYTEST_FLAGS ?= --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: test check demo lint types clean help

help:
	@echo "make test                 set everything up, check style and types, run the tests"
	@echo "make demo                 index sample photos and ask who is in some others"
	@echo "make demo PHOTOS=FOLDER   the same with your own photos"
	@echo "make clean                remove .venv and what tools left behind"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "facesearch needs Python 3.11 or later; call make with PYTHON=/path/to/one")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $(READY)

test: lint types
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

check: test

demo: $(READY)
	@$(BIN)/python -m facesearch.demo $(if $(PHOTOS),"$(PHOTOS)")

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo
