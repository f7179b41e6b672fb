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
# As README.md shows it.
short 09_send_one.c 15 6
short 08_handle.c 25 6
# With an outbox, a relay and a processor.
short 06_program.c 40 14

# What README.md shows, all lines counted.
shown() { # LANGUAGE LINES
	lines=$(awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } /^```/ { if (on) exit } on' "$top_srcdir/README.md" | wc -l)
	[ "$lines" -gt 0 ] && [ "$lines" -le "$2" ] || fault "README.md: want at most $2 lines of $1, found $lines"
}
shown c 15
shown python 8
exit $rc
