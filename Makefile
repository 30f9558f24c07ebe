# SPDX-License-Identifier: Apache-2.0
# The front door. Everything behind it: CMake presets (dev, clang, asan, tsan, release, fuzz) and tools/.
prefix ?= /usr/local
DESTDIR ?=

help:
	@echo 'make demo          see state survive kill -9, within a minute'
	@echo 'make test          everything that must be green: builds, lint, tests, sanitizers'
	@echo 'make test-long     the long campaigns; resumable'
	@echo 'make test-planted  every planted mistake must be found by its test'
	@echo 'make test-flink    Flink'"'"'s own client against running weir jobs'
	@echo 'make deb           Debian packages, in build/package'
	@echo 'make test-package  they and the image are built, installed, booted'
	@echo 'make bench         speed, as ratios to limit programs and to RocksDB'
	@echo 'make bench-full    the same with 100 M keys and every case; over an hour'
	@echo 'make check         format, tidy, cppcheck, layers, symbols, headers, docs'
	@echo 'make release       build/release/weir, libraries, examples'
	@echo 'make install       to $$(DESTDIR)$$(prefix), by default /usr/local'
	@echo 'make format        clang-format, in place'
	@echo 'make docs          generate docs/reference anew'
	@echo 'make clean         remove build/'

demo:
	tools/bootstrap demo
	cmake --preset release
	ninja -C build/release runnable
	build/release/weir demo

test:
	tools/bootstrap test
	tools/test

test-long:
	tools/bootstrap test
	tools/test_long

test-package:
	tools/bootstrap package
	tools/test_package

deb:
	tools/bootstrap package
	tools/package

test-planted:
	tools/bootstrap test
	tools/test_planted

test-flink:
	tools/bootstrap flink
	tools/test_flink

bench:
	tools/bootstrap bench
	tools/bench

bench-full:
	tools/bootstrap bench
	tools/bench --full

check:
	tools/bootstrap check
	tools/check

check-full:
	tools/bootstrap check
	tools/check --full

release:
	tools/bootstrap demo
	cmake --preset release
	ninja -C build/release installed

install: release
	DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(prefix)'

format:
	clang-format -i $$(find src include cli examples tools tests bench -name "*.[ch]")

docs:
	cmake --preset dev
	ninja -C build/dev gen_docs gen_cli
	tools/check_docs --write

clean:
	rm -rf build

.PHONY: help demo test test-long test-package deb test-planted test-flink bench bench-full check check-full release install format docs clean
