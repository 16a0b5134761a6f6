# One command each; everything needed is set up first (see tools/bootstrap.py).
#
#   make run                    demonstration system on http://127.0.0.1:8000
#   make run DATABASE=bureau    an empty system of the bureau's own; PORT=8001 chooses another port
#   make test                   all tests; ARGS="-k recovery" chooses
#   make lint                   everything that is checked without running
#   make backup [FILE=…]        database and stored files as one file
#   make restore FILE=…         into an empty database; FORCE=1 replaces what is there
#
# Each recipe is one plain command: make then starts it without a shell between, and a killed make takes it along.

PYTHON ?= python3.11
BOOTSTRAP = $(PYTHON) tools/bootstrap.py

# `make restore backup.tar`: the word after the target is the file.
ifeq (restore,$(firstword $(MAKECMDGOALS)))
  ifndef FILE
    FILE := $(word 2,$(MAKECMDGOALS))
    ifneq (,$(FILE))
      .PHONY: $(FILE)
      $(FILE): restore ; @:
    endif
  endif
endif

.PHONY: help setup run test lint backup restore bench vendor locks

help:
	@sed -n "s/^#  *\(make .*\)/\1/p" Makefile

setup:
	@$(BOOTSTRAP) setup

run:
	@$(BOOTSTRAP) run

test:
	@$(BOOTSTRAP) test $(ARGS)

lint:
	@$(BOOTSTRAP) lint

backup:
	@$(BOOTSTRAP) backup $(if $(FILE),--output $(FILE))

restore:
	@$(BOOTSTRAP) restore $(FILE) $(if $(filter 1,$(FORCE)),--force)

bench:
	@$(BOOTSTRAP) python -m bench $(ARGS)

vendor:
	@$(BOOTSTRAP) python tools/vendor.py

locks:
	@$(BOOTSTRAP) python tools/locks.py
