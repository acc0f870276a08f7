# make demo   a virtual environment, the package in it, and the main job on real data
# make test   the same environment with the test tools, and all tests
# Both may be run again and again; the environment is made once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# one thread each: small networks are slower on more, and tests run side by side with others
ENVIRONMENT := OMP_NUM_THREADS=1 MPLBACKEND=agg

.PHONY: demo test test-fast test-oldest lint types docs bench clean

$(VENV)/torch: constraints.txt
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r constraints.txt
	touch $@

$(VENV)/plot: $(VENV)/torch pyproject.toml
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[fast,plot]"
	touch $@

$(VENV)/dev: $(VENV)/torch pyproject.toml
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/plot

# with the libraries that benchmarks compare with
$(VENV)/bench: $(VENV)/torch pyproject.toml
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[fast,bench]"
	touch $@

demo: $(VENV)/plot
	$(ENVIRONMENT) $(BIN)/python examples/demo.py

test: $(VENV)/dev
	$(ENVIRONMENT) $(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

# without what takes more than a few seconds: for work on the code
test-fast: $(VENV)/dev
	$(ENVIRONMENT) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" -x -q

# the lower ends of the ranges in pyproject.toml
test-oldest: oldest.txt constraints.txt
	"$(PYTHON)" -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade pip
	.venv-oldest/bin/python -m pip install --quiet -r constraints.txt
	.venv-oldest/bin/python -m pip install --quiet -c constraints.txt -r oldest.txt -e .
	$(ENVIRONMENT) .venv-oldest/bin/python -m pytest -n 2 --dist worksteal -q -m "not slow" -p no:cacheprovider tests/kernels tests/modules tests/training tests/transformers tests/estimators tests/test_sequences.py tests/test_losses.py tests/test_tokens.py tests/test_end_to_end.py

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

docs: $(VENV)/torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	$(ENVIRONMENT) $(BIN)/python -m sphinx -b html docs docs/_build

bench: $(VENV)/bench
	for file in $$(grep -l __main__ benchmarks/*.py); do $(ENVIRONMENT) $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) .venv-oldest demo_output docs/_build build *.egg-info
