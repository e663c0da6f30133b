# `make site` and `make test` do all set-up on a machine with Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest

# Hundreds of builds are quicker if the generator is compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: site test tests browser bench mutants thorough lowest lint clean

# make test TESTS=tests/sitegen: a part of the tests, and nothing else.
TESTS :=
PYTEST = -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder --durations 10

site: $(VENV)/.ready
	$(BIN)/python build_site.py
	cd docs/guide && ../../$(BIN)/python ../../build_site.py

# Types are checked by one process, beside the tests.
test: $(VENV)/.ready
	@$(MAKE) --no-print-directory --jobs 2 tests $(if $(TESTS),,lint)

tests: browser
	$(BIN)/python $(PYTEST) $(TESTS)

browser: $(VENV)/.ready
	@$(BIN)/python tests/pages/browser.py

bench: $(VENV)/.ready
	$(BIN)/python -m bench

# Properties, with twenty times as many examples.
thorough: $(VENV)/.ready
	EXAMPLES_TIMES=20 $(BIN)/python $(PYTEST) tests/test_traces_property.py tests/sitegen/test_fuzz.py

mutants: thorough
	$(BIN)/python tests/mutants.py

lowest: $(VENV)/.ready browser
	$(PYTHON) -m venv $(LOWEST)
	$(BIN)/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt --editable '.[dev]'
	$(LOWEST)/bin/python $(PYTEST) -m 'not newest'

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
