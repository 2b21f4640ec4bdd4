# sngan-repro. `make study` runs the main job, `make test` the tests; both create .venv first.

PYTHON ?= python3
STUDY ?= quick
CORES ?= all
BIN := .venv/bin
WORKERS ?= 3

.PHONY: help study test test-fast lint docs bench clean

help:
	@echo "make study           the quick study, from nothing to a report (STUDY=name for another, CORES=n)"
	@echo "make test            the whole test suite (WORKERS=n processes, 3 by default)"
	@echo "make test-fast       the tests that take at most two seconds each"
	@echo "make lint            ruff, snakefmt, snakemake --lint, lint-imports, mypy"
	@echo "make docs            the documentation as a site: site/index.html"
	@echo "make bench           all benchmarks that need no GPU and at most minutes, in half an hour (BENCH=--quick: shows that they run)"

# The environment, from exact versions. Made again when the pins or the dependencies change.
.venv/installed: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sngan-repro needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

# A bar on a terminal, plain lines elsewhere.
study: .venv/installed
	@if [ -t 1 ]; then display="--logger rich"; else display="--quiet host reason"; fi; \
	$(BIN)/snakemake --cores $(CORES) $$display --config study=$(STUDY)
	@echo "Report: results/$(basename $(notdir $(STUDY)))/report.html and report.pdf beside it"

# Three workers for two cores, since one waits for Slurm most of the time. Each computes on one thread. A worker runs
# whole files (--dist loadfile), so a fixture of a file is made once. The order of tests/conftest.py is kept, so that the
# longest files start first. Compiled files are kept also where PYTHONDONTWRITEBYTECODE is set: else each of some hundred
# processes compiles all sources again.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: .venv/installed
	$(PYTEST)

test-fast: .venv/installed
	$(PYTEST) -m "not workflow and not slow"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

BENCH ?=

bench: .venv/installed
	@set -e; for name in $$(cd benchmarks && ls *.py | grep -v -e __init__ -e common -e naive -e study -e calibration -e gpu -e kills -e damage -e tiny_study -e emoji); do \
		echo "== benchmarks.$${name%.py}"; $(BIN)/python -m benchmarks.$${name%.py} $(BENCH); \
	done

clean:
	rm -rf .venv .snakemake results/*/ data site
