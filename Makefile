# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv first.

PYTHON ?= python3
EXTRAS ?= benchmark,test
BIN := .venv/bin
comma := ,
# The extras with one more, unless it is there.
with = $(EXTRAS)$(if $(findstring $(1),$(EXTRAS)),,$(comma)$(1))

.PHONY: setup demo test lint types tests docs notebooks notebooks-update mutants clean

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
# COVERAGE="--cov --cov-report=term" measures coverage too, and takes a fifth longer; CI does.
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

clean:
	rm -rf .venv build mutants docs/api docs/benchmarks/commands.md .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
