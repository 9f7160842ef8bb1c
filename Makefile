# Everything a newcomer needs: `make demo` and `make test`. The rest is for those who work on reviewtune.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RESULTS ?= results
EXTRAS ?= embedded,fast,dev
comma := ,
INSTALLED := $(VENV)/.installed-$(subst $(comma),-,$(EXTRAS))

.PHONY: demo test test-slow test-gpu test-min mutants setup docs lint format clean

demo: setup  ## tune six families on the embedded sample corpus and print the leaderboard
	$(BIN)/reviewtune demo --results-dir $(RESULTS)

test: setup  ## the test-suite, without what takes minutes or needs CUDA
	$(BIN)/python -m pytest -n 2 tests/unit tests/contract tests/fuzz
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/end_to_end tests/faults

test-slow: setup  ## what takes minutes; run before a release
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

test-gpu: setup  ## what needs CUDA
	$(BIN)/python -m pytest -m gpu

# The oldest direct dependencies but torch, of which each version is gigabytes: it is that of constraints.txt.
MIN := .venv-min
MIN_TESTS ?= tests/unit tests/contract tests/end_to_end/test_documents.py
test-min:  ## unit and contract tests and a whole study with the oldest versions that pyproject.toml allows, in an environment of its own
	test -x $(MIN)/bin/python || $(PYTHON) -m venv $(MIN)
	mkdir -p build
	$(MIN)/bin/python -m pip install --quiet --disable-pip-version-check packaging
	$(MIN)/bin/python tests/lowest.py embedded --pinned torch > build/lowest.txt
	$(MIN)/bin/python -m pip install --quiet --disable-pip-version-check -c build/lowest.txt -e '.[embedded]' flask flask-cors hypothesis jsonschema moto pytest pytest-timeout pytest-xdist pyyaml
	$(MIN)/bin/python -m pip check
	$(MIN)/bin/python -m pytest -n 2 -p no:cacheprovider $(MIN_TESTS)

MUTANTS ?= --sample 100 --processes 2 --output mutants.json
mutants: setup  ## the share of random changes to the code that the tests notice; MUTANTS= are its arguments
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	$(BIN)/python -m tests.mutation $(MUTANTS)

setup: $(INSTALLED)  ## a virtual environment under the pinned constraints, with EXTRAS=

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"reviewtune needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: run make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

$(VENV)/.docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

docs: $(VENV)/.docs  ## the documentation, into build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: setup docs  ## ruff and mypy, both strict, and the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(MIN) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
