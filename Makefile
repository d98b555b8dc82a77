# One release build serves the demo and the tests, so that the second of the two rebuilds nothing that the first built.
# Tests reach into the package with `package` access: `@testable` would need a build of its own.
#
#   make demo                     tune a small language model on support conversations, compare, talk to it, report
#   make demo DEMO=--retrain      the same from the start; any flag of `wallfacer demo`
#   make test                     all tests
#   make test TEST='--filter X'   some of them; any flag of `swift test`
#   make check                    format, layering, sizes, documentation
#   make bench                    the peers beside us on this machine

SHELL := /bin/bash
CONFIGURATION := --configuration release

.PHONY: demo test build check bench bootstrap help

demo: bootstrap
	@swift build $(CONFIGURATION) --product wallfacer
	@.build/release/wallfacer demo $(DEMO)

test: bootstrap
	@swift test $(CONFIGURATION) --disable-testable-imports --disable-xctest --no-parallel $(TEST)

build: bootstrap
	@swift build $(CONFIGURATION) --build-tests

check: bootstrap
	@Scripts/check

bench: bootstrap
	@swift build $(CONFIGURATION) --product wallfacer
	@Benchmarks/run $(BENCH)

bootstrap:
	@Scripts/bootstrap

help:
	@sed -n 's/^# \{0,1\}//p' Makefile
