#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Three lists are one, for each library: PSM_API in the headers, the symbol map,
# what the built library exports. Whatever the static library defines starts
# with the prefix, because nothing hides it there.
. "$top_srcdir/tests/checks.sh"

same() { # what, list, what, list
	diff "$2" "$4" >"$tmp/diff" && return
	sed -n "s/^< \(.*\)/\1: in $1, not in $3/p; s/^> \(.*\)/\1: in $3, not in $1/p" "$tmp/diff" >"$tmp/lines"
	faults "$tmp/lines"
}

compare() { # library, headers...
	lib=$1
	shift
	map=$top_srcdir/lib/${lib#lib}.map
	so=$top_builddir/.libs/$lib.so
	prototypes_of "$@" | cut -f1 >"$tmp/headers"
	[ -s "$tmp/headers" ] || fault "no exported function found in $*"
	sed -n 's/^[[:space:]]*\([a-z][a-z0-9_]*\);$/\1/p' "$map" >"$tmp/map.given"
	sort "$tmp/map.given" >"$tmp/map"
	cmp -s "$tmp/map" "$tmp/map.given" || fault "${map##*/}: not sorted"
	same "the headers" "$tmp/headers" "${map##*/}" "$tmp/map"
	if [ -e "$so" ]; then
		${NM:-nm} -D --defined-only "$so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$tmp/so"
		same "${map##*/}" "$tmp/map" "$lib.so" "$tmp/so"
	fi
	if [ -e "$top_builddir/.libs/$lib.a" ]; then
		${NM:-nm} -g --defined-only "$top_builddir/.libs/$lib.a" 2>/dev/null |
			awk 'NF == 3 && $3 !~ /^(psm_|__odr_asan)/ { print $3 ": in the static library without the prefix psm_" }' >"$tmp/lines"
		faults "$tmp/lines"
	fi
}

compare_with() { # library, whether its headers are those of the services
	library=$1 wanted=$2
	set --
	for h in "$top_srcdir"/include/psymatch/*.h; do
		case ${h##*/} in
		mailer.h | matching_jobs.h) is=yes ;;
		geo_client.h | object_storage.h | platform.h | service.h | rest.h) is=yes ;;
		*) is=no ;;
		esac
		[ $is != "$wanted" ] || set -- "$@" "$h"
	done
	compare "$library" "$@"
}
compare_with libpsymatch no
compare_with libpsymatch-service yes
if [ $rc = 0 ]; then
	for lib in libpsymatch libpsymatch-service; do
		[ -e "$top_builddir/.libs/$lib.so" ] || skip "$lib is not built as a shared library"
	done
fi
exit $rc
