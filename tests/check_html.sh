#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual as HTML (make html): a file for each page, links only to what is
# there, pictures that are XML; a picture's text with a fault is refused.
. "$top_srcdir/tests/checks.sh"
command -v mandoc >/dev/null || skip "no mandoc"
html=$tmp/html
set -- "$top_srcdir"/man/*.[1-8]
for page in "$top_builddir"/psymatch-*.7; do
	[ ! -e "$page" ] || set -- "$@" "$page"
done
sh "$top_srcdir/build-aux/make-html" "$html" "$@" >"$tmp/out" 2>&1 || fault "make-html fails"
[ ! -s "$tmp/out" ] || fault "make-html says: $(head -n 5 "$tmp/out")"
for page; do
	[ -s "$html/${page##*/}.html" ] || fault "${page##*/}: has no HTML page"
	grep -qF "href=\"${page##*/}.html\"" "$html/index.html" || fault "index.html: does not lead to ${page##*/}"
done
[ -s "$html/psm_tx.3.html" ] || fault "psm_tx has no page that leads on"
grep -ohE '(href|src)="[^"#:]+' "$html"/*.html | sed 's/.*"//' | sort -u | while read -r to; do
	[ -e "$html/$to" ] || echo "a link leads to $to, which is not there"
done >"$tmp/lines"
faults "$tmp/lines"
for picture in "$top_srcdir"/man/pictures/*.txt; do
	svg=$html/$(basename "$picture" .txt).svg
	boxes=$(grep '^row ' "$picture" | sed 's, / ,\n,g' | wc -l)
	[ "$(grep -c '<rect ' "$svg")" = "$boxes" ] || fault "$svg: want $boxes boxes"
	"${PYTHON:-python3}" -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$svg" 2>"$tmp/out" ||
		[ "${PYTHON:-python3}" = : ] || fault "${svg##*/}: no XML: $(tail -n 1 "$tmp/out")"
done
printf 'title x\nbox a\n' >"$tmp/bad.txt"
sh "$top_srcdir/build-aux/picture" "$tmp/bad.txt" >/dev/null 2>"$tmp/out" && fault "picture takes a line that it does not know"
grep -q 'bad.txt:2: want title, row or arrow' "$tmp/out" || fault "picture does not say which line is wrong: $(cat "$tmp/out")"
exit $rc
