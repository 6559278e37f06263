# make run    environment, then the default run, ending in results/quick/report.html
# make test   environment, then the tests
# make test-slurm   the tests on a real SLURM cluster, started here for them (Debian, as root)
# make resume       go on with a run that was killed; make verify   check its tables and models
# Needs Python 3.11 or newer and make; everything else is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= all
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help env env-dev run resume verify test test-slurm lint docs slurm-profile clean

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

env: .venv/.run-ready
env-dev: .venv/.dev-ready

.venv/.run-ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with 'make PYTHON=/path/to/python3.11'" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt --editable '.[workflow]'
	@touch $@

.venv/.dev-ready: .venv/.run-ready
	$(PIP) install --quiet --constraint constraints.txt --editable '.[workflow,dev]'
	@touch $@

run: env
	$(BIN)/snakemake --cores $(CORES)

# with arguments: make resume ARGS="paper --cancel"
resume: env
	$(BIN)/python workflow/resume.py $(ARGS)

verify: env
	$(BIN)/python workflow/verify.py $(ARGS)

# one thread each: the tests share the cores with the workflow runs they start
test: env-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slurm'

test-slurm: env-dev
	tests/slurm/install.sh
	$(BIN)/python -m pytest tests/slurm

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check .
	$(BIN)/snakemake --lint

# tables of settings and columns, generated from the schemas
docs: env-dev
	$(BIN)/python docs/generate.py

# 'snakemake --profile slurm' looks for profiles in this folder
PROFILES := $(or $(XDG_CONFIG_HOME),$(HOME)/.config)/snakemake
slurm-profile:
	@mkdir -p "$(PROFILES)"
	@if [ -e "$(PROFILES)/slurm" ] && [ ! -L "$(PROFILES)/slurm" ]; then \
		echo "$(PROFILES)/slurm exists and is not a link; move it away first" >&2; exit 1; fi
	ln -sfn "$(CURDIR)/profiles/slurm" "$(PROFILES)/slurm"

clean:
	rm -rf .venv .snakemake scratch
