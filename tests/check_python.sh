#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The Python package against the library just built: table, twin tests.
case $PYTHON in '' | :) exit 77 ;; esac
so=$top_builddir/.libs/libpsymatch.so
test -e "$so" || exit 77
# A sanitized library wants its run-time loaded before Python itself.
case $PSM_SANITIZE in
no | '') preload= ;;
*thread*) exit 77 ;; # Python is not built for the thread sanitizer
*) preload=$($CC -print-file-name=libasan.so) ;;
esac
PYTHONPATH=$top_srcdir/bindings/python PYTHONDONTWRITEBYTECODE=1 PSYMATCH_LIBRARY=$so \
ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$preload \
	exec $PYTHON -m unittest discover -s "$top_srcdir/tests/python" -t "$top_srcdir/tests/python"
