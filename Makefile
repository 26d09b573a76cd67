# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv first.

PYTHON ?= python3
EXTRAS ?= benchmark,test
BIN := .venv/bin
comma := ,
# The extras with one more, unless it is there.
with = $(EXTRAS)$(if $(findstring $(1),$(EXTRAS)),,$(comma)$(1))

.PHONY: setup demo test lint types tests docs notebooks notebooks-update mutants dist matrix clean

setup: .venv/installed-$(EXTRAS)

# The tested versions; any change of them, or of the extras, installs again.
.venv/installed-$(EXTRAS): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
	@touch "$@"

demo: setup
	$(BIN)/python -m benchmarks demo

test: lint types tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

# One process a core, of one thread each: on graphs as small as the tests' threads only wait.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=worksteal
# COVERAGE="--cov --cov-report=term" measures coverage too, and takes a fifth longer.
COVERAGE ?=
tests: setup
	$(PYTEST) $(COVERAGE) --ignore=tests/notebooks

# Warnings are errors; the page to open is build/docs/index.html.
docs:
	@$(MAKE) --no-print-directory setup EXTRAS="$(call with,docs)"
	$(BIN)/sphinx-build -W --keep-going --quiet docs build/docs

# Runs the notebooks, each in a kernel of its own, and compares outputs with those committed.
notebooks:
	@$(MAKE) --no-print-directory setup EXTRAS="$(call with,notebooks)"
	$(PYTEST) tests/notebooks

# Runs them and writes their outputs in place: look at them before they are committed.
notebooks-update:
	@$(MAKE) --no-print-directory setup EXTRAS="$(call with,notebooks)"
	$(BIN)/python -m tests.notebooks.update

# Breaks the library in a random sample of places (MUTANTS=0: in all, for days), and prints which
# breaks no test notices. By hand, on an idle machine.
MUTANTS ?= 250
mutants:
	@$(MAKE) --no-print-directory setup EXTRAS="$(call with,mutants)"
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants $(MUTANTS)

# Wheel and sdist in dist/: their contents, what an index would refuse, and the doctests where the
# wheel alone is installed.
DIST := PYG_DIFFPOOL_DIST="$(CURDIR)/dist" $(BIN)/python -m pytest
dist:
	@$(MAKE) --no-print-directory setup EXTRAS="$(call with,release)"
	rm -rf dist build/clean
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*
	$(DIST) -q tests/test_packaging.py
	$(PYTHON) -m venv build/clean
	build/clean/bin/python -m pip install --quiet --constraint constraints.txt dist/*.whl pytest
	touch build/clean/pytest.ini
	cd build/clean && bin/python -m pytest -q -p no:cacheprovider --doctest-modules --pyargs pyg_diffpool

# The library's tests on each Python found, with the oldest and the newest requirements: for hours,
# and gigabytes. MATRIX="--python 3.12" takes a part. Rows go to tests/matrix.json.
MATRIX ?=
matrix:
	@$(MAKE) --no-print-directory setup EXTRAS="$(call with,release)"
	$(BIN)/nox $(MATRIX)

clean:
	rm -rf .nox dist .venv build mutants docs/api docs/benchmarks/commands.md .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
