# The tasks of a developer. Needs make and Python 3.11, 3.12 or 3.13; everything else is installed in .venv.
#
#   make demo   the main job on a cut made on the spot        make test   all tests
#   make lint   ruff, mypy, import contracts, docs            make docs   write the generated pages
#   make venv   only the environment                          make lock   pin the dependencies anew

SHELL := /bin/sh
VENV := .venv
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
# The first Python that runs, fits and can make environments: a name on PATH may be a shim for one that is not there.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3 python,\
	$(shell $(name) -c "$(FITS)" >/dev/null 2>&1 && echo $(name))))
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
STAMP := $(VENV)/.stamp
DEMO_ARGS ?=
# Two processes fit the two cores this is meant to run on; a file's tests stay together and share its media.
PYTEST_ARGS ?= -n 2 --dist loadfile

.PHONY: demo test lint docs venv lock clean

demo: $(STAMP)
	$(BIN)/otio-bridge demo $(DEMO_ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

docs: $(STAMP)
	$(BIN)/python docs/generate.py

venv: $(STAMP)

$(STAMP): pyproject.toml requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11, 3.12 or 3.13 found: install one, or say make PYTHON=..."; exit 1; }
	@echo "installing into $(VENV) with $(PYTHON)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --requirement requirements/dev.txt
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	@touch $(STAMP)

lock:
	$(PYTHON) requirements/lock.py

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
