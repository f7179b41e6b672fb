#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The files of a room form no circle: where one calls another, none of what that
# one calls leads back. Judged by the symbols of the objects that were built.
. "$top_srcdir/tests/checks.sh"

# Rooms that are free of circles, and must stay so.
rooms='base json event spool client/producer domain app'

command -v tsort >/dev/null && command -v nm >/dev/null || skip "no tsort or no nm"
for room in $rooms; do
	find "$top_builddir/lib/$room" -path '*/.libs/*.o' | sort >"$tmp/objects"
	[ -s "$tmp/objects" ] || { echo "no objects of lib/$room"; exit 99; }
	while IFS= read -r object; do
		file=${object#"$top_builddir/"}
		file=$top_srcdir/${file%/.libs/*}/$(basename "$object" .o).c
		[ -e "$file" ] || continue # of a file that has another name now
		nm -P "$object" | sed "s,^,$(basename "$object" .o) ,"
	done <"$tmp/objects" | awk '
	# File, symbol, kind: capital letters are global, U is somebody else'"'"'s.
	$2 !~ /^psm_/ { next }
	$3 == "U" { uses[$1 " " $2] = 1; next }
	$3 ~ /^[A-TV-Z]$/ { home[$2] = $1 }
	END {
		for (use in uses) {
			split(use, part, " ")
			if ((part[2] in home) && home[part[2]] != part[1])
				print part[1], home[part[2]]
		}
	}' | sort -u >"$tmp/edges"
	tsort "$tmp/edges" 2>&1 >/dev/null | sed -n 's/^tsort: \([a-z_0-9]*\)$/\1/p' | tr '\n' ' ' >"$tmp/circle"
	[ ! -s "$tmp/circle" ] || fault "lib/$room: a circle of files: $(cat "$tmp/circle")"
done
exit $rc
