#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test-summary counts what the logs of the test programs say.
. "$top_srcdir/tests/checks.sh"

log() { # name, result; the log comes on standard input
	printf ':test-result: %s\n' "$2" >"$tmp/build/$1.trs"
	cat >"$tmp/build/$1.log"
}

want() { # what, expected output
	"$top_srcdir/build-aux/test-summary" "$tmp/build" >"$tmp/out" || fault "$1: status $?"
	printf '%b' "$2" | diff - "$tmp/out" || fault "$1: the count is wrong (above: < wanted, > found)"
	rm -rf "$tmp/build"
	mkdir -p "$tmp/build/tests"
}

mkdir -p "$tmp/build/tests"
want 'nothing at all' '0 0 0\n'

log tests/test_a PASS <<'END'
Running suite(s): a
100%: Checks: 12, Failures: 0, Errors: 0
Running suite(s): b
100%: Checks: 3, Failures: 0, Errors: 0
END
log tests/check_b PASS </dev/null
want 'suites of one program are summed, a script is one test' '16 0 0\n'

log tests/test_a FAIL <<'END'
75%: Checks: 8, Failures: 1, Errors: 1
END
want 'failures and errors' 'FAILED   tests/test_a\n6 2 0\n'

log tests/test_a ERROR </dev/null
log tests/test_b FAIL <<'END'
100%: Checks: 4, Failures: 0, Errors: 0
ERROR: LeakSanitizer: detected memory leaks
END
want 'a program that fails beside its tests' 'FAILED   tests/test_a\nFAILED   tests/test_b\n4 2 0\n'

log tests/check_python PASS <<'END'
Ran 21 tests in 0.5s

OK (skipped=2)
END
want 'Python, some skipped' '19 0 2\n'

log tests/check_python FAIL <<'END'
Ran 10 tests in 0.5s

FAILED (failures=1, errors=2, skipped=3)
END
want 'Python, some failed' 'FAILED   tests/check_python\n4 3 3\n'

log tests/check_c SKIP <<'END'
skipped: no such tool
END
want 'skipped' 'skipped  tests/check_c  skipped: no such tool\n0 0 1\n'
exit $rc
