#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual knows every exported function once, in NAME and in SYNOPSIS, with
# the prototype of the header; it names no function, page or error code that
# does not exist; mandoc finds nothing to warn about.
. "$top_srcdir/tests/checks.sh"

set -- "$top_srcdir"/man/*.[1-9]
[ -e "$1" ] || { echo "no pages in man/"; exit 99; }
for page in "$top_builddir"/*.[1-9] "$top_builddir"/man/*.[1-9]; do
	[ -e "$page" ] && [ ! -e "$top_srcdir/man/${page##*/}" ] && set -- "$@" "$page"
done

for h in "$top_srcdir"/include/psymatch/*.h; do
	prototypes_of "$h" | sed "s,\$,	psymatch/${h##*/},"
done | sort >"$tmp/headers"
cut -f1 "$tmp/headers" >"$tmp/exports"
awk -f "$top_srcdir/tests/normal.awk" -f "$top_srcdir/tests/synopsis.awk" "$@" | sort >"$tmp/synopsis"
cut -f1-3 "$tmp/synopsis" >"$tmp/manual"
for page; do
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([A-Za-z0-9_-]*\).*/\1/p' "$page" | sed "s,\$,	${page##*/},"
done | sort >"$tmp/names"

# Once each in a section. A page may bear its own name beside those of its functions.
sed 's/	.*\./	/' "$tmp/names" | sort | uniq -d | cut -f1 | sed 's/$/: in the NAME of more than one page/' >"$tmp/lines"
cut -f1 "$tmp/manual" | uniq -d | sed 's/$/: more than once in a SYNOPSIS/' >>"$tmp/lines"
awk -F '\t' '{ page = $2; sub(/\.[1-9]$/, "", page); if (page != $1) print $1 }' "$tmp/names" >"$tmp/foreign"
awk -F '\t' '{ print $1 }' "$tmp/names" | sort -u >"$tmp/all_names"
sort -u "$tmp/foreign" | comm -23 - "$tmp/exports" | sed 's/$/: in a NAME, but no header declares it/' >>"$tmp/lines"
comm -13 "$tmp/all_names" "$tmp/exports" | sed 's/$/: in the NAME of no page/' >>"$tmp/lines"
faults "$tmp/lines"

# The same prototype, from the same header.
diff "$tmp/headers" "$tmp/manual" | tr '\t' '|' |
	sed -n 's/^< \([^|]*\)|\([^|]*\)|\(.*\)/\1: header \3 says "\2"/p; s/^> \([^|]*\)|\([^|]*\)|\(.*\)/\1: manual (\3) says "\2"/p' >"$tmp/lines"
faults "$tmp/lines"

# The result codes of each function, one entry each with a text of its own.
awk -f "$top_srcdir/tests/contracts.awk" "$top_srcdir"/include/psymatch/*.h | sort -u >"$tmp/promised"
awk -f "$top_srcdir/tests/contracts.awk" "$@" | sort -u >"$tmp/told"
sed -n 's/^!//p' "$tmp/promised" "$tmp/told" >"$tmp/lines"
diff "$tmp/promised" "$tmp/told" | grep -v '^[<>] !' | tr '\t' ' ' |
	sed -n 's/^< \(.*\) \(.*\)/\1: the header lists \2, ERRORS of the manual does not/p
	s/^> \(.*\) \(.*\)/\1: ERRORS of the manual lists \2, the header does not/p' >>"$tmp/lines"
faults "$tmp/lines"

# Error codes and pages that are named exist.
sed -n 's/^[[:space:]]*X(\([A-Z_]*\), -.*/PSM_ERR_\1/p' "$top_srcdir/include/psymatch/error.h" | sort >"$tmp/codes"
cat "$@" | grep -oE 'PSM_ERR_[A-Z_]+' | sort -u | comm -23 - "$tmp/codes" |
	sed 's/$/: the manual names it, error.h does not have it/' >"$tmp/lines"
for page; do
	sed -n 's/^\.Xr \(psm[A-Za-z0-9_-]*\) \([1-9]\).*/\1 \2/p' "$page" | while read -r name section; do
		grep -q "^$name	.*\.$section\$" "$tmp/names" || echo "${page##*/}: refers to $name($section), which does not exist"
	done
	# The way in leads to every page.
	[ ! -e "$top_srcdir/man/psymatch.3" ] || [ "${page##*/}" = psymatch.3 ] ||
		grep -q "^\.Xr $(basename "${page%.*}") ${page##*.}\( .*\)*\$" "$top_srcdir/man/psymatch.3" ||
		echo "${page##*/}: psymatch(3) does not lead to it"
	head -n 1 "$page" | grep -q SPDX || echo "${page##*/}: no SPDX line"
done >>"$tmp/lines"
faults "$tmp/lines"

[ $rc = 0 ] || exit $rc
command -v mandoc >/dev/null || skip "no mandoc to lint with; the rest is fine"
mandoc -T lint -W warning "$@" || rc=1
exit $rc
