#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The short way stays short: lines (without blank ones and comments) and
# functions of the library that the examples of it need.
. "$top_srcdir/tests/checks.sh"

# code FILE: its lines without comments and blank ones.
code() { sed -e 's://.*::' -e '/^[[:space:]]*\(\/\*\| \*\)/d' -e '/^[[:space:]]*$/d' "$1"; }

# short FILE LINES CALLS: members of a payload are data, no calls.
short() {
	lines=$(code "$top_srcdir/examples/$1" | wc -l)
	calls=$(code "$top_srcdir/examples/$1" | grep -oE '\bpsm_[a-z_]+\(' | grep -vE '^psm_payload_(int|text|null|bool|double|time)\(' | sort -u | wc -l)
	[ "$lines" -le "$2" ] || fault "examples/$1: want at most $2 lines, found $lines"
	[ "$calls" -le "$3" ] || fault "examples/$1: want at most $3 functions of the library, found $calls"
	echo "examples/$1: $lines lines, $calls functions"
}

short 07_send.c 20 5
short 08_handle.c 25 6
# With an outbox, a relay and a processor.
short 06_program.c 40 14
exit $rc
