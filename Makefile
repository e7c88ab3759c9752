# make demo       the main job, on the digits that ship with scikit-learn
# make test       flake8, mypy, the whole test suite and the tutorials
# make test-fast  flake8, mypy and the tests that are not marked slow
# make docs       the documentation, to docs/_build/html
# make bench      every benchmark, to benchmarks/results
# make bench-gpu  tests and benchmark of a GPU; any Python with NumPy, SciPy,
#                 torch and pytest will do: make bench-gpu GPU_PYTHON=python3
# Each target first sets up what it needs in .venv. PYTHON=python3.12 picks
# the interpreter; a .venv of another Python version is replaced.

SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
READY := $(VENV)/ready-$(VERSION)
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: bench bench-gpu check demo docs test test-fast clean

demo: $(READY)
	@$(BIN)/secml-regpoison sec-eval --out results/demo

check: $(READY)
	@$(BIN)/python -m flake8 && echo 'flake8: clean'
	@$(BIN)/python -m mypy

# One process for each core, each with one thread: the matrix products are
# too small to share between threads. A process takes a file at a time, so
# that the cells of a notebook share a kernel and fixtures are made once.
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile \
  --no-loadscope-reorder
test test-fast: export OMP_NUM_THREADS = 1
test: check
	@mkdir -p results/test
	@status=0; \
	$(PYTEST) --nbval --nbval-current-env --junitxml=results/test/junit.xml \
	  tutorials tests 2>&1 | tee results/test/log.txt || status=$$?; \
	echo 'Results: results/test'; exit $$status

test-fast: check
	@$(PYTEST) -q -m 'not slow'

# The notebooks go in as they are, outputs and all; a warning is an error.
docs: $(READY)
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo 'Documentation: docs/_build/html/index.html'

# JAX is compared with in one benchmark, which is skipped without it.
bench: export OMP_NUM_THREADS = 1
bench: $(READY)
	@$(PIP) jax || echo 'JAX cannot be installed here' >&2
	@$(BIN)/python benchmarks/run.py

# No .venv is set up: the core needs no secml, and other tests more packages.
# Tests that are skipped say why.
GPU_PYTHON ?= $(PYTHON)
bench-gpu:
	@failed=0; export PYTHONPATH=.; \
	$(GPU_PYTHON) -m pytest -q -m gpu $$(grep -rlE "^@on_gpu|'gpu'" tests/core) \
	  || failed=1; \
	$(GPU_PYTHON) benchmarks/gpu_vs_cpu.py || failed=1; exit $$failed

# secml is installed on its own, because pip has to be told to ignore the
# Python versions that secml declares, but not those of other packages.
$(READY): setup.cfg constraints.txt Makefile
	@[ '$(VERSION)' ] || { echo 'PYTHON=$(PYTHON) does not run' >&2; exit 1; }
	@echo 'Setting up $(VENV) for Python $(VERSION): takes some minutes, once'
	@[ -e $@ ] || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --no-deps --ignore-requires-python secml
	@$(PIP) --editable '.[docs,test]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache results build docs/_build docs/tutorials \
	  *.egg-info
