# chatd: the commands a person types. Meson does the work (see meson.build);
# this file installs what is missing, and spares one the arguments.
#
# The packages are listed in packaging/deps.

PYTHON ?= /usr/bin/python3

# Extra arguments: for meson setup (`make build MESON_ARGS=-Dsystemd=disabled`, on a
# fresh build directory), for the daemon that `make run` starts, for pytest, for
# the benchmark.
MESON_ARGS ?=
ARGS ?=

BUILD = build
ASAN  = build-asan
CLANG = build-clang
RELEASE = build-release

# npm writes this file when it is done.
WSCAT = tests/wscat/node_modules/.package-lock.json
BENCH = tests/bench/node_modules/.package-lock.json
NPM_CI = npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier

.NOTPARALLEL:

.PHONY: help
help:
	@echo 'make run          build chatd and start it; it says where to connect'
	@echo 'make test         everything: all builds, all suites, also under ASan and UBSan'
	@echo
	@echo 'make build        build chatd and the unit tests in $(BUILD)/'
	@echo 'make unit         the unit tests'
	@echo 'make integration  the tests of the running daemon'
	@echo 'make asan         all suites under ASan and UBSan ($(ASAN)/)'
	@echo 'make bench        chatd beside other servers that speak its protocol, some fifteen minutes'
	@echo 'make format       clang-format on all C files'
	@echo 'make install      meson install (DESTDIR=, PREFIX=)'
	@echo 'make clean        remove what the build and the tests made'
	@echo
	@echo 'ARGS= goes to chatd (run), to pytest (test, asan, integration) or to the benchmark:'
	@echo "    make run ARGS='--set server.listen=localhost:9000'"
	@echo "    make integration ARGS='-k ping'"
	@echo 'What is missing is installed with apt-get.'

# --- What is needed -----------------------------------------------------------

.PHONY: deps-build deps-test deps-format
deps-build:
	@packaging/deps build
deps-test:
	@packaging/deps build test
deps-format:
	@packaging/deps format

$(WSCAT) $(BENCH): tests/%/node_modules/.package-lock.json: tests/%/package.json tests/%/package-lock.json | deps-test
	cd tests/$* && $(NPM_CI)
	@touch $@

# --- Builds -------------------------------------------------------------------

$(BUILD)/build.ninja: | deps-build
	meson setup $(BUILD) $(MESON_ARGS)

$(ASAN)/build.ninja: | deps-build
	meson setup $(ASAN) -Db_sanitize=address,undefined -Db_lundef=false $(MESON_ARGS)

# Only for clang's warnings; nothing of it is run.
$(CLANG)/build.ninja: | deps-test
	CC=clang meson setup $(CLANG) $(MESON_ARGS)

# For measuring.
$(RELEASE)/build.ninja: | deps-build
	meson setup $(RELEASE) --buildtype=release -Dtests=false $(MESON_ARGS)

.PHONY: build
build: deps-build $(BUILD)/build.ninja
	@ninja -C $(BUILD)

.PHONY: build-all
build-all: deps-test $(BUILD)/build.ninja $(ASAN)/build.ninja $(CLANG)/build.ninja
	@ninja -C $(BUILD)
	@ninja -C $(ASAN)
	@ninja -C $(CLANG)

.PHONY: run
run: deps-build $(BUILD)/build.ninja
	@ninja --quiet -C $(BUILD) src/chatd
	@$(BUILD)/src/chatd $(ARGS)

.PHONY: install
install: build
	$(if $(PREFIX),meson configure $(BUILD) -Dprefix=$(PREFIX))
	meson install -C $(BUILD)

# --- Tests --------------------------------------------------------------------

.PHONY: test
test: build-all $(WSCAT)
	@$(PYTHON) tests/run.py $(BUILD) $(ASAN) -- $(ARGS)

.PHONY: unit
unit: build
	@$(PYTHON) tests/run.py --only unit $(BUILD)

.PHONY: integration
integration: deps-test build $(WSCAT)
	@$(PYTHON) tests/run.py --only daemon $(BUILD) -- $(ARGS)

.PHONY: asan
asan: deps-test $(ASAN)/build.ninja $(WSCAT)
	@ninja -C $(ASAN)
	@$(PYTHON) tests/run.py $(ASAN) -- $(ARGS)

.PHONY: bench
bench: deps-test $(RELEASE)/build.ninja $(BENCH)
	@ninja -C $(RELEASE)
	@$(PYTHON) tests/bench/bench.py --build $(RELEASE) $(ARGS)

# --- Housekeeping -------------------------------------------------------------

.PHONY: format
format: deps-format
	find proto rooms src tests -name node_modules -prune -o -name '*.[ch]' -print0 | xargs -0 clang-format -i

.PHONY: clean
clean:
	rm -rf $(BUILD) $(ASAN) $(CLANG) $(RELEASE) tests/wscat/node_modules tests/bench/node_modules
	find tests -name __pycache__ -prune -exec rm -rf {} +
