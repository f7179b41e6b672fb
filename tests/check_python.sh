#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The Python package against the library just built: table, twin tests. Then the
# other Pythons of Debian 12 and 13 that are there, with the tests that need no
# database; PSYMATCH_TEST_LONG=1: with all.
case $PYTHON in '' | :) exit 77 ;; esac
so=$top_builddir/.libs/libpsymatch.so
test -e "$so" || exit 77
# A sanitized library wants its run-time loaded before Python itself.
case $PSM_SANITIZE in
no | '') preload= ;;
*thread*) exit 77 ;; # Python is not built for the thread sanitizer
*) preload=$($CC -print-file-name=libasan.so) ;;
esac
export PYTHONPATH=$top_srcdir/bindings/python PYTHONDONTWRITEBYTECODE=1 PSYMATCH_LIBRARY=$so
tests=$top_srcdir/tests/python

with() { # Python, arguments of unittest
	python=$1
	shift
	ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$preload $python -m unittest "$@"
}

with "$PYTHON" discover -s "$tests" -t "$tests" || exit
[ -z "$preload" ] || exit 0
PYTHONPATH=$PYTHONPATH:$tests
tried=$("$PYTHON" -c 'import sys; print(sys.version_info[:2])')
for python in python3.11 python3.13 /usr/bin/python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[13].*/bin/python3; do
	version=$($python -c 'import sys; print(sys.version_info[:2])' 2>/dev/null) || continue
	case $tried in *"$version"*) continue ;; esac
	tried=$tried$version
	echo "$python $version"
	if [ "$PSYMATCH_TEST_LONG" = 1 ]; then
		with $python discover -s "$tests" -t "$tests" || exit
	else
		with $python test_event test_handles test_failures test_loop test_compat test_docs || exit
	fi
done
