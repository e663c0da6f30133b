# `make site` and `make test` do all set-up on a machine with Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest

# Hundreds of builds are quicker if the generator is compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: site test browser bench mutants lowest lint clean

site: $(VENV)/.ready
	$(BIN)/python build_site.py
	cd docs/guide && ../../$(BIN)/python ../../build_site.py

test: $(VENV)/.ready lint browser
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
	$(BIN)/python build_site.py --check

browser: $(VENV)/.ready
	@$(BIN)/python tests/pages/browser.py

bench: $(VENV)/.ready
	$(BIN)/python -m bench

mutants: $(VENV)/.ready
	$(BIN)/python tests/mutants.py

lowest: $(VENV)/.ready browser
	$(PYTHON) -m venv $(LOWEST)
	$(BIN)/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt --editable '.[dev]'
	$(LOWEST)/bin/python -m pytest --numprocesses auto --dist loadfile -m 'not newest'

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/mypy

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(LOWEST) site
