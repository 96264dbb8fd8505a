# make demo    run the lecture             make check   lint and type-check
# make test    run the tests               make bench   time it against its peers
#                                          make test-peers   compare it with them

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# The first Python on the PATH that is new enough; override with `make PYTHON=/path/to/python demo`.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python, \
            $(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))

.PHONY: demo test test-peers check bench clean

demo: $(VENV)/installed
	@$(BIN)/chainrule demo

test: $(VENV)/test-installed
	@$(BIN)/python -m pytest -q -n 2

test-peers: $(VENV)/bench-installed
	@$(BIN)/python -m pytest -q -m peers -n 2
	@$(BIN)/python -m pytest -q -m peers tests/peers/test_peers_differences.py  # prints what is meant to differ

check: $(VENV)/test-installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

bench: $(VENV)/bench-installed
	@$(BIN)/python -m bench

clean:
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "chainrule needs Python 3.11 or newer on the PATH" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Each stamp stands for an installation that is as new as pyproject.toml; while it is, nothing is fetched.
$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "installing chainrule into $(VENV)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/test-installed: pyproject.toml | $(BIN)/python
	@echo "installing chainrule and what its tests need into $(VENV)"
	@$(PIP) --editable '.[test]'
	@touch $(VENV)/installed $@

$(VENV)/bench-installed: pyproject.toml Makefile | $(BIN)/python
	@echo "installing chainrule and its peers into $(VENV)"
	@$(PIP) --editable '.[test,bench]' torch==2.13.0
	@touch $(VENV)/installed $(VENV)/test-installed $@
