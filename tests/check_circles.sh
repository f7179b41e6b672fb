#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The files of a folder of lib form no circle: what a file uses of another one,
# that one does not use of it, not even by way of others (DESIGN.md, "Rooms").
# Taken from the object files: a symbol that one leaves undefined and another one
# of the same folder defines.
. "$top_srcdir/tests/checks.sh"

command -v nm >/dev/null || skip "no nm"
find "$top_builddir/lib" -name '*.o' -exec nm -A -P {} + >"$tmp/symbols"
[ -s "$tmp/symbols" ] || { echo "no object files in $top_builddir/lib" >&2; exit 99; }

tree '^lib/.*\.c$' >"$tmp/sources"

awk -v top="$top_builddir/" -v sources="$tmp/sources" '
BEGIN {
	while ((getline source <sources) > 0)
		exists[source]
}
{
	file = substr($1, length(top) + 1)
	sub(/:$/, "", file)
	sub(/\.libs\//, "", file)
	sub(/\.o$/, "", file)
	name = folder = file
	sub(/.*\//, "", name)
	sub(/^[a-z_]*_la-/, "", name)
	sub(/\/[^\/]*$/, "", folder)
	file = folder "/" name
	if (!((file ".c") in exists)) # its source is gone
		next
	room[file] = folder
	if ($3 == "U")
		uses[file, $2]
	else if ($3 ~ /^[A-Z]$/)
		owner[$2] = file
}
END {
	for (u in uses) {
		split(u, at, SUBSEP)
		to = owner[at[2]]
		if (to != "" && to != at[1] && room[to] == room[at[1]])
			edge[at[1], to] = edge[at[1], to] " " at[2]
	}
	# What only points into a circle, or is only pointed at from one, goes.
	do {
		split("", from)
		split("", into)
		for (e in edge) {
			split(e, at, SUBSEP)
			from[at[1]]
			into[at[2]]
		}
		again = 0
		for (e in edge) {
			split(e, at, SUBSEP)
			if (!(at[2] in from) || !(at[1] in into)) {
				delete edge[e]
				again = 1
			}
		}
	} while (again)
	for (e in edge) {
		split(e, at, SUBSEP)
		print room[at[1]], at[1] " -> " at[2] ":" edge[e]
	}
}' "$tmp/symbols" | sort >"$tmp/circles"

cut -d' ' -f1 "$tmp/circles" | sort -u | while IFS= read -r room; do
	echo "$room: its files form a circle:"
	grep "^$room " "$tmp/circles" | cut -d' ' -f2-
done >"$tmp/bad"
faults "$tmp/bad"
exit $rc
