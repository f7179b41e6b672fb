#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each fault of the former platform that the library must not have has a test
# that is named after its number: fault_28 to fault_88 of the domain, fault_S1
# to fault_S13 of the services' use of events, p01 to p16 of the producer, c01
# to c15 of the consumer; so have the ten invariants of the domain. A test may
# have several numbers: fault_65_66_each_fault.
. "$top_srcdir/tests/checks.sh"

cat "$top_srcdir"/tests/*.c "$top_srcdir"/tests/*.h 2>/dev/null |
	sed -n 's/^START_TEST(\([A-Za-z0-9_]*\)).*/\1/p' | sort -u >"$tmp/names"

# named FIRST LAST NUMBER BEFORE [WHAT]: BEFORE may stand before the number.
named() {
	for n in $(seq "$1" "$2"); do
		number=$(printf "$3" "$n")
		grep -qE "(^|_)$4${number}(_|\$)" "$tmp/names" || fault "tests: no test is named after ${5:-}$number"
	done
}

named 28 88 '%d' 'fault_([0-9S]+_|and_)*' fault_
named 1 13 'S%d' 'fault_([0-9S]+_|and_)*' fault_
named 1 16 'p%02d' ''
named 1 15 'c%02d' ''
named 1 10 '%d' 'invariant_([0-9]+_)*' invariant_
exit $rc
