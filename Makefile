# demo, test, lint, bench, clean. Each makes .venv first if it is missing, from requirements.txt alone.
# Written for any make and any sh: macOS still has GNU make 3.81.
PYTHON = python3.11
BIN = .venv/bin
STAMP = .venv/.installed

.PHONY: help demo test lint bench clean

help:
	@echo 'make demo   the whole flow on this machine: pictures in, prediction out'
	@echo 'make test   all tests'
	@echo 'make lint   every check that runs no product code'
	@echo 'make bench  measurements against named baselines'
	@echo 'make clean  stop the embedded account and remove what was built; .venv stays'

demo: $(STAMP)
	@$(BIN)/python deploy.py demo

# Two workers: many tests wait for a process, a clock or a socket.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2
	cd embedded_account && ../$(BIN)/python -m pytest -n 2

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy deploy.py datasets handlers inference ops reports statemachine training
	MYPYPATH=embedded_account/src $(BIN)/mypy embedded_account/src
	$(BIN)/lint-imports
	mkdir -p build
	$(BIN)/python -m ops.expand_template > build/expanded.json
	$(BIN)/cfn-lint template.yaml build/expanded.json
	$(BIN)/python -m pytest -q tests/test_template.py
	@if command -v npx > /dev/null; then \
	  npx --yes asl-validator@4.0.0 --json-path statemachine/pipeline.asl.json; \
	else \
	  echo 'asl-validator: skipped, it needs node; the tests create the state machine in the embedded account instead'; \
	fi

bench: $(STAMP)
	@ls bench/bench_*.py > /dev/null 2>&1 || { echo 'bench/: there is no bench_*.py yet' >&2; exit 1; }
	@for file in bench/bench_*.py embedded_account/bench/bench_*.py; do $(BIN)/python "$$file" || exit 1; done

clean:
	@if [ -x $(BIN)/python ] && [ -d .local ]; then $(BIN)/python deploy.py local stop; fi
	rm -rf build .local .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# The stamp comes last, so that an installation that was interrupted is taken up again.
$(STAMP): requirements.txt
	@command -v $(PYTHON) > /dev/null || { \
	  echo '$(PYTHON): not found; install Python 3.11, or name it: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo '$(PYTHON): is not Python 3.11; name one that is: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo '$(PYTHON): has no venv module; install it (Debian and Ubuntu: apt install python3.11-venv)' >&2; exit 1; }
	@echo 'installing the pinned packages into .venv, once ...'
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable ./embedded_account
	@$(BIN)/python -m compileall -q datasets handlers inference ops reports training
	@$(BIN)/python -m ops.prepare
	@touch $(STAMP)
