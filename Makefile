# make demo   the main job, on the digits that ship with scikit-learn
# make test   flake8, the whole test suite and the tutorials
# make docs   the documentation, to docs/_build/html
# make bench  every benchmark, to benchmarks/results
# All first set up what they need in .venv. PYTHON=python3.12 picks the
# interpreter; a .venv of another Python version is made anew.

SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
READY := $(VENV)/ready-$(VERSION)
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: bench demo docs test clean

demo: $(READY)
	@$(BIN)/secml-regpoison sec-eval --out results/demo

# A process for each core, with one thread: the sums are too short to share.
test: export OMP_NUM_THREADS = 1
test: $(READY)
	@mkdir -p results/test
	@status=0; \
	{ $(BIN)/python -m flake8 && echo 'flake8: clean' && \
	  $(BIN)/python -m pytest -n auto --junitxml=results/test/junit.xml && \
	  $(BIN)/python -m pytest -n auto --dist loadscope --nbval \
	    --nbval-current-env --junitxml=results/test/tutorials.xml tutorials; \
	} 2>&1 | tee results/test/log.txt || status=$$?; \
	echo 'Results: results/test'; exit $$status

# The notebooks go in as they are, outputs and all; a warning is an error.
docs: $(READY)
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo 'Documentation: docs/_build/html/index.html'

# JAX is the other side of one benchmark, which does without it.
bench: export OMP_NUM_THREADS = 1
bench: $(READY)
	@$(PIP) jax || echo 'JAX cannot be installed here' >&2
	@$(BIN)/python benchmarks/run.py

# secml on its own, because pip has to be told to overlook the Python
# versions that secml declares, and of no other package.
$(READY): setup.cfg constraints.txt Makefile
	@[ '$(VERSION)' ] || { echo 'PYTHON=$(PYTHON) does not run' >&2; exit 1; }
	@echo 'Setting up $(VENV) for Python $(VERSION): some minutes, once'
	@[ -e $@ ] || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) --no-deps --ignore-requires-python secml
	@$(PIP) --editable '.[docs,test]'
	@touch $@

clean:
	rm -rf $(VENV) results build docs/_build docs/tutorials *.egg-info
